//! The incident lifecycle: how one alert of a delivery changes its incident.
//!
//! [`transition`] has three inputs: the alert as reported now ([`AlertUpdate`]), the alert's latest
//! incident ([`Incident`]), and the last report of each sender ([`SenderState`]). That is enough
//! because the deliveries of one sender arrive in order: a retry repeats the sender's latest
//! report, so a firing after its own resolution is a new firing, while the same firing from the
//! other peer of a pair may be a delayed copy. Two peers may share one name (one `externalURL`);
//! then a firing after the sender's own resolution may be a delayed copy as well, which shows when
//! only copies of that resolution follow.
//!
//! Times of the same clock are compared where possible: starts and ends are the sender's, "seen"
//! and "entry" times are the server's.

mod incident;
#[cfg(test)]
mod interleaving;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::alert::{ReceivedAlert, Status};
use crate::time::Timestamp;

pub use incident::{EndReason, Incident, IncidentState};

/// Maximum difference between the ends of one resolution as two peers report it. Observed: 1 ms.
/// Two different resolutions are at least a rule's evaluation interval apart, which is seconds.
const PEER_SKEW: Duration = Duration::from_secs(1);

/// Maximum time by which the end in a delayed copy may exceed the end of the original resolution.
/// Larger than the observed peer skew, shorter than a real incident, which may last only a second.
const COPY_SKEW: Duration = Duration::from_millis(100);

/// Time after a close within which a peer under the same name may still send its copy of the
/// firing: two flushes of an Alertmanager pair (`cluster.peer-timeout`, 15 s).
const COPY_LAG: Duration = Duration::from_secs(30);

/// Minimum interval between two log entries for changed content. The content itself is updated at
/// once: a value in an annotation may change with every evaluation.
const UPDATE_INTERVAL: Duration = Duration::from_secs(60);

/// Settings of the lifecycle.
#[derive(Clone, Copy, Debug)]
pub struct DedupSettings {
    /// Time after a log entry within which a repeated report is a duplicate and gets no entry.
    pub window: Duration,
    /// Time without an update after which an open incident is stale.
    pub stale_after: Duration,
}

/// One alert of a delivery, reduced to the input of the lifecycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertUpdate {
    /// Firing or resolved.
    pub status: Status,
    /// Reported start; `None` if not reported.
    pub starts_at: Option<Timestamp>,
    /// Reported end; `None` if not reported.
    pub ends_at: Option<Timestamp>,
}

impl From<&ReceivedAlert> for AlertUpdate {
    fn from(alert: &ReceivedAlert) -> Self {
        Self {
            status: alert.status,
            starts_at: alert.starts_at,
            ends_at: alert.ends_at,
        }
    }
}

/// The last report of one alert by one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderState {
    /// Firing or resolved.
    pub status: Status,
    /// Reported start.
    pub starts_at: Option<Timestamp>,
    /// Reported end.
    pub ends_at: Option<Timestamp>,
    /// Time of receipt; for a repeated out-of-order report, that of the first one.
    pub received_at: Timestamp,
    /// Whether the report was out of order.
    pub out_of_order: bool,
    /// The last incident that counts this sender.
    pub incident: Option<i64>,
    /// The last incident that this sender reported as resolved.
    pub closed: Option<i64>,
}

impl SenderState {
    /// Whether this sender's last report is that the incident fires.
    fn reports_firing(&self, incident: &Incident) -> bool {
        self.status == Status::Firing && !self.out_of_order && self.incident == Some(incident.id)
    }
}

/// Result of one alert of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new incident was opened.
    Opened,
    /// An incident ended.
    Resolved,
    /// The current state, repeated after the deduplication window.
    Repeated,
    /// The current state, repeated within the window: no log entry.
    Duplicate,
    /// The current state with different annotations, value or link: a log entry, but no event.
    Updated,
    /// An outdated state: a log entry, the incident does not change.
    OutOfOrder,
}

/// The changes to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Result for the alert.
    pub outcome: Outcome,
    /// The incident that the report belongs to, after the change.
    pub incident: Incident,
    /// An incident that this report shows to have ended without a resolution.
    pub expired: Option<Incident>,
    /// Whether the opened incident may be a delayed copy from a peer under the same name: its
    /// notification is held for a while.
    pub suspected_copy: bool,
    /// The new state of this sender.
    pub sender_state: SenderState,
}

