//! The state that judging moves.

use std::time::Duration;

use crate::time::Timestamp;

/// Where an episode stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It fires, as far as anybody said.
    Open,
    /// Its end was told.
    Resolved,
    /// Its end was never told, and the alert fired anew.
    Lost,
}

/// One firing episode of one alert: the part of an incident that judging
/// needs and moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The incident's number.
    pub id: i64,
    /// Where it stands.
    pub state: State,
    /// The earliest start told, but never before `not_before`.
    pub starts_at: Timestamp,
    /// When it ended; `None` while it is open.
    pub ends_at: Option<Timestamp>,
    /// The close of the episode before.
    pub not_before: Option<Timestamp>,
    /// When we first heard of it.
    pub first_seen_at: Timestamp,
    /// When we last heard of it.
    pub last_seen_at: Timestamp,
    /// When its present state last got a log entry.
    pub last_entry_at: Timestamp,
    /// How often it was told, repeats within the window not counted.
    pub occurrences: i64,
    /// How many senders spoke of it.
    pub senders: i64,
    /// The episode before.
    pub previous: Option<i64>,
}

impl Episode {
    /// Whether it is open, stale or not.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether it is open and has not been seen for longer than `stale_after`
    /// (rule 4).
    pub fn is_stale(&self, now: Timestamp, stale_after: Duration) -> bool {
        self.is_open() && now.since(self.last_seen_at) > stale_after
    }

    /// The close that a later start is compared with. An end told in the
    /// future, by a sender whose clock is ahead, counts from when it was told:
    /// it must not hide what fires until then.
    pub(super) fn close(&self) -> Timestamp {
        match (self.state, self.ends_at) {
            (State::Resolved, Some(end)) => end.min(self.last_entry_at),
            (_, end) => end.unwrap_or(self.last_seen_at),
        }
    }

    /// The same episode, ended unseen. It is known to have lasted until it was
    /// last seen.
    pub(super) fn lost(&self) -> Self {
        Self {
            state: State::Lost,
            ends_at: Some(self.last_seen_at.max(self.starts_at)),
            ..self.clone()
        }
    }
}
