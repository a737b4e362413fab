//! The alerts that a batch speaks of, each once: what is held of them in
//! memory, what the database knows of them, and those it never heard of.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_storage::ingest::{self, IdTable, Ids, LatestIncident, NewAlert};
use tocsin_storage::{StorageError, Tx};

use super::alert_cache::{AlertCache, AlertIdentity, CacheEntries, CachedAlert};
use super::prepared::{PreparedAlert, PreparedDelivery};

/// How far an incident has moved in this batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PendingChange {
    /// Not at all.
    None,
    /// It was only seen again.
    Seen,
    /// In any other way.
    Changed,
    /// It began here.
    Opened,
}

/// One alert of a batch, however often it is told there.
pub(super) struct AlertSlot {
    /// Where it is told first: the delivery, and the alert in it.
    pub(super) first_report: (u32, u32),
    pub(super) fingerprint: Fingerprint,
    pub(super) cached: CachedAlert,
    /// Whether the series is new.
    pub(super) is_new: bool,
    /// What became of the latest incident.
    pub(super) change: PendingChange,
}

/// The alerts of a batch.
pub(super) struct BatchState<'b> {
    batch: &'b [PreparedDelivery],
    pub(super) slots: Vec<AlertSlot>,
    /// For each alert, in the order of the batch, its slot.
    places: Vec<u32>,
}

/// The number of a series that is not known yet.
const UNKNOWN: i64 = 0;

impl<'b> BatchState<'b> {
    /// The alerts of a batch, nothing known of them yet.
    pub(super) fn new(batch: &'b [PreparedDelivery]) -> Self {
        let told = batch.iter().map(|incoming| incoming.alerts.len()).sum();
        let mut by_key: HashMap<(u32, u64), u32, RandomState> =
            HashMap::with_capacity_and_hasher(told, RandomState::default());
        let mut sources: HashMap<&str, u32, RandomState> = HashMap::default();
        let mut slots = Vec::with_capacity(told);
        let mut places = Vec::with_capacity(told);
        for (delivery, incoming) in (0..).zip(batch) {
            let next = number(sources.len());
            let source = *sources.entry(&incoming.source).or_insert(next);
            for (alert, one) in (0..).zip(&incoming.alerts) {
                let next = number(slots.len());
                let place = *by_key.entry((source, one.fingerprint.0)).or_insert(next);
                if place == next {
                    slots.push(AlertSlot::new((delivery, alert), one.fingerprint));
                }
                places.push(place);
            }
        }
        Self {
            batch,
            slots,
            places,
        }
    }

