use serde::{Deserialize, Serialize};

use crate::{EventKind, NotificationState};

/// A server-sent event of `GET /events`. The `event` field is the `type`
/// (`delivery`, `incident`, `notification`), and `data` is this object. Send the
/// last `id` as `Last-Event-ID` to resume the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ChangeEvent {
    /// A delivery was stored.
    Delivery(DeliveryChange),
    /// An incident changed.
    Incident(IncidentChange),
    /// A notification changed its state.
    Notification(NotificationChange),
}

/// A stored delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryChange {
    /// ID of the delivery.
    pub id: i64,
    /// Source of the delivery.
    pub source: String,
    /// Number of new log entries. 0 if all alerts were repeats.
    pub entries: i64,
    /// Whether the request was rejected.
    pub refused: bool,
}

/// A change to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IncidentChange {
    /// ID of the incident.
    pub id: i64,
    /// Type of the change.
    pub event: EventKind,
}

/// A change to a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NotificationChange {
    /// ID of the notification.
    pub id: i64,
    /// New state of the notification.
    pub state: NotificationState,
}
