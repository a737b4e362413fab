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

mod episode;
#[cfg(test)]
mod interleaving;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::alert::{Said, Status};
use crate::time::Timestamp;

pub use episode::{EndReason, Episode, State};

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
pub struct Rules {
    /// How long after its entry a repeated claim is only *seen again*.
    pub window: Duration,
    /// How long an open incident may go unseen before it is stale.
    pub stale_after: Duration,
}

/// What one alert of a delivery says, as far as judging goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Firing or resolved.
    pub status: Status,
    /// When it began; `None` where it was not said.
    pub starts_at: Option<Timestamp>,
    /// When it ended; `None` where it was not said.
    pub ends_at: Option<Timestamp>,
}

impl From<&Said> for Claim {
    fn from(said: &Said) -> Self {
        Self {
            status: said.status,
            starts_at: said.starts_at,
            ends_at: said.ends_at,
        }
    }
}

/// What one sender last said of one alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Firing or resolved.
    pub status: Status,
    /// The start it told.
    pub starts_at: Option<Timestamp>,
    /// The end it told.
    pub ends_at: Option<Timestamp>,
    /// When we heard it; of a repeated late claim, when we first did.
    pub said_at: Timestamp,
    /// Whether that was late.
    pub late: bool,
    /// The last episode that it is counted as a sender of.
    pub episode: Option<i64>,
    /// The last episode whose close it told.
    pub closed: Option<i64>,
}

impl Memory {
    /// Whether this sender's last word is that the episode fires.
    fn holds(&self, episode: &Episode) -> bool {
        self.status == Status::Firing && !self.late && self.episode == Some(episode.id)
    }
}

/// What becomes of one alert of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A new episode began.
    Opened,
    /// An episode ended.
    Resolved,
    /// A known state, repeated after the window.
    Refreshed,
    /// A known state, repeated within the window: no entry.
    SeenAgain,
    /// The same, with other annotations, value or link: an entry, but no event.
    Updated,
    /// An old state, overtaken: an entry, and nothing moves.
    Late,
}

/// What the caller has to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of the alert.
    pub verdict: Verdict,
    /// The episode that the claim is filed under, as it now stands.
    pub episode: Episode,
    /// An episode that this claim shows to have ended without a resolution.
    pub expired: Option<Episode>,
    /// Whether what opened may be the stale copy of a peer under the same name:
    /// its notification waits for a while.
    pub suspected_copy: bool,
    /// What to remember of this sender.
    pub memory: Memory,
}

impl Judgement {
    /// Whether the claim speaks of the episode as it now stands, so that its content
    /// is the episode's: all but an overtaken one does.
    #[must_use]
    pub fn moves_content(&self) -> bool {
        !self.memory.late
    }
}

/// One claim with everything that it is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Hearing<'a> {
    /// The settings.
    pub rules: &'a Rules,
    /// When the claim was received.
    pub now: Timestamp,
    /// The ID of an episode that begins here.
    pub new_id: i64,
    /// What is claimed.
    pub claim: &'a Claim,
    /// Whether its annotations, value or link differ from the latest episode's.
    pub is_changed: bool,
    /// Who claims it.
    pub sender: i64,
    /// What each sender last said of the alert.
    pub told: &'a [(i64, Memory)],
    /// The alert's latest episode.
    pub latest: Option<&'a Episode>,
}

/// Judges one claim.
pub fn judge(hearing: &Hearing<'_>) -> Judgement {
    match (hearing.claim.status, hearing.latest) {
        (Status::Firing, None) => hearing.opens(None, None),
        (Status::Resolved, None) => hearing.records_closed(None),
        (Status::Firing, Some(e)) if e.is_open() => hearing.firing_while_open(e),
        (Status::Firing, Some(e)) => hearing.firing_while_ended(e),
        (Status::Resolved, Some(e)) if e.is_open() => hearing.resolved_while_open(e),
        (Status::Resolved, Some(e)) => hearing.resolved_while_ended(e),
    }
}

