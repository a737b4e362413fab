use serde::{Deserialize, Serialize};

use crate::{EventKind, NotificationState};

/// One server-sent event of `GET /events`. The SSE `event` field is the `type`
/// (`delivery`, `incident`, `notification`), `data` is this object, and `id`
/// resumes the stream by `Last-Event-ID`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ChangeEvent {
    /// A delivery was stored.
    Delivery(DeliveryChange),
    /// An incident changed.
    Incident(IncidentChange),
    /// A mail changed its state.
    Notification(NotificationChange),
}

/// A stored delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryChange {
    /// The delivery's number.
    pub id: i64,
    /// Its source.
    pub source: String,
    /// New log entries; none where everything was seen before.
    pub entries: i64,
    /// Whether it was refused.
    pub refused: bool,
}

/// A changed incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IncidentChange {
    /// The incident's number.
    pub id: i64,
    /// What happened to it.
    pub event: EventKind,
}

/// A changed mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationChange {
    /// The mail's number.
    pub id: i64,
    /// Its new state.
    pub state: NotificationState,
}
