//! A batch in memory: what the database knows of its alerts, and what the
//! alerts make of it, one after the other, so that copies within a batch see
//! each other.

use std::collections::{BTreeMap, HashMap, HashSet};

use tocsin_core::alert::Said;
use tocsin_core::judge::{Claim, Judgement, Memory, Rules, State, Verdict, judge};
use tocsin_core::time::Timestamp;
use tocsin_storage::codes::{EntryKind, EventKind};
use tocsin_storage::ingest::{
    Ids, IncidentRow, MemoryKey, NewEntry, NewEvent, Numbered, SeriesState,
};

/// Where one alert of a delivery belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filed {
    pub(super) series: i64,
    pub(super) sender: i64,
    pub(super) label_set: i64,
    pub(super) annotation_set: i64,
}

/// What one alert of a delivery did, as far as mail and reports go.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) verdict: Verdict,
    /// Whether the incident still fires.
    pub(super) open: bool,
    /// Whether a person has acknowledged it.
    pub(super) acknowledged: bool,
    /// What happened: (event, incident, kind).
    pub(super) events: Vec<(i64, i64, EventKind)>,
}

/// The state of a batch's alerts, and the rows that changed.
pub(super) struct Ledger {
    pub(super) series: HashMap<i64, SeriesState>,
    pub(super) memories: HashMap<MemoryKey, Memory>,
    pub(super) changed: BTreeMap<i64, IncidentRow>,
    pub(super) begun: HashSet<i64>,
    pub(super) latest: BTreeMap<i64, i64>,
    pub(super) said: BTreeMap<MemoryKey, Memory>,
    pub(super) entries: Vec<NewEntry>,
    pub(super) events: Vec<NewEvent>,
}

impl Ledger {
    pub(super) fn new(
        series: HashMap<i64, SeriesState>,
        memories: HashMap<MemoryKey, Memory>,
    ) -> Self {
        Self {
            series,
            memories,
            changed: BTreeMap::new(),
            begun: HashSet::new(),
            latest: BTreeMap::new(),
            said: BTreeMap::new(),
            entries: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Judges one alert and notes what changes.
    pub(super) fn file(
        &mut self,
        rules: &Rules,
        ids: &mut Ids,
        delivery: i64,
        now: Timestamp,
        said: &Said,
        filed: Filed,
    ) -> Done {
        let key = (filed.series, filed.sender);
        let before = self.series.get(&filed.series);
        let judgement = judge(
            rules,
            now,
            ids.peek(Numbered::Incidents),
            &Claim::from(said),
            self.memories.get(&key),
            before.map(|state| &state.episode),
        );
        if self.memories.get(&key) != Some(&judgement.memory) {
            self.memories.insert(key, judgement.memory);
            self.said.insert(key, judgement.memory);
        }
        let acknowledged = before.is_some_and(|state| state.acknowledged);
        let kind = entry_kind(judgement.verdict);
        let begins = judgement.episode.id == ids.peek(Numbered::Incidents);
        if begins {
            ids.take(Numbered::Incidents);
            self.begun.insert(judgement.episode.id);
            self.latest.insert(filed.series, judgement.episode.id);
        }
        let entry_id = kind.map(|kind| {
            let id = ids.take(Numbered::LogEntries);
            self.entries.push(NewEntry {
                id,
                delivery_id: delivery,
                incident_id: judgement.episode.id,
                label_set_id: filed.label_set,
                annotation_set_id: filed.annotation_set,
                received_at: now,
                status: said.status,
                kind,
                starts_at: said.starts_at.unwrap_or(now),
                ends_at: said.ends_at,
            });
            id
        });
        let events = self.note_events(ids, &judgement, delivery, entry_id, now);
        let done = Done {
            verdict: judgement.verdict,
            open: judgement.episode.state == State::Open,
            acknowledged: acknowledged && !begins,
            events,
        };
        self.note_episodes(judgement, filed, done.acknowledged);
        done
    }

    fn note_events(
        &mut self,
        ids: &mut Ids,
        judgement: &Judgement,
        delivery: i64,
        entry_id: Option<i64>,
        now: Timestamp,
    ) -> Vec<(i64, i64, EventKind)> {
        let lost = judgement
            .lost
            .as_ref()
            .map(|lost| (lost.id, EventKind::Lost));
        let told = match judgement.verdict {
            Verdict::Opened => Some(EventKind::Opened),
            Verdict::Resolved => Some(EventKind::Resolved),
            Verdict::Refreshed => Some(EventKind::Refreshed),
            Verdict::SeenAgain | Verdict::Late => None,
        };
        let told = told.map(|kind| (judgement.episode.id, kind));
        let mut noted = Vec::new();
        for (incident_id, kind) in lost.into_iter().chain(told) {
            let Some(entry_id) = entry_id else { continue };
            let id = ids.take(Numbered::IncidentEvents);
            let delivery_id = delivery;
            self.events.push(NewEvent {
                id,
                incident_id,
                kind,
                at: now,
                delivery_id,
                entry_id,
            });
            noted.push((id, incident_id, kind));
        }
        noted
    }

    fn note_episodes(&mut self, judgement: Judgement, filed: Filed, acknowledged: bool) {
        let before = self.series.get(&filed.series);
        if let (Some(lost), Some(state)) = (judgement.lost, before) {
            let row = IncidentRow {
                episode: lost,
                series_id: filed.series,
                label_set_id: state.label_set_id,
                annotation_set_id: state.annotation_set_id,
            };
            self.changed.insert(row.episode.id, row);
        }
        let (label_set_id, annotation_set_id) = match (judgement.verdict, before) {
            // What is only seen again, or late, does not change what is shown.
            (Verdict::SeenAgain | Verdict::Late, Some(state)) => {
                if state.episode == judgement.episode {
                    return;
                }
                (state.label_set_id, state.annotation_set_id)
            }
            _ => (filed.label_set, filed.annotation_set),
        };
        let episode = judgement.episode;
        let row = IncidentRow {
            episode: episode.clone(),
            series_id: filed.series,
            label_set_id,
            annotation_set_id,
        };
        self.changed.insert(episode.id, row);
        let state = SeriesState {
            episode,
            acknowledged,
            label_set_id,
            annotation_set_id,
        };
        self.series.insert(filed.series, state);
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
