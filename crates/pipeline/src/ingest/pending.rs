//! Applies the alerts of a batch in memory, one after the other, so that a duplicate
//! within a batch sees the first report.

use tocsin_core::digest::Digest;
use tocsin_core::lifecycle::{
    self, DedupSettings, EndReason, Incident, IncidentState, Outcome, SenderState, Transition,
};
use tocsin_core::time::Timestamp;
use tocsin_storage::enums::{EntryKind, EventKind};
use tocsin_storage::ingest::{IdTable, Ids, IncidentRow, LatestIncident, NewEntry, NewExpiry};

use super::batch_state::{AlertSlot, PendingChange};
use super::prepared::PreparedAlert;

/// Result of one reported alert, for notifications and the report.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlertOutcome {
    pub(super) outcome: Outcome,
    /// Whether the incident is open.
    pub(super) open: bool,
    /// Whether the incident is acknowledged.
    pub(super) acknowledged: bool,
    /// Index of its log entry in the batch.
    pub(super) entry: usize,
    /// ID of the incident that turned out to have ended without a resolution.
    pub(super) expired: Option<i64>,
    /// Any other event, with the incident ID.
    pub(super) event: Option<(i64, EventKind)>,
    pub(super) suspicion: Suspicion,
}

/// Whether an incident may be a copy of a stale alert from a second sender of the same
/// name. Its notifications are held for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    /// The incident opened as a possible copy.
    Suspected,
    /// The incident with this ID was a copy.
    Confirmed(i64),
    /// Another report was received for the incident with this ID, so it is no copy. Its
    /// notifications may still be held.
    Dismissed(i64),
}

impl AlertOutcome {
    /// Incident IDs and their events, in order.
    pub(super) fn events(&self) -> impl Iterator<Item = (i64, EventKind)> {
        let expired = self.expired.map(|incident| (incident, EventKind::Expired));
        expired.into_iter().chain(self.event)
    }
}

/// A log entry without an ID, with its contribution to the statistics.
pub(super) struct PendingEntry {
    pub(super) entry: NewEntry,
    /// Slot of the alert.
    pub(super) slot: usize,
    /// Index of the delivery and of the alert in it.
    pub(super) position: (usize, usize),
    /// Whether an incident opened.
    pub(super) is_opening: bool,
    /// Incidents that ended, not counting copies.
    pub(super) ended: u64,
    /// First-seen time of the incident that turned out to be a copy.
    pub(super) copy_of: Option<Timestamp>,
}

/// Content that was not received for the alert before.
pub(super) struct PendingContent {
    pub(super) id: i64,
    /// Slot of the alert.
    pub(super) slot: usize,
    /// Index of the delivery and of the alert in it.
    pub(super) position: (usize, usize),
}

/// An incident that is no longer the latest of its alert.
pub(super) struct SupersededIncident {
    incident: Incident,
    alert_id: i64,
    sequence: i64,
    content_id: Option<i64>,
    content: Option<Digest>,
    change: PendingChange,
}

impl SupersededIncident {
    /// Its row. Sender states belong to the latest incident only.
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

/// Rows that a batch has to write.
#[derive(Default)]
pub(super) struct PendingWrites {
    pub(super) entries: Vec<PendingEntry>,
    /// Expired incidents, with the index of the log entry that revealed each.
    pub(super) expired: Vec<(usize, NewExpiry)>,
    pub(super) contents: Vec<PendingContent>,
    pub(super) superseded: Vec<SupersededIncident>,
}

/// One alert of a delivery, with its position and sender.
pub(super) struct PositionedAlert<'a> {
    pub(super) settings: &'a DedupSettings,
    pub(super) alert: &'a PreparedAlert,
    /// Index of the delivery and of the alert in it.
    pub(super) position: (usize, usize),
    pub(super) delivery_id: i64,
    pub(super) sender: i64,
    pub(super) now: Timestamp,
    /// Slot of the alert.
    pub(super) slot: usize,
}