impl Transition {
    /// Whether the report describes the current incident, so that its content becomes the
    /// incident's. False only for out-of-order reports.
    #[must_use]
    pub fn updates_content(&self) -> bool {
        !self.sender_state.out_of_order
    }
}

/// Input of [`transition`].
#[derive(Clone, Copy, Debug)]
pub struct TransitionInput<'a> {
    /// Settings of the lifecycle.
    pub settings: &'a DedupSettings,
    /// Time of receipt.
    pub now: Timestamp,
    /// ID of the incident, if one is opened.
    pub new_id: i64,
    /// The report.
    pub update: &'a AlertUpdate,
    /// Whether annotations, value or link differ from those of the latest incident.
    pub is_changed: bool,
    /// ID of the reporting sender.
    pub sender: i64,
    /// The last report of each sender of this alert, by sender ID.
    pub sender_states: &'a [(i64, SenderState)],
    /// The alert's latest incident.
    pub latest: Option<&'a Incident>,
}

/// Computes the result of one report.
pub fn transition(input: &TransitionInput<'_>) -> Transition {
    match (input.update.status, input.latest) {
        (Status::Firing, None) => input.open_incident(None, None),
        (Status::Resolved, None) => input.record_ended(None),
        (Status::Firing, Some(e)) if e.is_open() => input.firing_while_open(e),
        (Status::Firing, Some(e)) => input.firing_while_ended(e),
        (Status::Resolved, Some(e)) if e.is_open() => input.resolved_while_open(e),
        (Status::Resolved, Some(e)) => input.resolved_while_ended(e),
    }
}

