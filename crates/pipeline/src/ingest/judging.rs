//! A batch in memory: what its alerts make of their incidents, one after the
//! other, so that copies within a batch see each other.

use tocsin_core::digest::Digest;
use tocsin_core::judge::{
    self, EndReason, Episode, Judgement, Memory, Rules, State, Verdict, judge,
};
use tocsin_core::time::Timestamp;
use tocsin_storage::codes::{EntryKind, EventKind};
use tocsin_storage::ingest::{Ids, IncidentRow, Latest, NewEntry, NewExpired, Numbered};

use super::incoming::Alert;
use super::known::{Moved, Slot};

/// What one alert of a delivery did, as far as mail and reports go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    pub(super) verdict: Verdict,
    /// Whether the incident still fires.
    pub(super) open: bool,
    /// Whether a person has acknowledged it.
    pub(super) acknowledged: bool,
    /// Its log entry, by its place in the batch.
    pub(super) entry: usize,
    /// The incident that was shown to have ended without a resolution.
    pub(super) expired: Option<i64>,
    /// What else happened, and to which incident.
    pub(super) told: Option<(i64, EventKind)>,
    pub(super) suspicion: Suspicion,
}

/// Whether an incident may be the stale copy of a peer under the same name: what
/// opened such a one is held back for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    /// It opened so.
    Raised,
    /// It was one: this incident.
    Confirmed(i64),
    /// Anything else was received about this incident, for which it may still be held.
    Allayed(i64),
}

impl Done {
    /// What happened to which incidents, in that order.
    pub(super) fn events(&self) -> impl Iterator<Item = (i64, EventKind)> {
        let expired = self.expired.map(|incident| (incident, EventKind::Expired));
        expired.into_iter().chain(self.told)
    }
}

/// A log entry that has no number yet, with what it is counted by.
pub(super) struct Filed {
    pub(super) entry: NewEntry,
    /// The alert.
    pub(super) place: usize,
    /// What was told: the delivery, and the alert in it.
    pub(super) told: (usize, usize),
    /// Whether an incident began here.
    pub(super) began: bool,
    /// Incidents that ended here, but for copies.
    pub(super) ended: u64,
    /// When the incident began that turned out to be a copy here.
    pub(super) copy_of: Option<Timestamp>,
}

/// Something that a series was never told with before.
pub(super) struct Told {
    pub(super) id: i64,
    /// The alert.
    pub(super) place: usize,
    /// The delivery, and the alert in it.
    pub(super) told: (usize, usize),
}

/// An incident that is not its series' latest any more.
pub(super) struct Passed {
    episode: Episode,
    series: i64,
    number: i64,
    telling: Option<i64>,
    content: Option<Digest>,
    moved: Moved,
}

impl Passed {
    /// The row, if it has to be stored; the memory of judging has moved on.
    pub(super) fn row(&self) -> (Moved, IncidentRow<'_>) {
        let row = IncidentRow {
            episode: &self.episode,
            series_id: self.series,
            number: self.number,
            telling_id: self.telling,
            content: self.content,
            told: &[],
        };
        (self.moved, row)
    }
}

/// What a batch has to store.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) entries: Vec<Filed>,
    /// Ends that were not told, with the place of the entry that showed them.
    pub(super) expired: Vec<(usize, NewExpired)>,
    pub(super) tellings: Vec<Told>,
    pub(super) passed: Vec<Passed>,
}

/// One alert of a delivery, and who told it when.
pub(super) struct Hearing<'a> {
    pub(super) rules: &'a Rules,
    pub(super) alert: &'a Alert,
    /// The delivery, and the alert in it.
    pub(super) told: (usize, usize),
    pub(super) delivery: i64,
    pub(super) sender: i64,
    pub(super) now: Timestamp,
    /// The alert's slot.
    pub(super) place: usize,
}