impl PendingWrites {
    /// Computes the transition for one alert and collects the rows to write.
    pub(super) fn apply(
        &mut self,
        ids: &mut Ids,
        input: &PositionedAlert<'_>,
        slot: &mut AlertSlot,
    ) -> AlertOutcome {
        let update = &input.alert.update;
        let new_id = ids.peek(IdTable::Incidents);
        let transition = {
            let latest = slot.cached.latest.as_deref();
            let content = latest.and_then(|latest| latest.content);
            lifecycle::transition(&lifecycle::TransitionInput {
                settings: input.settings,
                now: input.now,
                new_id,
                update,
                is_changed: content != Some(input.alert.content.digest),
                sender: input.sender,
                sender_states: latest.map_or(&[], |latest| &latest.sender_states),
                latest: latest.map(|latest| &latest.incident),
            })
        };
        let is_opening = transition.incident.id == new_id;
        if is_opening {
            ids.take(IdTable::Incidents);
        }
        let was_open = slot
            .cached
            .latest
            .as_deref()
            .is_some_and(LatestIncident::is_open);
        let is_open = transition.incident.state == IncidentState::Open;
        let mut outcome = AlertOutcome {
            outcome: transition.outcome,
            open: is_open,
            acknowledged: !is_opening
                && slot
                    .cached
                    .latest
                    .as_deref()
                    .is_some_and(|latest| latest.acknowledged),
            entry: self.entries.len(),
            expired: transition.expired.as_ref().map(|expired| expired.id),
            event: None,
            suspicion: suspicion(input, &transition, is_opening),
        };
        let kind = entry_kind(transition.outcome);
        let content_id = match kind.is_some() || transition.updates_content() {
            true => self.content_id(ids, input, slot),
            false => None,
        };
        if let Some(kind) = kind {
            outcome.event = kind.event().map(|event| (transition.incident.id, event));
            let ends = !is_open && (is_opening || (was_open && kind == EntryKind::Resolved));
            let is_copy = transition.incident.end_reason == Some(EndReason::Copy);
            self.entries.push(PendingEntry {
                slot: input.slot,
                position: input.position,
                is_opening,
                ended: u64::from(ends && !is_copy) + u64::from(transition.expired.is_some()),
                copy_of: (ends && is_copy).then_some(transition.incident.first_seen_at),
                entry: NewEntry {
                    id: 0,
                    delivery_id: input.delivery_id,
                    incident_id: transition.incident.id,
                    alert_id: slot.cached.alert_id,
                    content_id,
                    received_at: input.now,
                    status: update.status,
                    kind,
                    starts_at: update.starts_at.unwrap_or(input.now),
                    ends_at: update.ends_at,
                },
            });
        }
        if let Some(expired) = &transition.expired {
            let expiry = NewExpiry {
                incident_id: expired.id,
                at: input.now,
                delivery_id: input.delivery_id,
                entry_id: 0,
            };
            self.expired.push((outcome.entry, expiry));
        }
        if is_opening {
            self.open_incident(input, slot, transition, content_id);
        } else {
            update_latest(input, slot, transition, content_id);
        }
        outcome
    }

