use tocsin_core::alert::RejectedAlert;
use tocsin_core::lifecycle::Outcome;

/// What became of a delivery's alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Alerts that changed the content of an incident.
    pub updated: usize,
    /// Alerts that told an overtaken state.
    pub late: usize,
    /// Alerts that could not be read.
    pub rejected: Vec<RejectedAlert>,
}

impl IngestReport {
    pub(super) fn count(&mut self, verdict: Outcome) {
        match verdict {
            Outcome::Opened => self.opened += 1,
            Outcome::Resolved => self.resolved += 1,
            Outcome::Repeated => self.refreshed += 1,
            Outcome::Duplicate => self.seen_again += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::OutOfOrder => self.late += 1,
        }
    }

    /// New log entries.
    pub(super) fn entries(&self) -> usize {
        self.opened + self.resolved + self.refreshed + self.updated + self.late
    }
}
