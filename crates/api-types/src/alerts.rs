use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Delivery, Labels, Status};

/// What a log entry did to its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// It opened the incident.
    Opened,
    /// It closed the incident.
    Resolved,
    /// It repeated the incident's state after the window.
    Refreshed,
    /// It told an old state that had been overtaken; nothing moved.
    Late,
    /// It changed the incident's annotations, value or link.
    Updated,
}

/// One entry of the alert log: one alert as one delivery told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// The entry's number. It says nothing of the order.
    pub id: i64,
    /// The delivery that told it.
    pub delivery_id: i64,
    /// The incident that it belongs to.
    pub incident_id: i64,
    /// The source, as named by `?source=` or by the token.
    pub source: String,
    /// When Tocsin received it.
    pub received_at: DateTime<Utc>,
    /// What the sender said.
    pub status: Status,
    /// What the entry did to its incident.
    pub kind: EntryKind,
    /// When the alert began, as the sender said it.
    pub starts_at: DateTime<Utc>,
    /// When it ended, as the sender said it; null while it has no end.
    pub ends_at: Option<DateTime<Utc>>,
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// The team label, or empty.
    pub team: String,
    /// Annotation `message`, else `summary`, else `description`, else empty. In a list
    /// at most 500 characters of it.
    pub message: String,
    /// The label set's hash as Alertmanager computes it, 16 hex digits.
    pub fingerprint: String,
    /// All labels.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub labels: Labels,
    /// All annotations.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub annotations: Labels,
    /// The sender's link to the expression; may be any text.
    pub generator_url: String,
    /// The incident is acknowledged or has ended.
    pub known: bool,
    /// The incident's memo.
    pub memo: String,
}

/// A log entry with the delivery that told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AlertDetail {
    /// The entry itself.
    #[serde(flatten)]
    pub alert: Alert,
    /// The delivery that told it. Null for somebody who sees only some alerts,
    /// because it tells of others, too.
    pub delivery: Option<Delivery>,
}