impl Ledger {
    /// Judges one alert and notes what changes.
    pub(super) fn file(&mut self, ids: &mut Ids, hearing: &Hearing<'_>, slot: &mut Slot) -> Done {
        let claim = &hearing.alert.claim;
        let new_id = ids.peek(Numbered::Incidents);
        let judgement = {
            let latest = slot.standing.latest.as_deref();
            let content = latest.and_then(|latest| latest.content);
            judge(&judge::Hearing {
                rules: hearing.rules,
                now: hearing.now,
                new_id,
                claim,
                is_changed: content != Some(hearing.alert.content.digest),
                sender: hearing.sender,
                told: latest.map_or(&[], |latest| &latest.told),
                latest: latest.map(|latest| &latest.episode),
            })
        };
        let begins = judgement.episode.id == new_id;
        if begins {
            ids.take(Numbered::Incidents);
        }
        let was_open = slot.standing.latest.as_deref().is_some_and(Latest::is_open);
        let is_open = judgement.episode.state == State::Open;
        let mut done = Done {
            verdict: judgement.verdict,
            open: is_open,
            acknowledged: !begins
                && slot
                    .standing
                    .latest
                    .as_deref()
                    .is_some_and(|l| l.acknowledged),
            entry: self.entries.len(),
            expired: judgement.expired.as_ref().map(|expired| expired.id),
            told: None,
            suspicion: suspicion(hearing, &judgement, begins),
        };
        let kind = entry_kind(judgement.verdict);
        let telling = match kind.is_some() || judgement.moves_content() {
            true => self.telling(ids, hearing, slot),
            false => None,
        };
        if let Some(kind) = kind {
            done.told = kind.event().map(|event| (judgement.episode.id, event));
            let ends = !is_open && (begins || (was_open && kind == EntryKind::Resolved));
            let is_copy = judgement.episode.end_reason == Some(EndReason::Copy);
            self.entries.push(Filed {
                place: hearing.place,
                told: hearing.told,
                began: begins,
                ended: u64::from(ends && !is_copy) + u64::from(judgement.expired.is_some()),
                copy_of: (ends && is_copy).then_some(judgement.episode.first_seen_at),
                entry: NewEntry {
                    id: 0,
                    delivery_id: hearing.delivery,
                    incident_id: judgement.episode.id,
                    series_id: slot.standing.series,
                    telling_id: telling,
                    received_at: hearing.now,
                    status: claim.status,
                    kind,
                    starts_at: claim.starts_at.unwrap_or(hearing.now),
                    ends_at: claim.ends_at,
                },
            });
        }
        if let Some(expired) = &judgement.expired {
            let end = NewExpired {
                incident_id: expired.id,
                at: hearing.now,
                delivery_id: hearing.delivery,
                entry_id: 0,
            };
            self.expired.push((done.entry, end));
        }
        if begins {
            self.begin(hearing, slot, judgement, telling);
        } else {
            go_on(hearing, slot, judgement, telling);
        }
        done
    }

    /// Under which telling an alert is stored: none where it says what its
    /// series was first told with.
    fn telling(&mut self, ids: &mut Ids, hearing: &Hearing<'_>, slot: &Slot) -> Option<i64> {
        let content = &hearing.alert.content.digest;
        if slot.first_told_with(content) {
            return None;
        }
        if let Some(latest) = slot.standing.latest.as_deref()
            && latest.content.as_ref() == Some(content)
        {
            return latest.telling;
        }
        let id = ids.take(Numbered::Tellings);
        self.tellings.push(Told {
            id,
            place: hearing.place,
            told: hearing.told,
        });
        Some(id)
    }

