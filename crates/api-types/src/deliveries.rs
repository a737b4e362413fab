use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Status;

/// Outcome of a request to the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOutcome {
    /// The alerts were stored, except those listed in `rejected`.
    Accepted,
    /// The whole request was rejected. `reason` has the cause.
    Refused,
}

/// An alert of a delivery that could not be parsed. The other alerts of the
/// delivery are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RejectedAlert {
    /// Zero-based index in `alerts` of the request body.
    pub index: usize,
    /// Reason why the alert was rejected.
    pub reason: String,
}

/// A request to the webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// ID of the delivery.
    pub id: i64,
    /// Time at which the request was received.
    pub received_at: DateTime<Utc>,
    /// Source of the delivery.
    pub source: String,
    /// Sender: `externalURL` of the request body.
    pub sender: String,
    /// Outcome of the request.
    pub outcome: DeliveryOutcome,
    /// Reason why the request was rejected. Null if it was accepted.
    pub reason: Option<String>,
    /// Name of the receiver in the Alertmanager configuration of the sender.
    pub receiver: String,
    /// Key of the alert group in Alertmanager.
    pub group_key: String,
    /// Status of the alert group. Null if not reported.
    pub status: Option<Status>,
    /// Version of the webhook format.
    pub version: String,
    /// Number of alerts in the request body.
    pub alerts: i64,
    /// Number of alerts that the sender left out because of `max_alerts`.
    pub truncated_alerts: i64,
    /// Number of alerts that opened an incident.
    pub opened: i64,
    /// Number of alerts that resolved an incident.
    pub resolved: i64,
    /// Number of alerts that repeated the state of their incident after the
    /// deduplication window.
    pub refreshed: i64,
    /// Number of alerts that repeated the state of their incident within the
    /// deduplication window. These are not logged.
    pub seen_again: i64,
    /// Number of alerts with changed annotations, value or generator URL.
    pub updated: i64,
    /// Number of alerts received out of order, with an outdated state.
    pub late: i64,
    /// Alerts that could not be parsed.
    pub rejected: Vec<RejectedAlert>,
    /// Number of alerts that triggered a notification but matched no recipient.
    pub unrouted: i64,
    /// Size of the request body in bytes.
    pub body_bytes: i64,
    /// Whether the raw request body is still stored.
    pub raw_available: bool,
}