impl<'a> TransitionInput<'a> {
    /// The last report of this sender.
    fn sender_state(&self) -> Option<&'a SenderState> {
        let mut states = self.sender_states.iter();
        let found = states.find(|(id, _)| *id == self.sender);
        found.map(|(_, state)| state)
    }

    fn firing_while_open(&self, open: &Incident) -> Transition {
        let was_stale = open.is_stale(self.now, self.settings.stale_after);
        // A start in the future that was reported before is not a new firing.
        let began_later = self.update.starts_at.is_some_and(|start| {
            start > open.latest_start.unwrap_or(open.starts_at)
                && start > open.last_seen_at.plus(self.settings.window)
        });
        if was_stale || began_later {
            return self.open_incident(
                Some(open),
                Some(open.expired(self.now, EndReason::FiredAgain)),
            );
        }
        let mut incident = open.clone();
        // A start before the previous end belongs to the previous incident.
        if let Some(start) = self.update.starts_at
            && open.previous_end.is_none_or(|limit| start >= limit)
        {
            incident.starts_at = incident.starts_at.min(start);
        }
        incident.latest_start = incident.latest_start.max(self.update.starts_at);
        self.repeat(incident)
    }

    /// A firing that began before the close is a copy from a delayed sender, but only within the
    /// window: a close by one sender must not hide an alert that keeps firing.
    fn firing_while_ended(&self, ended: &Incident) -> Transition {
        let began_before = self
            .update
            .starts_at
            .is_some_and(|start| start < ended.close_time());
        let is_recent = ended
            .closed_at
            .is_some_and(|close| self.now < close.plus(self.settings.window));
        let reported_close = self.sender_state().and_then(|state| state.closed) == Some(ended.id);
        if began_before && !reported_close && is_recent {
            return self.out_of_order(ended);
        }
        Transition {
            suspected_copy: began_before && reported_close && self.is_close_copy(ended),
            ..self.open_incident(Some(ended), None)
        }
    }

    /// Whether a firing this soon after the same sender's resolution may be a copy from a delayed
    /// peer under the same name.
    fn is_close_copy(&self, ended: &Incident) -> bool {
        self.update.starts_at == ended.latest_start
            && ended
                .closed_at
                .is_some_and(|close| self.now < close.plus(COPY_LAG))
    }

    fn resolved_while_open(&self, open: &Incident) -> Transition {
        if !self.may_end_previous(open) {
            let end = self.update.ends_at.unwrap_or(self.now);
            return self.resolve(open, end.max(open.starts_at), EndReason::Resolved);
        }
        if self.clearly_ends_previous(open) || self.other_senders_report_firing(open) {
            return self.out_of_order(open);
        }
        if !self
            .sender_state()
            .is_some_and(|state| state.reports_firing(open))
        {
            return self.out_of_order(open);
        }
        let end = self.update.ends_at.unwrap_or(self.now);
        if open.has_old_start() && self.repeats_previous_end(open, end) {
            // The sender of this firing now reports the end of the previous incident: a peer under
            // the same name was delayed.
            return self.resolve(open, open.starts_at, EndReason::Copy);
        }
        self.resolve(open, end.max(open.starts_at), EndReason::Resolved)
    }

    /// Whether the end is that of the previous incident, as another peer reports it.
    fn repeats_previous_end(&self, open: &Incident, end: Timestamp) -> bool {
        open.previous_end
            .is_none_or(|limit| end <= limit.plus(COPY_SKEW))
    }

    fn resolve(&self, open: &Incident, end: Timestamp, reason: EndReason) -> Transition {
        let mut incident = self.with_sender_counted(open);
        incident.state = IncidentState::Resolved;
        incident.ends_at = Some(end);
        incident.reported_end = self.update.ends_at;
        incident.closed_at = Some(self.now);
        incident.end_reason = Some(reason);
        incident.last_seen_at = incident.last_seen_at.max(self.now);
        incident.last_entry_at = self.now;
        self.with_outcome(Outcome::Resolved, incident)
    }

    fn resolved_while_ended(&self, ended: &Incident) -> Transition {
        let stored_end = ended.ends_at.unwrap_or(ended.last_seen_at);
        let Some(end) = self.update.ends_at else {
            return self.repeat(ended.clone());
        };
        let reported_end = ended.reported_end.unwrap_or(stored_end);
        if ended.state == IncidentState::Resolved && is_same_end(end, reported_end) {
            return self.repeat(ended.clone());
        }
        let start = self.update.starts_at;
        if start.is_some_and(|start| start > stored_end) && end > stored_end {
            // A complete incident of which only the end was reported.
            return self.record_ended(Some(ended));
        }
        if self.may_end_previous(ended) || end < ended.starts_at {
            return self.out_of_order(ended);
        }
        let mut incident = ended.clone();
        if ended.state == IncidentState::Resolved && end > stored_end.plus(PEER_SKEW) {
            if ended.end_reason == Some(EndReason::Copy) {
                // Not a copy after all: the alert fired again with its old start.
                return self.record_ended(Some(ended));
            }
            incident.ends_at = Some(end);
            incident.reported_end = Some(end);
        }
        self.repeat(incident)
    }

    /// Whether a resolution may belong to the previous incident: it ends there and does not begin
    /// after it.
    fn may_end_previous(&self, incident: &Incident) -> bool {
        let (Some(limit), Some(end)) = (incident.previous_end, self.update.ends_at) else {
            return false;
        };
        end <= limit.plus(PEER_SKEW) && self.update.starts_at.is_none_or(|start| start <= limit)
    }

    /// Whether it also began and ended before the current incident started.
    fn clearly_ends_previous(&self, open: &Incident) -> bool {
        let (Some(latest), Some(start), Some(end)) = (
            open.latest_start,
            self.update.starts_at,
            self.update.ends_at,
        ) else {
            return false;
        };
        start < latest && end <= latest.plus(PEER_SKEW)
    }

    fn other_senders_report_firing(&self, open: &Incident) -> bool {
        self.sender_states
            .iter()
            .any(|(id, state)| *id != self.sender && state.reports_firing(open))
    }

    /// The sender's latest report, if this one repeats it: a retry repeats the exact times.
    fn previous_copy(&self) -> Option<&SenderState> {
        self.sender_state().filter(|state| {
            state.status == self.update.status
                && state.starts_at == self.update.starts_at
                && state.ends_at == self.update.ends_at
        })
    }

    fn open_incident(&self, previous: Option<&Incident>, expired: Option<Incident>) -> Transition {
        let before = expired.as_ref().or(previous);
        let reported_start = self.update.starts_at.unwrap_or(self.now);
        let starts_at = before.map_or(reported_start, |before| {
            reported_start.max(before.close_time())
        });
        let incident = Incident {
            latest_start: self.update.starts_at,
            ..self.new_incident(starts_at, before)
        };
        Transition {
            expired,
            ..self.with_outcome(Outcome::Opened, incident)
        }
    }

    fn record_ended(&self, previous: Option<&Incident>) -> Transition {
        let end = self.update.ends_at.unwrap_or(self.now);
        let start = self.update.starts_at.unwrap_or(end);
        let start = previous
            .map_or(start, |before| start.max(before.close_time()))
            .min(end);
        let incident = Incident {
            state: IncidentState::Resolved,
            ends_at: Some(end),
            reported_end: self.update.ends_at,
            closed_at: Some(self.now),
            end_reason: Some(EndReason::Resolved),
            ..self.new_incident(start, previous)
        };
        self.with_outcome(Outcome::Resolved, incident)
    }

    fn new_incident(&self, starts_at: Timestamp, previous: Option<&Incident>) -> Incident {
        Incident {
            id: self.new_id,
            state: IncidentState::Open,
            starts_at,
            ends_at: None,
            reported_end: None,
            closed_at: None,
            latest_start: None,
            previous_end: previous.and_then(Incident::latest_end),
            end_reason: None,
            first_seen_at: self.now,
            last_seen_at: self.now,
            last_entry_at: self.now,
            updated_at: None,
            times_received: 1,
            senders: 1,
            previous: previous.map(|incident| incident.id),
        }
    }

    /// Repeats the current state of the incident.
    fn repeat(&self, incident: Incident) -> Transition {
        let mut incident = self.with_sender_counted(&incident);
        incident.last_seen_at = incident.last_seen_at.max(self.now);
        if self.now < incident.last_entry_at.plus(self.settings.window) {
            let is_due = incident
                .updated_at
                .is_none_or(|last| self.now >= last.plus(UPDATE_INTERVAL));
            if !self.is_changed || !is_due {
                return self.with_outcome(Outcome::Duplicate, incident);
            }
            incident.updated_at = Some(self.now);
            return self.with_outcome(Outcome::Updated, incident);
        }
        incident.times_received += 1;
        incident.last_entry_at = self.now;
        self.with_outcome(Outcome::Repeated, incident)
    }

    fn out_of_order(&self, incident: &Incident) -> Transition {
        let repeated = self.previous_copy().filter(|first| {
            first.out_of_order && self.now < first.received_at.plus(self.settings.window)
        });
        let mut state = SenderState {
            out_of_order: true,
            ..self.new_sender_state()
        };
        if let Some(first) = repeated {
            state.received_at = first.received_at;
        }
        let outcome = if repeated.is_some() {
            Outcome::Duplicate
        } else {
            Outcome::OutOfOrder
        };
        Transition {
            sender_state: state,
            ..self.with_outcome(outcome, incident.clone())
        }
    }

    fn with_outcome(&self, outcome: Outcome, incident: Incident) -> Transition {
        let mut state = SenderState {
            incident: Some(incident.id),
            ..self.new_sender_state()
        };
        if self.update.status == Status::Resolved {
            state.closed = Some(incident.id);
        }
        Transition {
            outcome,
            incident,
            expired: None,
            suspected_copy: false,
            sender_state: state,
        }
    }

    fn new_sender_state(&self) -> SenderState {
        SenderState {
            status: self.update.status,
            starts_at: self.update.starts_at,
            ends_at: self.update.ends_at,
            received_at: self.now,
            out_of_order: false,
            incident: self.sender_state().and_then(|state| state.incident),
            closed: self.sender_state().and_then(|state| state.closed),
        }
    }

    /// For "seen by 2 of 2": counts a sender at its first report of an incident.
    fn with_sender_counted(&self, incident: &Incident) -> Incident {
        let mut incident = incident.clone();
        if self.sender_state().and_then(|state| state.incident) != Some(incident.id) {
            incident.senders += 1;
        }
        incident
    }
}

fn is_same_end(one: Timestamp, other: Timestamp) -> bool {
    other.minus(PEER_SKEW) <= one && one <= other.plus(PEER_SKEW)
}
