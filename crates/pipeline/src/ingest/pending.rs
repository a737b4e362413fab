//! A batch in memory: what its alerts make of their incidents, one after the
//! other, so that copies within a batch see each other.

use tocsin_core::digest::Digest;
use tocsin_core::lifecycle::{
    self, DedupSettings, EndReason, Incident, IncidentState, Outcome, SenderState, Transition,
    transition,
};
use tocsin_core::time::Timestamp;
use tocsin_storage::enums::{EntryKind, EventKind};
use tocsin_storage::ingest::{IdTable, Ids, IncidentRow, LatestIncident, NewEntry, NewExpiry};

use super::batch_state::{AlertSlot, PendingChange};
use super::prepared::PreparedAlert;

/// What one alert of a delivery did, as far as mail and reports go.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlertOutcome {
    pub(super) outcome: Outcome,
    /// Whether the incident still fires.
    pub(super) open: bool,
    /// Whether a person has acknowledged it.
    pub(super) acknowledged: bool,
    /// Its log entry, by its place in the batch.
    pub(super) entry: usize,
    /// The incident that was shown to have ended without a resolution.
    pub(super) expired: Option<i64>,
    /// What else happened, and to which incident.
    pub(super) event: Option<(i64, EventKind)>,
    pub(super) suspicion: Suspicion,
}

/// Whether an incident may be the stale copy of a peer under the same name: what
/// opened such a one is held back for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    /// It opened so.
    Suspected,
    /// It was one: this incident.
    Confirmed(i64),
    /// Anything else was received about this incident, for which it may still be held.
    Dismissed(i64),
}

impl AlertOutcome {
    /// What happened to which incidents, in that order.
    pub(super) fn events(&self) -> impl Iterator<Item = (i64, EventKind)> {
        let expired = self.expired.map(|incident| (incident, EventKind::Expired));
        expired.into_iter().chain(self.event)
    }
}

/// A log entry that has no number yet, with what it is counted by.
pub(super) struct PendingEntry {
    pub(super) entry: NewEntry,
    /// The alert.
    pub(super) slot: usize,
    /// What was told: the delivery, and the alert in it.
    pub(super) position: (usize, usize),
    /// Whether an incident began here.
    pub(super) began: bool,
    /// Incidents that ended here, but for copies.
    pub(super) ended: u64,
    /// When the incident began that turned out to be a copy here.
    pub(super) copy_of: Option<Timestamp>,
}

/// Something that a series was never told with before.
pub(super) struct PendingContent {
    pub(super) id: i64,
    /// The alert.
    pub(super) slot: usize,
    /// The delivery, and the alert in it.
    pub(super) position: (usize, usize),
}

/// An incident that is not its series' latest any more.
pub(super) struct SupersededIncident {
    incident: Incident,
    alert_id: i64,
    sequence: i64,
    content_id: Option<i64>,
    content: Option<Digest>,
    change: PendingChange,
}

impl SupersededIncident {
    /// The row, if it has to be stored; the memory of judging has moved on.
    pub(super) fn row(&self) -> (PendingChange, IncidentRow<'_>) {
        let row = IncidentRow {
            incident: &self.incident,
            alert_id: self.alert_id,
            sequence: self.sequence,
            content_id: self.content_id,
            content_digest: self.content,
            sender_states: &[],
        };
        (self.change, row)
    }
}

/// What a batch has to store.
#[derive(Default)]
pub(super) struct PendingWrites {
    pub(super) entries: Vec<PendingEntry>,
    /// Ends that were not told, with the place of the entry that showed them.
    pub(super) expired: Vec<(usize, NewExpiry)>,
    pub(super) contents: Vec<PendingContent>,
    pub(super) superseded: Vec<SupersededIncident>,
}

/// One alert of a delivery, and who told it when.
pub(super) struct PositionedAlert<'a> {
    pub(super) settings: &'a DedupSettings,
    pub(super) alert: &'a PreparedAlert,
    /// The delivery, and the alert in it.
    pub(super) position: (usize, usize),
    pub(super) delivery: i64,
    pub(super) sender: i64,
    pub(super) now: Timestamp,
    /// The alert's slot.
    pub(super) slot: usize,
}

