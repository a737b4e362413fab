//! The state that judging moves.

use std::time::Duration;

use crate::time::Timestamp;

/// Where an episode stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncidentState {
    /// It fires, as far as the reports say.
    Open,
    /// A report said that it ended.
    Resolved,
    /// It ended without a resolution: it was stale, or the alert fired again.
    Expired,
    /// A person ended it.
    Closed,
}

/// Why an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// A report said so.
    Resolved,
    /// The alert fired again, after a resolution that nobody received.
    FiredAgain,
    /// It was not seen for as long as a setting allows.
    NoUpdates,
    /// A person closed it.
    Person,
    /// It was opened by the stale copy of a peer: it has no length, and lists and
    /// statistics leave it out.
    Copy,
}

/// One firing episode of one alert: the part of an incident that judging
/// needs and moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// The incident's ID.
    pub id: i64,
    /// Where it stands.
    pub state: IncidentState,
    /// The earliest start reported, but never before the previous close.
    pub starts_at: Timestamp,
    /// When it ended, never before `starts_at`; `None` while it is open.
    pub ends_at: Option<Timestamp>,
    /// The end as its resolution reported it, which may lie before the start.
    pub reported_end: Option<Timestamp>,
    /// When the end was received or made, by our clock.
    pub closed_at: Option<Timestamp>,
    /// The greatest start that a firing of this incident reported.
    pub latest_start: Option<Timestamp>,
    /// The end of the incident before: the later of as reported and as stored.
    pub previous_end: Option<Timestamp>,
    /// Why it ended; `None` while it is open.
    pub end_reason: Option<EndReason>,
    /// When we first heard of it.
    pub first_seen_at: Timestamp,
    /// When we last heard of it.
    pub last_seen_at: Timestamp,
    /// When its present state last got a log entry.
    pub last_entry_at: Timestamp,
    /// When its content last got a log entry of its own.
    pub updated_at: Option<Timestamp>,
    /// How often it was told, repeats within the window not counted.
    pub times_received: i64,
    /// How many senders spoke of it.
    pub senders: i64,
    /// The episode before.
    pub previous: Option<i64>,
}

impl Incident {
    /// Whether it is open, stale or not.
    pub fn is_open(&self) -> bool {
        self.state == IncidentState::Open
    }

    /// Whether it is open and has not been seen for longer than `stale_after`
    /// (rule 4).
    pub fn is_stale(&self, now: Timestamp, stale_after: Duration) -> bool {
        self.is_open() && now.since(self.last_seen_at) > stale_after
    }

    /// Whether it began with a start that the incident before it had already: a new
    /// firing, or the stale copy of an old one.
    #[must_use]
    pub fn has_old_start(&self) -> bool {
        self.latest_start
            .is_some_and(|start| start < self.starts_at)
    }

    /// The close that a later start is compared with. An end told in the
    /// future, by a sender whose clock is ahead, counts from when it was told:
    /// it must not hide what fires until then.
    pub(super) fn close_time(&self) -> Timestamp {
        let end = self.ends_at.unwrap_or(self.last_seen_at);
        self.closed_at.map_or(end, |received| end.min(received))
    }

    /// The later of its ends as reported and as stored.
    pub(super) fn latest_end(&self) -> Option<Timestamp> {
        self.reported_end.max(self.ends_at)
    }

    /// The same episode, ended without a resolution. It is known to have lasted
    /// until it was last seen.
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

    /// The same episode, ended by a person.
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
