//! Judging: what one alert of a delivery does to its incident (rules 2 to 4
//! of the design).
//!
//! The judge sees three things: what the alert says now ([`Claim`]), the
//! latest episode of that alert ([`Episode`]), and what this sender last said
//! of it ([`Memory`]). It needs no more, because one sender's deliveries come
//! in order: its retry repeats its own latest claim, so a firing after its own
//! resolved is news, while the same firing from the other peer of a pair may
//! be a copy that was overtaken.
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

pub use episode::{Episode, State};

/// How far the ends of one resolution, as two peers tell it, may lie apart.
/// Observed: a millisecond. The evaluation interval of a rule, which parts two
/// resolutions, is seconds.
const PEER_SKEW: Duration = Duration::from_secs(1);

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
    /// An episode that this claim shows to have ended unseen.
    pub lost: Option<Episode>,
    /// What to remember of this sender.
    pub memory: Memory,
}

/// Judges one claim. `latest` is the alert's latest episode, `memory` what
/// this sender last said of the alert, `new_id` the number that an episode
/// gets if one begins here.
pub fn judge(
    rules: &Rules,
    now: Timestamp,
    new_id: i64,
    claim: &Claim,
    memory: Option<&Memory>,
    latest: Option<&Episode>,
) -> Judgement {
    let hearing = Hearing {
        rules,
        now,
        new_id,
        claim,
        memory,
    };
    match (claim.status, latest) {
        (Status::Firing, None) => hearing.opens(None, None),
        (Status::Resolved, None) => hearing.records_closed(None),
        (Status::Firing, Some(e)) if e.is_open() => hearing.firing_while_open(e),
        (Status::Firing, Some(e)) => hearing.firing_while_closed(e),
        (Status::Resolved, Some(e)) if e.is_open() => hearing.resolved_while_open(e),
        (Status::Resolved, Some(e)) => hearing.resolved_while_closed(e),
    }
}

/// One claim with everything that it is judged by.
struct Hearing<'a> {
    rules: &'a Rules,
    now: Timestamp,
    new_id: i64,
    claim: &'a Claim,
    memory: Option<&'a Memory>,
}