impl PendingWrites {
    /// Judges one alert and notes what changes.
    pub(super) fn apply(
        &mut self,
        ids: &mut Ids,
        hearing: &PositionedAlert<'_>,
        slot: &mut AlertSlot,
    ) -> AlertOutcome {
        let claim = &hearing.alert.update;
        let new_id = ids.peek(IdTable::Incidents);
        let judgement = {
            let latest = slot.cached.latest.as_deref();
            let content = latest.and_then(|latest| latest.content);
            transition(&lifecycle::TransitionInput {
                settings: hearing.settings,
                now: hearing.now,
                new_id,
                update: claim,
                is_changed: content != Some(hearing.alert.content.digest),
                sender: hearing.sender,
                sender_states: latest.map_or(&[], |latest| &latest.sender_states),
                latest: latest.map(|latest| &latest.incident),
            })
        };
        let begins = judgement.incident.id == new_id;
        if begins {
            ids.take(IdTable::Incidents);
        }
        let was_open = slot
            .cached
            .latest
            .as_deref()
            .is_some_and(LatestIncident::is_open);
        let is_open = judgement.incident.state == IncidentState::Open;
        let mut done = AlertOutcome {
            outcome: judgement.outcome,
            open: is_open,
            acknowledged: !begins
                && slot
                    .cached
                    .latest
                    .as_deref()
                    .is_some_and(|l| l.acknowledged),
            entry: self.entries.len(),
            expired: judgement.expired.as_ref().map(|expired| expired.id),
            event: None,
            suspicion: suspicion(hearing, &judgement, begins),
        };
        let kind = entry_kind(judgement.outcome);
        let telling = match kind.is_some() || judgement.updates_content() {
            true => self.content_id(ids, hearing, slot),
            false => None,
        };
        if let Some(kind) = kind {
            done.event = kind.event().map(|event| (judgement.incident.id, event));
            let ends = !is_open && (begins || (was_open && kind == EntryKind::Resolved));
            let is_copy = judgement.incident.end_reason == Some(EndReason::Copy);
            self.entries.push(PendingEntry {
                slot: hearing.slot,
                position: hearing.position,
                began: begins,
                ended: u64::from(ends && !is_copy) + u64::from(judgement.expired.is_some()),
                copy_of: (ends && is_copy).then_some(judgement.incident.first_seen_at),
                entry: NewEntry {
                    id: 0,
                    delivery_id: hearing.delivery,
                    incident_id: judgement.incident.id,
                    alert_id: slot.cached.alert_id,
                    content_id: telling,
                    received_at: hearing.now,
                    status: claim.status,
                    kind,
                    starts_at: claim.starts_at.unwrap_or(hearing.now),
                    ends_at: claim.ends_at,
                },
            });
        }
        if let Some(expired) = &judgement.expired {
            let end = NewExpiry {
                incident_id: expired.id,
                at: hearing.now,
                delivery_id: hearing.delivery,
                entry_id: 0,
            };
            self.expired.push((done.entry, end));
        }
        if begins {
            self.open_incident(hearing, slot, judgement, telling);
        } else {
            update_latest(hearing, slot, judgement, telling);
        }
        done
    }

    /// Under which telling an alert is stored: none where it says what its
    /// series was first told with.
    fn content_id(
        &mut self,
        ids: &mut Ids,
        hearing: &PositionedAlert<'_>,
        slot: &AlertSlot,
    ) -> Option<i64> {
        let content = &hearing.alert.content.digest;
        if slot.is_first_content(content) {
            return None;
        }
        if let Some(latest) = slot.cached.latest.as_deref()
            && latest.content.as_ref() == Some(content)
        {
            return latest.content_id;
        }
        let id = ids.take(IdTable::AlertContents);
        self.contents.push(PendingContent {
            id,
            slot: hearing.slot,
            position: hearing.position,
        });
        Some(id)
    }