impl<'a> Hearing<'a> {
    /// What this sender last said.
    fn memory(&self) -> Option<&'a Memory> {
        let mut told = self.told.iter();
        let found = told.find(|(who, _)| *who == self.sender);
        found.map(|(_, memory)| memory)
    }

    fn firing_while_open(&self, open: &Episode) -> Judgement {
        let gone_unseen = open.is_stale(self.now, self.rules.stale_after);
        // A start in the future that was reported before is no news.
        let began_later = self.claim.starts_at.is_some_and(|start| {
            start > open.latest_start.unwrap_or(open.starts_at)
                && start > open.last_seen_at.plus(self.rules.window)
        });
        if gone_unseen || began_later {
            return self.opens(
                Some(open),
                Some(open.expired(self.now, EndReason::FiredAgain)),
            );
        }
        let mut episode = open.clone();
        // A start before the previous end belongs to the previous episode.
        if let Some(start) = self.claim.starts_at
            && open.previous_end.is_none_or(|limit| start >= limit)
        {
            episode.starts_at = episode.starts_at.min(start);
        }
        episode.latest_start = episode.latest_start.max(self.claim.starts_at);
        self.repeats(episode)
    }

    /// A firing that began before the close is the copy of a sender that is behind,
    /// but only for a while: nobody's close hides an alert that goes on firing.
    fn firing_while_ended(&self, ended: &Episode) -> Judgement {
        let began_before = self
            .claim
            .starts_at
            .is_some_and(|start| start < ended.close());
        let is_recent = ended
            .closed_at
            .is_some_and(|close| self.now < close.plus(self.rules.window));
        let reported_close = self.memory().and_then(|memory| memory.closed) == Some(ended.id);
        if began_before && !reported_close && is_recent {
            return self.late(ended);
        }
        Judgement {
            suspected_copy: began_before && reported_close && self.is_close_copy(ended),
            ..self.opens(Some(ended), None)
        }
    }

    /// Whether a firing so soon after its own sender's resolution may be the copy of
    /// a peer under the same name that is behind.
    fn is_close_copy(&self, ended: &Episode) -> bool {
        self.claim.starts_at == ended.latest_start
            && ended
                .closed_at
                .is_some_and(|close| self.now < close.plus(COPY_LAG))
    }

    fn resolved_while_open(&self, open: &Episode) -> Judgement {
        if !self.speaks_of_before(open) {
            let end = self.claim.ends_at.unwrap_or(self.now);
            return self.resolves(open, end.max(open.starts_at), EndReason::Resolved);
        }
        if self.speaks_clearly_of_before(open) || self.is_held_by_others(open) {
            return self.late(open);
        }
        if !self.memory().is_some_and(|memory| memory.holds(open)) {
            return self.late(open);
        }
        let end = self.claim.ends_at.unwrap_or(self.now);
        if open.has_old_start() && self.repeats_end_before(open, end) {
            // Whoever said that it fires again now says when the one before ended: a
            // peer under the same name was behind.
            return self.resolves(open, open.starts_at, EndReason::Copy);
        }
        self.resolves(open, end.max(open.starts_at), EndReason::Resolved)
    }

    /// Whether an end is that of the episode before, as another peer reports it.
    fn repeats_end_before(&self, open: &Episode, end: Timestamp) -> bool {
        open.previous_end
            .is_none_or(|limit| end <= limit.plus(COPY_SKEW))
    }

    fn resolves(&self, open: &Episode, end: Timestamp, reason: EndReason) -> Judgement {
        let mut episode = self.counted_sender(open);
        episode.state = State::Resolved;
        episode.ends_at = Some(end);
        episode.reported_end = self.claim.ends_at;
        episode.closed_at = Some(self.now);
        episode.end_reason = Some(reason);
        episode.last_seen_at = episode.last_seen_at.max(self.now);
        episode.last_entry_at = self.now;
        self.judged(Verdict::Resolved, episode)
    }

    fn resolved_while_ended(&self, ended: &Episode) -> Judgement {
        let stored_end = ended.ends_at.unwrap_or(ended.last_seen_at);
        let Some(end) = self.claim.ends_at else {
            return self.repeats(ended.clone());
        };
        let reported_end = ended.reported_end.unwrap_or(stored_end);
        if ended.state == State::Resolved && is_same_end(end, reported_end) {
            return self.repeats(ended.clone());
        }
        let start = self.claim.starts_at;
        if start.is_some_and(|start| start > stored_end) && end > stored_end {
            // A whole episode of which only the end was told.
            return self.records_closed(Some(ended));
        }
        if self.speaks_of_before(ended) || end < ended.starts_at {
            return self.late(ended);
        }
        let mut episode = ended.clone();
        if ended.state == State::Resolved && end > stored_end.plus(PEER_SKEW) {
            if ended.end_reason == Some(EndReason::Copy) {
                // It was none: the alert fired again with its old start.
                return self.records_closed(Some(ended));
            }
            episode.ends_at = Some(end);
            episode.reported_end = Some(end);
        }
        self.repeats(episode)
    }

    /// Whether a resolution may mean the episode before: it ends there, and does
    /// not begin after it.
    fn speaks_of_before(&self, episode: &Episode) -> bool {
        let (Some(limit), Some(end)) = (episode.previous_end, self.claim.ends_at) else {
            return false;
        };
        end <= limit.plus(PEER_SKEW) && self.claim.starts_at.is_none_or(|start| start <= limit)
    }

    /// Besides, it began and ended before the present episode did.
    fn speaks_clearly_of_before(&self, open: &Episode) -> bool {
        let (Some(latest), Some(start), Some(end)) =
            (open.latest_start, self.claim.starts_at, self.claim.ends_at)
        else {
            return false;
        };
        start < latest && end <= latest.plus(PEER_SKEW)
    }

    fn is_held_by_others(&self, open: &Episode) -> bool {
        self.told
            .iter()
            .any(|(who, memory)| *who != self.sender && memory.holds(open))
    }

    /// The sender's latest claim, where it is told again: a retry repeats the
    /// very times.
    fn repeated(&self) -> Option<&Memory> {
        self.memory().filter(|memory| {
            memory.status == self.claim.status
                && memory.starts_at == self.claim.starts_at
                && memory.ends_at == self.claim.ends_at
        })
    }

    fn opens(&self, previous: Option<&Episode>, expired: Option<Episode>) -> Judgement {
        let before = expired.as_ref().or(previous);
        let told = self.claim.starts_at.unwrap_or(self.now);
        let starts_at = before.map_or(told, |before| told.max(before.close()));
        let episode = Episode {
            latest_start: self.claim.starts_at,
            ..self.begun(starts_at, before)
        };
        Judgement {
            expired,
            ..self.judged(Verdict::Opened, episode)
        }
    }

    fn records_closed(&self, previous: Option<&Episode>) -> Judgement {
        let end = self.claim.ends_at.unwrap_or(self.now);
        let start = self.claim.starts_at.unwrap_or(end);
        let start = previous
            .map_or(start, |before| start.max(before.close()))
            .min(end);
        let episode = Episode {
            state: State::Resolved,
            ends_at: Some(end),
            reported_end: self.claim.ends_at,
            closed_at: Some(self.now),
            end_reason: Some(EndReason::Resolved),
            ..self.begun(start, previous)
        };
        self.judged(Verdict::Resolved, episode)
    }

    fn begun(&self, starts_at: Timestamp, previous: Option<&Episode>) -> Episode {
        Episode {
            id: self.new_id,
            state: State::Open,
            starts_at,
            ends_at: None,
            reported_end: None,
            closed_at: None,
            latest_start: None,
            previous_end: previous.and_then(Episode::latest_end),
            end_reason: None,
            first_seen_at: self.now,
            last_seen_at: self.now,
            last_entry_at: self.now,
            updated_at: None,
            occurrences: 1,
            senders: 1,
            previous: previous.map(|episode| episode.id),
        }
    }

    /// The episode's own state was told once more.
    fn repeats(&self, episode: Episode) -> Judgement {
        let mut episode = self.counted_sender(&episode);
        episode.last_seen_at = episode.last_seen_at.max(self.now);
        if self.now < episode.last_entry_at.plus(self.rules.window) {
            let is_due = episode
                .updated_at
                .is_none_or(|last| self.now >= last.plus(UPDATE_INTERVAL));
            if !self.is_changed || !is_due {
                return self.judged(Verdict::SeenAgain, episode);
            }
            episode.updated_at = Some(self.now);
            return self.judged(Verdict::Updated, episode);
        }
        episode.occurrences += 1;
        episode.last_entry_at = self.now;
        self.judged(Verdict::Refreshed, episode)
    }

    fn late(&self, episode: &Episode) -> Judgement {
        let repeated = self
            .repeated()
            .filter(|first| first.late && self.now < first.said_at.plus(self.rules.window));
        let mut memory = Memory {
            late: true,
            ..self.remembered()
        };
        if let Some(first) = repeated {
            memory.said_at = first.said_at;
        }
        let verdict = if repeated.is_some() {
            Verdict::SeenAgain
        } else {
            Verdict::Late
        };
        Judgement {
            memory,
            ..self.judged(verdict, episode.clone())
        }
    }

    fn judged(&self, verdict: Verdict, episode: Episode) -> Judgement {
        let mut memory = Memory {
            episode: Some(episode.id),
            ..self.remembered()
        };
        if self.claim.status == Status::Resolved {
            memory.closed = Some(episode.id);
        }
        Judgement {
            verdict,
            episode,
            expired: None,
            suspected_copy: false,
            memory,
        }
    }

    fn remembered(&self) -> Memory {
        Memory {
            status: self.claim.status,
            starts_at: self.claim.starts_at,
            ends_at: self.claim.ends_at,
            said_at: self.now,
            late: false,
            episode: self.memory().and_then(|memory| memory.episode),
            closed: self.memory().and_then(|memory| memory.closed),
        }
    }

    /// "Seen by 2 of 2": a sender counts when it first speaks of an episode.
    fn counted_sender(&self, episode: &Episode) -> Episode {
        let mut episode = episode.clone();
        if self.memory().and_then(|memory| memory.episode) != Some(episode.id) {
            episode.senders += 1;
        }
        episode
    }
}

fn is_same_end(one: Timestamp, other: Timestamp) -> bool {
    other.minus(PEER_SKEW) <= one && one <= other.plus(PEER_SKEW)
}
