use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Status;

/// What became of a request to the webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryOutcome {
    /// Its alerts are in the log, but for those in `rejected`.
    Accepted,
    /// Nothing of it could be read; `reason` says why.
    Refused,
}

/// One alert of a delivery that could not be read; its neighbours were stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RejectedAlert {
    /// Its place in the body's `alerts`, from 0.
    pub index: usize,
    /// Why it could not be read.
    pub reason: String,
}

/// One request to the webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The delivery's number.
    pub id: i64,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// The source that it was counted to.
    pub source: String,
    /// The sender: the body's `externalURL`.
    pub sender: String,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// Why it was refused; null for an accepted one.
    pub reason: Option<String>,
    /// The receiver's name in the sender's configuration.
    pub receiver: String,
    /// The sender's key of the notification group.
    pub group_key: String,
    /// The group's status; null where it was not said.
    pub status: Option<Status>,
    /// The body's version.
    pub version: String,
    /// The number of alerts in the body.
    pub alerts: i64,
    /// Alerts that the sender left out of the body (`max_alerts`).
    pub truncated_alerts: i64,
    /// Alerts that opened an incident.
    pub opened: i64,
    /// Alerts that closed one.
    pub resolved: i64,
    /// Alerts that repeated a known state after the window.
    pub refreshed: i64,
    /// Alerts that repeated a known state within the window; not in the log.
    pub seen_again: i64,
    /// Alerts whose new annotations, value or link are in the log.
    pub updated: i64,
    /// Alerts that told an overtaken state.
    pub late: i64,
    /// Alerts that could not be read.
    pub rejected: Vec<RejectedAlert>,
    /// Alerts that owed mail and reached no recipient.
    pub unrouted: i64,
    /// The body's size in bytes.
    pub body_bytes: i64,
    /// Whether the raw body is still kept.
    pub raw_available: bool,
}
