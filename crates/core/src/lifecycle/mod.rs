//! Judging: what one alert of a delivery does to its incident (rules 2 to 4
//! of the design).
//!
//! The judge sees three things: what the alert says now ([`Claim`]), the
//! latest episode of that alert ([`Episode`]), and what each of its senders last
//! said of it ([`Memory`]). It needs no more, because one sender's deliveries come
//! in order: its retry repeats its own latest claim, so a firing after its own
//! resolved is news, while the same firing from the other peer of a pair may
//! be a copy that was overtaken. Two peers may share one name (one `externalURL`);
//! then a firing after the sender's own resolution may be a stale copy as well,
//! which shows when nothing but copies of that resolution follow.
//!
//! Times are compared with times of the same clock wherever that can be had:
//! starts and ends are the sender's, "seen" and "entry" are ours.

mod incident;
#[cfg(test)]
mod interleaving;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::alert::{ReceivedAlert, Status};
use crate::time::Timestamp;

pub use incident::{EndReason, Incident, IncidentState};

/// How far the ends of one resolution, as two peers tell it, may lie apart.
/// Observed: a millisecond. The evaluation interval of a rule, which parts two
/// resolutions, is seconds.
const PEER_SKEW: Duration = Duration::from_secs(1);

/// How far the end in a stale copy may lie after that of the resolution that it is a
/// copy of: [`PEER_SKEW`] as observed, with room to spare. Real episodes may be as
/// short as a second.
const COPY_SKEW: Duration = Duration::from_millis(100);

/// How long after a close a peer under the same name may still send its copy of
/// the firing: two flushes of an Alertmanager pair (`cluster.peer-timeout`, 15 s).
const COPY_LAG: Duration = Duration::from_secs(30);

/// How often changed content gets an entry of its own; the content itself moves at
/// once. A value in an annotation may change with every evaluation.
const UPDATE_INTERVAL: Duration = Duration::from_secs(60);

/// The settings that judging depends on.
#[derive(Clone, Copy, Debug)]
pub struct DedupSettings {
    /// How long after its entry a repeated claim is only *seen again*.
    pub window: Duration,
    /// How long an open incident may go unseen before it is stale.
    pub stale_after: Duration,
}

/// What one alert of a delivery says, as far as judging goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertUpdate {
    /// Firing or resolved.
    pub status: Status,
    /// When it began; `None` where it was not said.
    pub starts_at: Option<Timestamp>,
    /// When it ended; `None` where it was not said.
    pub ends_at: Option<Timestamp>,
}

impl From<&ReceivedAlert> for AlertUpdate {
    fn from(said: &ReceivedAlert) -> Self {
        Self {
            status: said.status,
            starts_at: said.starts_at,
            ends_at: said.ends_at,
        }
    }
}

/// What one sender last said of one alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderState {
    /// Firing or resolved.
    pub status: Status,
    /// The start it told.
    pub starts_at: Option<Timestamp>,
    /// The end it told.
    pub ends_at: Option<Timestamp>,
    /// When we heard it; of a repeated late claim, when we first did.
    pub received_at: Timestamp,
    /// Whether that was late.
    pub out_of_order: bool,
    /// The last episode that it is counted as a sender of.
    pub incident: Option<i64>,
    /// The last episode whose close it told.
    pub closed: Option<i64>,
}

impl SenderState {
    /// Whether this sender's last word is that the episode fires.
    fn reports_firing(&self, episode: &Incident) -> bool {
        self.status == Status::Firing && !self.out_of_order && self.incident == Some(episode.id)
    }
}

/// What becomes of one alert of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new episode began.
    Opened,
    /// An episode ended.
    Resolved,
    /// A known state, repeated after the window.
    Repeated,
    /// A known state, repeated within the window: no entry.
    Duplicate,
    /// The same, with other annotations, value or link: an entry, but no event.
    Updated,
    /// An old state, overtaken: an entry, and nothing moves.
    OutOfOrder,
}

/// What the caller has to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What becomes of the alert.
    pub outcome: Outcome,
    /// The episode that the claim is filed under, as it now stands.
    pub incident: Incident,
    /// An episode that this claim shows to have ended without a resolution.
    pub expired: Option<Incident>,
    /// Whether what opened may be the stale copy of a peer under the same name:
    /// its notification waits for a while.
    pub suspected_copy: bool,
    /// What to remember of this sender.
    pub sender_state: SenderState,
}

impl Transition {
    /// Whether the claim speaks of the episode as it now stands, so that its content
    /// is the episode's: all but an overtaken one does.
    #[must_use]
    pub fn updates_content(&self) -> bool {
        !self.sender_state.out_of_order
    }
}