    /// Another episode is the latest now.
    fn open_incident(
        &mut self,
        hearing: &PositionedAlert<'_>,
        slot: &mut AlertSlot,
        judgement: Transition,
        telling: Option<i64>,
    ) {
        let before = slot.cached.latest.take();
        let mut latest = Box::new(LatestIncident {
            incident: judgement.incident,
            sequence: 1,
            content_id: telling,
            content: Some(hearing.alert.content.digest),
            sender_states: Vec::new(),
            acknowledged: false,
        });
        if let Some(before) = before {
            let before = *before;
            latest.sequence = before.sequence + 1;
            latest.sender_states = before.sender_states;
            let moved = match judgement.expired {
                Some(_) => slot.change.max(PendingChange::Changed),
                None => slot.change,
            };
            if moved != PendingChange::None {
                self.superseded.push(SupersededIncident {
                    incident: judgement.expired.unwrap_or(before.incident),
                    alert_id: slot.cached.alert_id,
                    sequence: before.sequence,
                    content_id: before.content_id,
                    content: before.content,
                    // Its memory is cleared, which is more than being seen.
                    change: moved.max(PendingChange::Changed),
                });
            }
        }
        update_sender_state(
            &mut latest.sender_states,
            hearing.sender,
            judgement.sender_state,
        );
        slot.cached.latest = Some(latest);
        slot.change = PendingChange::Opened;
    }
}

/// The latest episode goes on, or ends.
fn update_latest(
    hearing: &PositionedAlert<'_>,
    slot: &mut AlertSlot,
    judgement: Transition,
    telling: Option<i64>,
) {
    // There is one: otherwise an episode would have begun.
    let Some(latest) = slot.cached.latest.as_deref_mut() else {
        return;
    };
    let mut moved = slot.change;
    let moves_content = judgement.updates_content();
    if update_sender_state(
        &mut latest.sender_states,
        hearing.sender,
        judgement.sender_state,
    ) {
        moved = moved.max(PendingChange::Seen);
    }
    if latest.incident != judgement.incident {
        moved = moved.max(pending_change(&latest.incident, &judgement.incident));
        latest.incident = judgement.incident;
    }
    let content = Some(hearing.alert.content.digest);
    if moves_content && latest.content != content {
        latest.content_id = telling;
        latest.content = content;
        moved = moved.max(PendingChange::Changed);
    }
    slot.change = moved;
}

fn suspicion(hearing: &PositionedAlert<'_>, judgement: &Transition, begins: bool) -> Suspicion {
    let episode = &judgement.incident;
    let is_fresh = hearing.now < episode.first_seen_at.plus(hearing.settings.window);
    if judgement.suspected_copy {
        Suspicion::Suspected
    } else if begins
        || judgement.outcome == Outcome::OutOfOrder
        || !is_fresh
        || !episode.has_old_start()
    {
        Suspicion::None
    } else if judgement.outcome == Outcome::Resolved && episode.end_reason == Some(EndReason::Copy)
    {
        Suspicion::Confirmed(episode.id)
    } else {
        Suspicion::Dismissed(episode.id)
    }
}

fn pending_change(before: &Incident, after: &Incident) -> PendingChange {
    let only_seen = Incident {
        last_seen_at: after.last_seen_at,
        senders: after.senders,
        ..before.clone()
    };
    if only_seen == *after {
        PendingChange::Seen
    } else {
        PendingChange::Changed
    }
}

/// Senders whose last word is remembered of one alert; whoever spoke longest ago
/// is forgotten first. A pair is two of them.
const MOST_SENDERS: usize = 32;

/// Whether that is anything new.
fn update_sender_state(
    told: &mut Vec<(i64, SenderState)>,
    sender: i64,
    memory: SenderState,
) -> bool {
    match told.iter_mut().find(|(who, _)| *who == sender) {
        Some((_, known)) if *known == memory => false,
        Some((_, known)) => {
            *known = memory;
            true
        }
        None => {
            if told.len() >= MOST_SENDERS {
                let oldest = (0..told.len()).min_by_key(|at| told[*at].1.received_at);
                told.swap_remove(oldest.unwrap_or_default());
            }
            told.push((sender, memory));
            true
        }
    }
}

fn entry_kind(verdict: Outcome) -> Option<EntryKind> {
    match verdict {
        Outcome::Opened => Some(EntryKind::Opened),
        Outcome::Resolved => Some(EntryKind::Resolved),
        Outcome::Repeated => Some(EntryKind::Refreshed),
        Outcome::OutOfOrder => Some(EntryKind::Late),
        Outcome::Updated => Some(EntryKind::Updated),
        Outcome::Duplicate => None,
    }
}