    /// ID of the content version; `None` if the content equals the first content of the
    /// alert.
    fn content_id(
        &mut self,
        ids: &mut Ids,
        input: &PositionedAlert<'_>,
        slot: &AlertSlot,
    ) -> Option<i64> {
        let content = &input.alert.content.digest;
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
            slot: input.slot,
            position: input.position,
        });
        Some(id)
    }

    /// Replaces the latest incident of the alert.
    fn open_incident(
        &mut self,
        input: &PositionedAlert<'_>,
        slot: &mut AlertSlot,
        transition: Transition,
        content_id: Option<i64>,
    ) {
        let before = slot.cached.latest.take();
        let mut latest = Box::new(LatestIncident {
            incident: transition.incident,
            sequence: 1,
            content_id,
            content: Some(input.alert.content.digest),
            sender_states: Vec::new(),
            acknowledged: false,
        });
        if let Some(before) = before {
            let before = *before;
            latest.sequence = before.sequence + 1;
            latest.sender_states = before.sender_states;
            let change = match transition.expired {
                Some(_) => slot.change.max(PendingChange::Changed),
                None => slot.change,
            };
            if change != PendingChange::None {
                self.superseded.push(SupersededIncident {
                    incident: transition.expired.unwrap_or(before.incident),
                    alert_id: slot.cached.alert_id,
                    sequence: before.sequence,
                    content_id: before.content_id,
                    content: before.content,
                    // Its sender states are cleared, which is more than `Seen`.
                    change: change.max(PendingChange::Changed),
                });
            }
        }
        update_sender_state(
            &mut latest.sender_states,
            input.sender,
            transition.sender_state,
        );
        slot.cached.latest = Some(latest);
        slot.change = PendingChange::Opened;
    }
}

/// Updates or ends the latest incident.
fn update_latest(
    input: &PositionedAlert<'_>,
    slot: &mut AlertSlot,
    transition: Transition,
    content_id: Option<i64>,
) {
    // It exists: otherwise a new incident would have opened.
    let Some(latest) = slot.cached.latest.as_deref_mut() else {
        return;
    };
    let mut change = slot.change;
    let updates_content = transition.updates_content();
    if update_sender_state(
        &mut latest.sender_states,
        input.sender,
        transition.sender_state,
    ) {
        change = change.max(PendingChange::Seen);
    }
    if latest.incident != transition.incident {
        change = change.max(pending_change(&latest.incident, &transition.incident));
        latest.incident = transition.incident;
    }
    let content = Some(input.alert.content.digest);
    if updates_content && latest.content != content {
        latest.content_id = content_id;
        latest.content = content;
        change = change.max(PendingChange::Changed);
    }
    slot.change = change;
}

fn suspicion(input: &PositionedAlert<'_>, transition: &Transition, is_opening: bool) -> Suspicion {
    let incident = &transition.incident;
    let is_fresh = input.now < incident.first_seen_at.plus(input.settings.window);
    if transition.suspected_copy {
        Suspicion::Suspected
    } else if is_opening
        || transition.outcome == Outcome::OutOfOrder
        || !is_fresh
        || !incident.has_old_start()
    {
        Suspicion::None
    } else if transition.outcome == Outcome::Resolved
        && incident.end_reason == Some(EndReason::Copy)
    {
        Suspicion::Confirmed(incident.id)
    } else {
        Suspicion::Dismissed(incident.id)
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

/// Sender states kept for one alert. The one updated longest ago is dropped first; an
/// Alertmanager pair has two.
const MAX_SENDER_STATES: usize = 32;

/// Returns whether the state changed.
fn update_sender_state(
    states: &mut Vec<(i64, SenderState)>,
    sender: i64,
    state: SenderState,
) -> bool {
    match states.iter_mut().find(|(id, _)| *id == sender) {
        Some((_, stored)) if *stored == state => false,
        Some((_, stored)) => {
            *stored = state;
            true
        }
        None => {
            if states.len() >= MAX_SENDER_STATES {
                let oldest = (0..states.len()).min_by_key(|index| states[*index].1.received_at);
                states.swap_remove(oldest.unwrap_or_default());
            }
            states.push((sender, state));
            true
        }
    }
}

fn entry_kind(outcome: Outcome) -> Option<EntryKind> {
    match outcome {
        Outcome::Opened => Some(EntryKind::Opened),
        Outcome::Resolved => Some(EntryKind::Resolved),
        Outcome::Repeated => Some(EntryKind::Refreshed),
        Outcome::OutOfOrder => Some(EntryKind::Late),
        Outcome::Updated => Some(EntryKind::Updated),
        Outcome::Duplicate => None,
    }
}
