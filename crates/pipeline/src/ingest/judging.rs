//! A batch in memory: what its alerts make of their incidents, one after the
//! other, so that copies within a batch see each other.

use tocsin_core::digest::Digest;
use tocsin_core::judge::{Episode, Judgement, Memory, Rules, State, Verdict, judge};
use tocsin_core::time::Timestamp;
use tocsin_storage::codes::{EntryKind, EventKind};
use tocsin_storage::ingest::{Ids, IncidentRow, Latest, NewEntry, NewLost, Numbered};

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
    /// The incident that was shown to have ended unseen.
    pub(super) lost: Option<i64>,
    /// What else happened, and to which incident.
    pub(super) told: Option<(i64, EventKind)>,
}

impl Done {
    /// What happened to which incidents, in that order.
    pub(super) fn events(&self) -> impl Iterator<Item = (i64, EventKind)> {
        let lost = self.lost.map(|incident| (incident, EventKind::Lost));
        lost.into_iter().chain(self.told)
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
    /// Incidents that ended here.
    pub(super) ended: u64,
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
    pub(super) lost: Vec<(usize, NewLost)>,
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
            let memory = latest.and_then(|latest| memory_of(latest, hearing.sender));
            let episode = latest.map(|latest| &latest.episode);
            judge(hearing.rules, hearing.now, new_id, claim, memory, episode)
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
            lost: judgement.lost.as_ref().map(|lost| lost.id),
            told: None,
        };
        let mut telling = None;
        if let Some(kind) = entry_kind(judgement.verdict) {
            done.told = kind.event().map(|event| (judgement.episode.id, event));
            telling = self.telling(ids, hearing, slot);
            let ends = !is_open && (begins || (was_open && kind == EntryKind::Resolved));
            self.entries.push(Filed {
                place: hearing.place,
                told: hearing.told,
                began: begins,
                ended: u64::from(ends) + u64::from(judgement.lost.is_some()),
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
        if let Some(lost) = &judgement.lost {
            let end = NewLost {
                incident_id: lost.id,
                at: hearing.now,
                delivery_id: hearing.delivery,
                entry_id: 0,
            };
            self.lost.push((done.entry, end));
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
            let moved = match judgement.lost {
                Some(_) => slot.moved.max(Moved::Changed),
                None => slot.moved,
            };
            if moved != Moved::No {
                self.passed.push(Passed {
                    episode: judgement.lost.unwrap_or(before.episode),
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
    if remember(&mut latest.told, hearing.sender, judgement.memory) {
        moved = moved.max(Moved::Seen);
    }
    if latest.episode != judgement.episode {
        moved = moved.max(how_far(&latest.episode, &judgement.episode));
        latest.episode = judgement.episode;
    }
    // What is only seen again, or late, does not change what is shown.
    if matches!(judgement.verdict, Verdict::Resolved | Verdict::Refreshed) {
        latest.telling = telling;
        latest.content = Some(hearing.alert.content.digest);
        moved = moved.max(Moved::Changed);
    }
    slot.moved = moved;
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

fn memory_of(latest: &Latest, sender: i64) -> Option<&Memory> {
    let mut told = latest.told.iter();
    told.find(|(who, _)| *who == sender)
        .map(|(_, memory)| memory)
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
        Verdict::SeenAgain => None,
    }
}