/// One claim with everything that it is judged by.
#[derive(Clone, Copy, Debug)]
pub struct TransitionInput<'a> {
    /// The settings.
    pub settings: &'a DedupSettings,
    /// When the claim was received.
    pub now: Timestamp,
    /// The ID of an episode that begins here.
    pub new_id: i64,
    /// What is claimed.
    pub update: &'a AlertUpdate,
    /// Whether its annotations, value or link differ from the latest episode's.
    pub is_changed: bool,
    /// Who claims it.
    pub sender: i64,
    /// What each sender last said of the alert.
    pub sender_states: &'a [(i64, SenderState)],
    /// The alert's latest episode.
    pub latest: Option<&'a Incident>,
}

/// Judges one claim.
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
    /// What this sender last said.
    fn sender_state(&self) -> Option<&'a SenderState> {
        let mut states = self.sender_states.iter();
        let found = states.find(|(who, _)| *who == self.sender);
        found.map(|(_, memory)| memory)
    }

    fn firing_while_open(&self, open: &Incident) -> Transition {
        let gone_unseen = open.is_stale(self.now, self.settings.stale_after);
        // A start in the future that was reported before is no news.
        let began_later = self.update.starts_at.is_some_and(|start| {
            start > open.latest_start.unwrap_or(open.starts_at)
                && start > open.last_seen_at.plus(self.settings.window)
        });
        if gone_unseen || began_later {
            return self.open_incident(
                Some(open),
                Some(open.expired(self.now, EndReason::FiredAgain)),
            );
        }
        let mut episode = open.clone();
        // A start before the previous end belongs to the previous episode.
        if let Some(start) = self.update.starts_at
            && open.previous_end.is_none_or(|limit| start >= limit)
        {
            episode.starts_at = episode.starts_at.min(start);
        }
        episode.latest_start = episode.latest_start.max(self.update.starts_at);
        self.repeat(episode)
    }

    /// A firing that began before the close is the copy of a sender that is behind,
    /// but only for a while: nobody's close hides an alert that goes on firing.
    fn firing_while_ended(&self, ended: &Incident) -> Transition {
        let began_before = self
            .update
            .starts_at
            .is_some_and(|start| start < ended.close_time());
        let is_recent = ended
            .closed_at
            .is_some_and(|close| self.now < close.plus(self.settings.window));
        let reported_close = self.sender_state().and_then(|memory| memory.closed) == Some(ended.id);
        if began_before && !reported_close && is_recent {
            return self.out_of_order(ended);
        }
        Transition {
            suspected_copy: began_before && reported_close && self.is_close_copy(ended),
            ..self.open_incident(Some(ended), None)
        }
    }

    /// Whether a firing so soon after its own sender's resolution may be the copy of
    /// a peer under the same name that is behind.
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
            .is_some_and(|memory| memory.reports_firing(open))
        {
            return self.out_of_order(open);
        }
        let end = self.update.ends_at.unwrap_or(self.now);
        if open.has_old_start() && self.repeats_previous_end(open, end) {
            // Whoever said that it fires again now says when the one before ended: a
            // peer under the same name was behind.
            return self.resolve(open, open.starts_at, EndReason::Copy);
        }
        self.resolve(open, end.max(open.starts_at), EndReason::Resolved)
    }

    /// Whether an end is that of the episode before, as another peer reports it.
    fn repeats_previous_end(&self, open: &Incident, end: Timestamp) -> bool {
        open.previous_end
            .is_none_or(|limit| end <= limit.plus(COPY_SKEW))
    }

    fn resolve(&self, open: &Incident, end: Timestamp, reason: EndReason) -> Transition {
        let mut episode = self.with_sender_counted(open);
        episode.state = IncidentState::Resolved;
        episode.ends_at = Some(end);
        episode.reported_end = self.update.ends_at;
        episode.closed_at = Some(self.now);
        episode.end_reason = Some(reason);
        episode.last_seen_at = episode.last_seen_at.max(self.now);
        episode.last_entry_at = self.now;
        self.with_outcome(Outcome::Resolved, episode)
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
            // A whole episode of which only the end was told.
            return self.record_ended(Some(ended));
        }
        if self.may_end_previous(ended) || end < ended.starts_at {
            return self.out_of_order(ended);
        }
        let mut episode = ended.clone();
        if ended.state == IncidentState::Resolved && end > stored_end.plus(PEER_SKEW) {
            if ended.end_reason == Some(EndReason::Copy) {
                // It was none: the alert fired again with its old start.
                return self.record_ended(Some(ended));
            }
            episode.ends_at = Some(end);
            episode.reported_end = Some(end);
        }
        self.repeat(episode)
    }

    /// Whether a resolution may mean the episode before: it ends there, and does
    /// not begin after it.
    fn may_end_previous(&self, episode: &Incident) -> bool {
        let (Some(limit), Some(end)) = (episode.previous_end, self.update.ends_at) else {
            return false;
        };
        end <= limit.plus(PEER_SKEW) && self.update.starts_at.is_none_or(|start| start <= limit)
    }

    /// Besides, it began and ended before the present episode did.
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
            .any(|(who, memory)| *who != self.sender && memory.reports_firing(open))
    }

    /// The sender's latest claim, where it is told again: a retry repeats the
    /// very times.
    fn previous_copy(&self) -> Option<&SenderState> {
        self.sender_state().filter(|memory| {
            memory.status == self.update.status
                && memory.starts_at == self.update.starts_at
                && memory.ends_at == self.update.ends_at
        })
    }

    fn open_incident(&self, previous: Option<&Incident>, expired: Option<Incident>) -> Transition {
        let before = expired.as_ref().or(previous);
        let reported_start = self.update.starts_at.unwrap_or(self.now);
        let starts_at = before.map_or(reported_start, |before| {
            reported_start.max(before.close_time())
        });
        let episode = Incident {
            latest_start: self.update.starts_at,
            ..self.new_incident(starts_at, before)
        };
        Transition {
            expired,
            ..self.with_outcome(Outcome::Opened, episode)
        }
    }

    fn record_ended(&self, previous: Option<&Incident>) -> Transition {
        let end = self.update.ends_at.unwrap_or(self.now);
        let start = self.update.starts_at.unwrap_or(end);
        let start = previous
            .map_or(start, |before| start.max(before.close_time()))
            .min(end);
        let episode = Incident {
            state: IncidentState::Resolved,
            ends_at: Some(end),
            reported_end: self.update.ends_at,
            closed_at: Some(self.now),
            end_reason: Some(EndReason::Resolved),
            ..self.new_incident(start, previous)
        };
        self.with_outcome(Outcome::Resolved, episode)
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
            previous: previous.map(|episode| episode.id),
        }
    }

    /// The episode's own state was told once more.
    fn repeat(&self, episode: Incident) -> Transition {
        let mut episode = self.with_sender_counted(&episode);
        episode.last_seen_at = episode.last_seen_at.max(self.now);
        if self.now < episode.last_entry_at.plus(self.settings.window) {
            let is_due = episode
                .updated_at
                .is_none_or(|last| self.now >= last.plus(UPDATE_INTERVAL));
            if !self.is_changed || !is_due {
                return self.with_outcome(Outcome::Duplicate, episode);
            }
            episode.updated_at = Some(self.now);
            return self.with_outcome(Outcome::Updated, episode);
        }
        episode.times_received += 1;
        episode.last_entry_at = self.now;
        self.with_outcome(Outcome::Repeated, episode)
    }

    fn out_of_order(&self, episode: &Incident) -> Transition {
        let repeated = self.previous_copy().filter(|first| {
            first.out_of_order && self.now < first.received_at.plus(self.settings.window)
        });
        let mut memory = SenderState {
            out_of_order: true,
            ..self.new_sender_state()
        };
        if let Some(first) = repeated {
            memory.received_at = first.received_at;
        }
        let verdict = if repeated.is_some() {
            Outcome::Duplicate
        } else {
            Outcome::OutOfOrder
        };
        Transition {
            sender_state: memory,
            ..self.with_outcome(verdict, episode.clone())
        }
    }

    fn with_outcome(&self, verdict: Outcome, episode: Incident) -> Transition {
        let mut memory = SenderState {
            incident: Some(episode.id),
            ..self.new_sender_state()
        };
        if self.update.status == Status::Resolved {
            memory.closed = Some(episode.id);
        }
        Transition {
            outcome: verdict,
            incident: episode,
            expired: None,
            suspected_copy: false,
            sender_state: memory,
        }
    }

    fn new_sender_state(&self) -> SenderState {
        SenderState {
            status: self.update.status,
            starts_at: self.update.starts_at,
            ends_at: self.update.ends_at,
            received_at: self.now,
            out_of_order: false,
            incident: self.sender_state().and_then(|memory| memory.incident),
            closed: self.sender_state().and_then(|memory| memory.closed),
        }
    }

    /// "Seen by 2 of 2": a sender counts when it first speaks of an episode.
    fn with_sender_counted(&self, episode: &Incident) -> Incident {
        let mut episode = episode.clone();
        if self.sender_state().and_then(|memory| memory.incident) != Some(episode.id) {
            episode.senders += 1;
        }
        episode
    }
}

fn is_same_end(one: Timestamp, other: Timestamp) -> bool {
    other.minus(PEER_SKEW) <= one && one <= other.plus(PEER_SKEW)
}
