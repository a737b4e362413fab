use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Delivery, Labels, Status};

/// Effect of a log entry on its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// Opened the incident.
    Opened,
    /// Resolved the incident.
    Resolved,
    /// Repeated the incident's state after the deduplication window.
    Refreshed,
    /// Received out of order: reported an outdated state. The incident is
    /// unchanged.
    Late,
    /// Changed the annotations, value or generator URL of the incident.
    Updated,
}

/// An entry of the alert log: one alert as reported by one delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// ID of the log entry. IDs are not in chronological order.
    pub id: i64,
    /// ID of the delivery that reported the alert.
    pub delivery_id: i64,
    /// ID of the incident that the entry belongs to.
    pub incident_id: i64,
    /// Source of the alert, set by the token or the query parameter `source`.
    pub source: String,
    /// Time at which Tocsin received the alert.
    pub received_at: DateTime<Utc>,
    /// Status reported by the sender.
    pub status: Status,
    /// Effect of the entry on its incident.
    pub kind: EntryKind,
    /// Start time reported by the sender.
    pub starts_at: DateTime<Utc>,
    /// End time reported by the sender. Null if the alert has not ended.
    pub ends_at: Option<DateTime<Utc>>,
    /// Value of the label `alertname`, or `(none)`.
    pub alertname: String,
    /// Value of the label `instance`. Empty if the label is missing.
    pub instance: String,
    /// Value of the label `severity`. Empty if the label is missing.
    pub severity: String,
    /// Value of the team label. Empty if the label is missing.
    pub team: String,
    /// First of the annotations `message`, `summary` and `description` that is
    /// present, else empty. Truncated to 500 characters in lists.
    pub message: String,
    /// Hash of the label set as computed by Alertmanager: 16 hexadecimal digits.
    pub fingerprint: String,
    /// Labels of the alert.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub labels: Labels,
    /// Annotations of the alert.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub annotations: Labels,
    /// Link to the source of the alert, as sent. Any string: not validated as a URL.
    pub generator_url: String,
    /// Whether the incident is acknowledged or has ended.
    pub known: bool,
    /// Note of the incident.
    pub memo: String,
}

/// A log entry with the delivery that reported it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AlertDetail {
    /// The log entry.
    #[serde(flatten)]
    pub alert: Alert,
    /// The delivery that reported the alert. Null for users and tokens with
    /// restricted visibility, because a delivery can contain other alerts.
    pub delivery: Option<Delivery>,
}
