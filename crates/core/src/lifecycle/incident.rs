//! The incident, its states and end reasons.

use std::time::Duration;

use crate::time::Timestamp;

/// State of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncidentState {
    /// The alert fires, as far as reported.
    Open,
    /// A sender reported the resolution.
    Resolved,
    /// Ended without a resolution: the incident was stale, or the alert fired again.
    Expired,
    /// Closed by a person.
    Closed,
}

/// Why an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// A sender reported the resolution.
    Resolved,
    /// The alert fired again, and no resolution was received in between.
    FiredAgain,
    /// No update within the configured time.
    NoUpdates,
    /// Closed by a person.
    Person,
    /// Opened by a delayed copy from a peer: it has no length, and lists and statistics leave it
    /// out.
    Copy,
}

/// One firing episode of one alert: the fields that the lifecycle reads and changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Database ID.
    pub id: i64,
    /// Current state.
    pub state: IncidentState,
    /// The earliest start reported, but never before the previous close.
    pub starts_at: Timestamp,
    /// End, never before `starts_at`; `None` while open.
    pub ends_at: Option<Timestamp>,
    /// End as the resolution reported it, which may be before the start.
    pub reported_end: Option<Timestamp>,
    /// When the end was received or entered, by the server's clock.
    pub closed_at: Option<Timestamp>,
    /// Latest start that a firing of this incident reported.
    pub latest_start: Option<Timestamp>,
    /// End of the previous incident: the later of reported and stored.
    pub previous_end: Option<Timestamp>,
    /// Why it ended; `None` while open.
    pub end_reason: Option<EndReason>,
    /// First report, by the server's clock.
    pub first_seen_at: Timestamp,
    /// Last report, by the server's clock.
    pub last_seen_at: Timestamp,
    /// Last log entry for the current state.
    pub last_entry_at: Timestamp,
    /// Last log entry for changed content.
    pub updated_at: Option<Timestamp>,
    /// Times received, without repeats within the window.
    pub times_received: i64,
    /// Number of senders that reported it.
    pub senders: i64,
    /// ID of the previous incident.
    pub previous: Option<i64>,
}

impl Incident {
    /// Whether it is open, stale or not.
    pub fn is_open(&self) -> bool {
        self.state == IncidentState::Open
    }

    /// Whether it is open and has not been seen for longer than `stale_after`.
    pub fn is_stale(&self, now: Timestamp, stale_after: Duration) -> bool {
        self.is_open() && now.since(self.last_seen_at) > stale_after
    }

    /// Whether it began with a start that the previous incident already had: a new firing, or a
    /// delayed copy of an old one.
    #[must_use]
    pub fn has_old_start(&self) -> bool {
        self.latest_start
            .is_some_and(|start| start < self.starts_at)
    }

    /// The close that a later start is compared with. A reported end in the future (a sender whose
    /// clock is ahead) counts from its receipt: it must not hide an alert that fires before then.
    pub(super) fn close_time(&self) -> Timestamp {
        let end = self.ends_at.unwrap_or(self.last_seen_at);
        self.closed_at.map_or(end, |received| end.min(received))
    }

    /// The later of the reported and the stored end.
    pub(super) fn latest_end(&self) -> Option<Timestamp> {
        self.reported_end.max(self.ends_at)
    }

    /// Returns this incident ended without a resolution. It ends when it was last seen.
    #[must_use]
    pub fn expired(&self, now: Timestamp, reason: EndReason) -> Self {
        Self {
            state: IncidentState::Expired,
            end_reason: Some(reason),
            ends_at: Some(self.last_seen_at.max(self.starts_at)),
            closed_at: Some(now),
            ..self.clone()
        }
    }

    /// Returns this incident closed by a person.
    #[must_use]
    pub fn closed(&self, now: Timestamp) -> Self {
        Self {
            state: IncidentState::Closed,
            end_reason: Some(EndReason::Person),
            ends_at: Some(now.max(self.starts_at)),
            closed_at: Some(now),
            ..self.clone()
        }
    }
}
