use tocsin_core::alert::RejectedAlert;
use tocsin_core::lifecycle::Outcome;

/// Result of a delivery: the number of alerts by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// ID of the delivery.
    pub delivery_id: i64,
    /// Alerts in the body.
    pub alerts: usize,
    /// Alerts that opened an incident.
    pub opened: usize,
    /// Alerts that resolved one.
    pub resolved: usize,
    /// Alerts that repeated the current state after the dedup window.
    pub refreshed: usize,
    /// Alerts that repeated the current state within the dedup window (duplicates).
    pub seen_again: usize,
    /// Alerts that changed the content of an incident.
    pub updated: usize,
    /// Alerts that reported a state older than the current one (out of order).
    pub late: usize,
    /// Alerts that are invalid.
    pub rejected: Vec<RejectedAlert>,
}

impl IngestReport {
    pub(super) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Opened => self.opened += 1,
            Outcome::Resolved => self.resolved += 1,
            Outcome::Repeated => self.refreshed += 1,
            Outcome::Duplicate => self.seen_again += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::OutOfOrder => self.late += 1,
        }
    }

    /// Number of new log entries.
    pub(super) fn entries(&self) -> usize {
        self.opened + self.resolved + self.refreshed + self.updated + self.late
    }
}
