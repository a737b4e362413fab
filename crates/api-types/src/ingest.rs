use serde::{Deserialize, Serialize};

use crate::RejectedAlert;

/// Response to a delivery, sent after the delivery is durably stored. The counts and
/// the `rejected` alerts add up to `alerts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IngestReport {
    /// ID of the delivery.
    pub delivery_id: i64,
    /// Number of alerts in the request body.
    pub alerts: usize,
    /// Number of alerts that opened an incident.
    pub opened: usize,
    /// Number of alerts that resolved an incident.
    pub resolved: usize,
    /// Number of alerts that repeated the state of their incident after the
    /// deduplication window.
    pub refreshed: usize,
    /// Number of alerts that repeated the state of their incident within the
    /// deduplication window.
    pub seen_again: usize,
    /// Number of alerts with changed annotations, value or generator URL.
    pub updated: usize,
    /// Number of alerts received out of order, with an outdated state.
    pub late: usize,
    /// Alerts that could not be parsed.
    pub rejected: Vec<RejectedAlert>,
}