impl Hearing<'_> {
    fn firing_while_open(&self, open: &Episode) -> Judgement {
        let gone_unseen = open.is_stale(self.now, self.rules.stale_after);
        let began_later = self.claim.starts_at.is_some_and(|start| {
            start > open.starts_at && start > open.last_seen_at.plus(self.rules.window)
        });
        if gone_unseen || began_later {
            return self.opens(Some(open), Some(open.lost()));
        }
        let mut episode = open.clone();
        // A start before the previous close belongs to the previous episode.
        if let Some(start) = self.claim.starts_at
            && open.not_before.is_none_or(|limit| start >= limit)
        {
            episode.starts_at = episode.starts_at.min(start);
        }
        self.repeats(episode)
    }

    fn firing_while_closed(&self, closed: &Episode) -> Judgement {
        let overtaken = self
            .claim
            .starts_at
            .is_some_and(|start| start < closed.close());
        if overtaken && !self.has_told_close_of(Some(closed.id)) {
            return self.late(closed);
        }
        self.opens(Some(closed), None)
    }

    fn resolved_while_open(&self, open: &Episode) -> Judgement {
        if self.tells_previous_close(open) {
            return self.late(open);
        }
        match self.claim.ends_at {
            Some(end) if end <= open.starts_at => self.late(open),
            end => {
                let mut episode = self.counted_sender(open);
                episode.state = State::Resolved;
                episode.ends_at = Some(end.unwrap_or(self.now).max(open.starts_at));
                episode.last_seen_at = episode.last_seen_at.max(self.now);
                episode.last_entry_at = self.now;
                self.judged(Verdict::Resolved, episode)
            }
        }
    }

    fn resolved_while_closed(&self, closed: &Episode) -> Judgement {
        let closed_at = closed.ends_at.unwrap_or(closed.last_seen_at);
        let end = self.claim.ends_at.unwrap_or(self.now);
        if self.claim.starts_at.is_some_and(|start| start > closed_at) && end > closed_at {
            // A whole episode of which only the end was told.
            return self.records_closed(Some(closed));
        }
        if self.tells_previous_close(closed) || end < closed.starts_at {
            return self.late(closed);
        }
        self.repeats(closed.clone())
    }

    /// Whether the claim is the other peer's copy of the close before this
    /// episode. Only where the alert fired again with its old start does this
    /// not show from the episode's start, which then equals that close, while
    /// peers tell the end of one resolution with a skew. A sender that told that
    /// close means another one now, unless it repeats the very times: then an
    /// answer was lost, and the others went on meanwhile.
    fn tells_previous_close(&self, episode: &Episode) -> bool {
        let (Some(limit), Some(start), Some(end)) =
            (episode.not_before, self.claim.starts_at, self.claim.ends_at)
        else {
            return false;
        };
        let ends_there = limit.minus(PEER_SKEW) <= end && end <= limit.plus(PEER_SKEW);
        start < limit
            && ends_there
            && (self.repeated().is_some() || !self.has_told_close_of(episode.previous))
    }

    /// The sender's latest claim, where it is told again: a retry repeats the
    /// very times.
    fn repeated(&self) -> Option<&Memory> {
        self.memory.filter(|memory| {
            memory.status == self.claim.status
                && memory.starts_at == self.claim.starts_at
                && memory.ends_at == self.claim.ends_at
        })
    }

    fn has_told_close_of(&self, episode: Option<i64>) -> bool {
        episode.is_some() && self.memory.and_then(|memory| memory.closed) == episode
    }

    fn opens(&self, previous: Option<&Episode>, lost: Option<Episode>) -> Judgement {
        let not_before = lost.as_ref().or(previous).map(Episode::close);
        let told = self.claim.starts_at.unwrap_or(self.now);
        let starts_at = not_before.map_or(told, |limit| told.max(limit));
        let episode = self.begun(starts_at, not_before, previous);
        Judgement {
            lost,
            ..self.judged(Verdict::Opened, episode)
        }
    }

    fn records_closed(&self, previous: Option<&Episode>) -> Judgement {
        let end = self.claim.ends_at.unwrap_or(self.now);
        let start = self.claim.starts_at.unwrap_or(end).min(end);
        let episode = Episode {
            state: State::Resolved,
            ends_at: Some(end),
            ..self.begun(start, previous.map(Episode::close), previous)
        };
        self.judged(Verdict::Resolved, episode)
    }

    fn begun(
        &self,
        starts_at: Timestamp,
        not_before: Option<Timestamp>,
        previous: Option<&Episode>,
    ) -> Episode {
        Episode {
            id: self.new_id,
            state: State::Open,
            starts_at,
            ends_at: None,
            not_before,
            first_seen_at: self.now,
            last_seen_at: self.now,
            last_entry_at: self.now,
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
            return self.judged(Verdict::SeenAgain, episode);
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
        if self.claim.status == Status::Resolved && self.tells_previous_close(episode) {
            memory.closed = episode.previous;
        }
        if let Some(first) = repeated {
            memory.said_at = first.said_at;
        }
        Judgement {
            verdict: if repeated.is_some() {
                Verdict::SeenAgain
            } else {
                Verdict::Late
            },
            episode: episode.clone(),
            lost: None,
            memory,
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
            lost: None,
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
            episode: self.memory.and_then(|memory| memory.episode),
            closed: self.memory.and_then(|memory| memory.closed),
        }
    }

    /// "Seen by 2 of 2": a sender counts when it first speaks of an episode.
    fn counted_sender(&self, episode: &Episode) -> Episode {
        let mut episode = episode.clone();
        if self.memory.and_then(|memory| memory.episode) != Some(episode.id) {
            episode.senders += 1;
        }
        episode
    }
}