    /// Another episode is the latest now.
    fn begin(
        &mut self,
        hearing: &Hearing<'_>,
        slot: &mut Slot,
        judgement: Judgement,
        telling: Option<i64>,
    ) {
        let before = slot.standing.latest.take();
        let mut latest = Box::new(Latest {
            episode: judgement.episode,
            number: 1,
            telling,
            content: Some(hearing.alert.content.digest),
            told: Vec::new(),
            acknowledged: false,
        });
        if let Some(before) = before {
            let before = *before;
            latest.number = before.number + 1;
            latest.told = before.told;
            let moved = match judgement.expired {
                Some(_) => slot.moved.max(Moved::Changed),
                None => slot.moved,
            };
            if moved != Moved::No {
                self.passed.push(Passed {
                    episode: judgement.expired.unwrap_or(before.episode),
                    series: slot.standing.series,
                    number: before.number,
                    telling: before.telling,
                    content: before.content,
                    // Its memory is cleared, which is more than being seen.
                    moved: moved.max(Moved::Changed),
                });
            }
        }
        remember(&mut latest.told, hearing.sender, judgement.memory);
        slot.standing.latest = Some(latest);
        slot.moved = Moved::Begun;
    }
}

/// The latest episode goes on, or ends.
fn go_on(hearing: &Hearing<'_>, slot: &mut Slot, judgement: Judgement, telling: Option<i64>) {
    // There is one: otherwise an episode would have begun.
    let Some(latest) = slot.standing.latest.as_deref_mut() else {
        return;
    };
    let mut moved = slot.moved;
    let moves_content = judgement.moves_content();
    if remember(&mut latest.told, hearing.sender, judgement.memory) {
        moved = moved.max(Moved::Seen);
    }
    if latest.episode != judgement.episode {
        moved = moved.max(how_far(&latest.episode, &judgement.episode));
        latest.episode = judgement.episode;
    }
    let content = Some(hearing.alert.content.digest);
    if moves_content && latest.content != content {
        latest.telling = telling;
        latest.content = content;
        moved = moved.max(Moved::Changed);
    }
    slot.moved = moved;
}

fn suspicion(hearing: &Hearing<'_>, judgement: &Judgement, begins: bool) -> Suspicion {
    let episode = &judgement.episode;
    let is_fresh = hearing.now < episode.first_seen_at.plus(hearing.rules.window);
    if judgement.suspected_copy {
        Suspicion::Raised
    } else if begins || judgement.verdict == Verdict::Late || !is_fresh || !episode.has_old_start()
    {
        Suspicion::None
    } else if judgement.verdict == Verdict::Resolved && episode.end_reason == Some(EndReason::Copy)
    {
        Suspicion::Confirmed(episode.id)
    } else {
        Suspicion::Allayed(episode.id)
    }
}

fn how_far(before: &Episode, after: &Episode) -> Moved {
    let only_seen = Episode {
        last_seen_at: after.last_seen_at,
        senders: after.senders,
        ..before.clone()
    };
    if only_seen == *after {
        Moved::Seen
    } else {
        Moved::Changed
    }
}

/// Senders whose last word is remembered of one alert; whoever spoke longest ago
/// is forgotten first. A pair is two of them.
const MOST_SENDERS: usize = 32;

/// Whether that is anything new.
fn remember(told: &mut Vec<(i64, Memory)>, sender: i64, memory: Memory) -> bool {
    match told.iter_mut().find(|(who, _)| *who == sender) {
        Some((_, known)) if *known == memory => false,
        Some((_, known)) => {
            *known = memory;
            true
        }
        None => {
            if told.len() >= MOST_SENDERS {
                let oldest = (0..told.len()).min_by_key(|at| told[*at].1.said_at);
                told.swap_remove(oldest.unwrap_or_default());
            }
            told.push((sender, memory));
            true
        }
    }
}

fn entry_kind(verdict: Verdict) -> Option<EntryKind> {
    match verdict {
        Verdict::Opened => Some(EntryKind::Opened),
        Verdict::Resolved => Some(EntryKind::Resolved),
        Verdict::Refreshed => Some(EntryKind::Refreshed),
        Verdict::Late => Some(EntryKind::Late),
        Verdict::Updated => Some(EntryKind::Updated),
        Verdict::SeenAgain => None,
    }
}