    /// The slots of the alerts, in the order of the batch.
    pub(super) fn slot_indexes(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|place| *place as usize)
    }

    /// The source of a slot.
    pub(super) fn source(&self, slot: &AlertSlot) -> &'b str {
        &self.batch[slot.first_report.0 as usize].source
    }

    /// What a slot's alert is told with first in this batch.
    pub(super) fn alert(&self, slot: &AlertSlot) -> &'b PreparedAlert {
        &self.batch[slot.first_report.0 as usize].alerts[slot.first_report.1 as usize]
    }

    /// Takes out of memory what is held there.
    pub(super) fn take(&mut self, kept: &mut CacheEntries) {
        let batch = self.batch;
        for slot in &mut self.slots {
            let source = &batch[slot.first_report.0 as usize].source;
            if let Some(standing) = kept.take(source, slot.fingerprint) {
                slot.cached = standing;
            }
        }
    }

    /// Copies what is held in memory.
    pub(super) fn copy(&mut self, kept: &CacheEntries) {
        let batch = self.batch;
        for slot in &mut self.slots {
            let source = &batch[slot.first_report.0 as usize].source;
            if let Some(standing) = kept.get(source, slot.fingerprint) {
                slot.cached = standing.clone();
            }
        }
    }

    /// Holds in memory where the alerts stand after the commit; `whole` says
    /// whether nobody else moves them.
    pub(super) fn keep(self, kept: &mut CacheEntries, whole: bool) {
        for slot in self.slots {
            let source = &self.batch[slot.first_report.0 as usize].source;
            let mut standing = slot.cached;
            if !whole {
                standing.latest = None;
            }
            kept.put(source, slot.fingerprint, standing);
        }
    }

    /// Reads what is not held, stores the series that are new, and locks the
    /// others, which on PostgreSQL other writers may move.
    pub(super) async fn read(
        &mut self,
        tx: &Tx,
        ids: &mut Ids,
        standings: &AlertCache,
    ) -> Result<(), StorageError> {
        self.find(tx).await?;
        self.store(tx, ids).await?;
        // Another writer stored the same at the same time, and has committed.
        self.find(tx).await?;
        if self
            .slots
            .iter()
            .any(|slot| slot.cached.alert_id == UNKNOWN)
        {
            return Err(StorageError::Stale("series"));
        }
        self.lock(tx, standings).await?;
        self.read_latest(tx).await
    }

    async fn find(&mut self, tx: &Tx) -> Result<(), StorageError> {
        let mut wanted: HashMap<u64, Vec<usize>, RandomState> = HashMap::default();
        for (place, slot) in self.slots.iter().enumerate() {
            if slot.cached.alert_id == UNKNOWN {
                wanted.entry(slot.fingerprint.0).or_default().push(place);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let mut fingerprints: Vec<Fingerprint> = wanted.keys().copied().map(Fingerprint).collect();
        fingerprints.sort_unstable();
        for found in ingest::find_alerts(tx, &fingerprints).await? {
            for place in wanted.get(&found.fingerprint.0).into_iter().flatten() {
                let source = self.source(&self.slots[*place]);
                if source == found.source {
                    let standing = &mut self.slots[*place].cached;
                    standing.alert_id = found.id;
                    standing.first_content = found.content;
                }
            }
        }
        Ok(())
    }

    async fn store(&mut self, tx: &Tx, ids: &mut Ids) -> Result<(), StorageError> {
        let mut new: Vec<usize> = (0..self.slots.len())
            .filter(|place| self.slots[*place].cached.alert_id == UNKNOWN)
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        // The order in which all writers store and lock series (rule 9).
        new.sort_unstable_by_key(|place| {
            let slot = &self.slots[*place];
            (self.source(slot), slot.fingerprint)
        });
        ids.reserve(tx, IdTable::Alerts, new.len()).await?;
        let mut rows = Vec::with_capacity(new.len());
        for place in &new {
            let slot = &self.slots[*place];
            rows.push(NewAlert {
                id: ids.take(IdTable::Alerts),
                source: self.source(slot).to_owned(),
                fingerprint: slot.fingerprint,
                content: self.alert(slot).content.clone(),
            });
        }
        let numbers: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let stored = ingest::insert_alerts(tx, rows).await?;
        let all = stored.len() == numbers.len();
        let stored: HashSet<i64, RandomState> = stored.into_iter().collect();
        for (place, number) in new.into_iter().zip(numbers) {
            if all || stored.contains(&number) {
                let content = self.alert(&self.slots[place]).content.digest;
                let slot = &mut self.slots[place];
                slot.is_new = true;
                slot.cached.alert_id = number;
                slot.cached.first_content = Some(content);
            }
        }
        Ok(())
    }

    async fn lock(&mut self, tx: &Tx, standings: &AlertCache) -> Result<(), StorageError> {
        // What is held with its latest episode is nobody else's to move.
        let known: Vec<i64> = self.unread().map(|slot| slot.cached.alert_id).collect();
        let locked = ingest::lock_alerts(tx, &known).await?;
        if locked.len() == known.len() {
            return Ok(());
        }
        // Retention took some of them: they are new again, but new ones are
        // stored before others are locked.
        let mut gone = known;
        gone.retain(|id| !locked.contains(id));
        standings.forget(&gone).await;
        Err(StorageError::Stale("series"))
    }

    fn unread(&self) -> impl Iterator<Item = &AlertSlot> {
        self.slots
            .iter()
            .filter(|slot| !slot.is_new && slot.cached.latest.is_none())
    }

    async fn read_latest(&mut self, tx: &Tx) -> Result<(), StorageError> {
        let known: Vec<i64> = self.unread().map(|slot| slot.cached.alert_id).collect();
        let found = ingest::latest_incidents(tx, &known).await?;
        let mut found: HashMap<i64, LatestIncident, RandomState> = found.into_iter().collect();
        for slot in &mut self.slots {
            if let Some(latest) = found.remove(&slot.cached.alert_id) {
                slot.cached.latest = Some(Box::new(latest));
            }
        }
        Ok(())
    }

    /// Reads what those series were first told with that `places` asks for.
    pub(super) async fn read_identities(
        &mut self,
        tx: &Tx,
        places: Vec<usize>,
    ) -> Result<(), StorageError> {
        let mut by_series: HashMap<i64, usize, RandomState> = HashMap::default();
        for place in places {
            let standing = &self.slots[place].cached;
            if standing.identity.is_none() {
                by_series.insert(standing.alert_id, place);
            }
        }
        let series: Vec<i64> = by_series.keys().copied().collect();
        for (id, labels, facts) in ingest::alert_identities(tx, &series).await? {
            if let Some(place) = by_series.get(&id) {
                let subject = Arc::new(AlertIdentity {
                    labels,
                    fields: facts,
                });
                self.slots[*place].cached.identity = Some(subject);
            }
        }
        Ok(())
    }
}

impl AlertSlot {
    fn new(told: (u32, u32), fingerprint: Fingerprint) -> Self {
        Self {
            first_report: told,
            fingerprint,
            cached: CachedAlert {
                alert_id: UNKNOWN,
                first_content: None,
                identity: None,
                latest: None,
            },
            is_new: false,
            change: PendingChange::None,
        }
    }

    /// Whether it was first told with just this.
    pub(super) fn is_first_content(&self, content: &Digest) -> bool {
        self.cached.first_content.as_ref() == Some(content)
    }
}

/// A body holds 10,000 alerts at most, and a batch a few bodies.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
