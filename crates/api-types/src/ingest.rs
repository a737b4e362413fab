use serde::{Deserialize, Serialize};

use crate::RejectedAlert;

/// The answer to a delivery: it is stored for good, and this became of its
/// alerts. `alerts` is the number in the body; the counts sum up to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IngestReport {
    /// The delivery's number.
    pub delivery_id: i64,
    /// Alerts in the body.
    pub alerts: usize,
    /// Alerts that opened an incident.
    pub opened: usize,
    /// Alerts that closed one.
    pub resolved: usize,
    /// Alerts that repeated a known state after the window.
    pub refreshed: usize,
    /// Alerts that repeated a known state within the window.
    pub seen_again: usize,
    /// Alerts whose new annotations, value or link are in the log.
    pub updated: usize,
    /// Alerts that told an overtaken state.
    pub late: usize,
    /// Alerts that could not be read.
    pub rejected: Vec<RejectedAlert>,
}
