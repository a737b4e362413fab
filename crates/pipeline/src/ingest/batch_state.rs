//! The alerts of a batch, each once, with their state from the cache and the database.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_storage::ingest::{self, IdTable, Ids, LatestIncident, NewAlert};
use tocsin_storage::{StorageError, Tx};

use super::alert_cache::{AlertCache, AlertIdentity, CacheEntries, CachedAlert};
use super::prepared::{PreparedAlert, PreparedDelivery};

/// Change of an incident in this batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PendingChange {
    /// No change.
    None,
    /// Only the time of the last report or a sender state changed.
    Seen,
    /// Any other field changed.
    Changed,
    /// The incident opened in this batch.
    Opened,
}

/// One alert of a batch, even if several deliveries report it.
pub(super) struct AlertSlot {
    /// First report in the batch: index of the delivery, index of the alert in it.
    pub(super) first_report: (u32, u32),
    pub(super) fingerprint: Fingerprint,
    pub(super) cached: CachedAlert,
    /// Whether the alert was inserted by this batch.
    pub(super) is_new: bool,
    /// Change of the latest incident.
    pub(super) change: PendingChange,
}

/// The alerts of a batch.
pub(super) struct BatchState<'b> {
    batch: &'b [PreparedDelivery],
    pub(super) slots: Vec<AlertSlot>,
    /// Slot of each reported alert, in the order of the batch.
    slot_indexes: Vec<u32>,
}

/// ID of an alert that is not loaded or inserted yet.
const UNASSIGNED: i64 = 0;

impl<'b> BatchState<'b> {
    /// Collects the alerts of a batch, without their state.
    pub(super) fn new(batch: &'b [PreparedDelivery]) -> Self {
        let reports = batch.iter().map(|delivery| delivery.alerts.len()).sum();
        let mut by_key: HashMap<(u32, u64), u32, RandomState> =
            HashMap::with_capacity_and_hasher(reports, RandomState::default());
        let mut sources: HashMap<&str, u32, RandomState> = HashMap::default();
        let mut slots = Vec::with_capacity(reports);
        let mut slot_indexes = Vec::with_capacity(reports);
        for (nth, delivery) in (0..).zip(batch) {
            let next = to_index(sources.len());
            let source = *sources.entry(&delivery.source).or_insert(next);
            for (nth_alert, alert) in (0..).zip(&delivery.alerts) {
                let next = to_index(slots.len());
                let index = *by_key.entry((source, alert.fingerprint.0)).or_insert(next);
                if index == next {
                    slots.push(AlertSlot::new((nth, nth_alert), alert.fingerprint));
                }
                slot_indexes.push(index);
            }
        }
        Self {
            batch,
            slots,
            slot_indexes,
        }
    }

    /// Slot of each reported alert, in the order of the batch.
    pub(super) fn slot_indexes(&self) -> impl Iterator<Item = usize> {
        self.slot_indexes.iter().map(|index| *index as usize)
    }

    pub(super) fn source(&self, slot: &AlertSlot) -> &'b str {
        &self.batch[slot.first_report.0 as usize].source
    }

    /// First report of the alert in this batch.
    pub(super) fn alert(&self, slot: &AlertSlot) -> &'b PreparedAlert {
        &self.batch[slot.first_report.0 as usize].alerts[slot.first_report.1 as usize]
    }

    /// Moves the cached state of the alerts out of the cache.
    pub(super) fn take_cached(&mut self, cache: &mut CacheEntries) {
        let batch = self.batch;
        for slot in &mut self.slots {
            let source = &batch[slot.first_report.0 as usize].source;
            if let Some(cached) = cache.take(source, slot.fingerprint) {
                slot.cached = cached;
            }
        }
    }

    /// Copies the cached state of the alerts.
    pub(super) fn copy_cached(&mut self, cache: &CacheEntries) {
        let batch = self.batch;
        for slot in &mut self.slots {
            let source = &batch[slot.first_report.0 as usize].source;
            if let Some(cached) = cache.get(source, slot.fingerprint) {
                slot.cached = cached.clone();
            }
        }
    }

    /// Writes the state after the commit to the cache. `exclusive`: no other program
    /// changes incidents, so that the latest incident can be cached too.
    pub(super) fn update_cache(self, cache: &mut CacheEntries, exclusive: bool) {
        for slot in self.slots {
            let source = &self.batch[slot.first_report.0 as usize].source;
            let mut cached = slot.cached;
            if !exclusive {
                cached.latest = None;
            }
            cache.put(source, slot.fingerprint, cached);
        }
    }

    /// Loads alerts that are not cached, inserts new ones, and locks the others, which
    /// other writers may change on PostgreSQL.
    pub(super) async fn load(
        &mut self,
        tx: &Tx,
        ids: &mut Ids,
        cache: &AlertCache,
    ) -> Result<(), StorageError> {
        self.find(tx).await?;
        self.insert_new(tx, ids).await?;
        // Another writer inserted the same alert concurrently and has committed.
        self.find(tx).await?;
        if self
            .slots
            .iter()
            .any(|slot| slot.cached.alert_id == UNASSIGNED)
        {
            return Err(StorageError::Stale("alerts"));
        }
        self.lock(tx, cache).await?;
        self.read_latest(tx).await
    }

    async fn find(&mut self, tx: &Tx) -> Result<(), StorageError> {
        let mut missing: HashMap<u64, Vec<usize>, RandomState> = HashMap::default();
        for (index, slot) in self.slots.iter().enumerate() {
            if slot.cached.alert_id == UNASSIGNED {
                missing.entry(slot.fingerprint.0).or_default().push(index);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let mut fingerprints: Vec<Fingerprint> = missing.keys().copied().map(Fingerprint).collect();
        fingerprints.sort_unstable();
        for found in ingest::find_alerts(tx, &fingerprints).await? {
            for index in missing.get(&found.fingerprint.0).into_iter().flatten() {
                let source = self.source(&self.slots[*index]);
                if source == found.source {
                    let cached = &mut self.slots[*index].cached;
                    cached.alert_id = found.id;
                    cached.first_content = found.content;
                }
            }
        }
        Ok(())
    }

    async fn insert_new(&mut self, tx: &Tx, ids: &mut Ids) -> Result<(), StorageError> {
        let mut new: Vec<usize> = (0..self.slots.len())
            .filter(|index| self.slots[*index].cached.alert_id == UNASSIGNED)
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        // All writers insert and lock alerts in this order, which prevents deadlocks.
        new.sort_unstable_by_key(|index| {
            let slot = &self.slots[*index];
            (self.source(slot), slot.fingerprint)
        });
        ids.reserve(tx, IdTable::Alerts, new.len()).await?;
        let mut rows = Vec::with_capacity(new.len());
        for index in &new {
            let slot = &self.slots[*index];
            rows.push(NewAlert {
                id: ids.take(IdTable::Alerts),
                source: self.source(slot).to_owned(),
                fingerprint: slot.fingerprint,
                content: self.alert(slot).content.clone(),
            });
        }
        let new_ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let stored = ingest::insert_alerts(tx, rows).await?;
        let is_complete = stored.len() == new_ids.len();
        let stored: HashSet<i64, RandomState> = stored.into_iter().collect();
        for (index, id) in new.into_iter().zip(new_ids) {
            if is_complete || stored.contains(&id) {
                let content = self.alert(&self.slots[index]).content.digest;
                let slot = &mut self.slots[index];
                slot.is_new = true;
                slot.cached.alert_id = id;
                slot.cached.first_content = Some(content);
            }
        }
        Ok(())
    }

    async fn lock(&mut self, tx: &Tx, cache: &AlertCache) -> Result<(), StorageError> {
        // Alerts cached with their latest incident are not changed by other programs.
        let alert_ids: Vec<i64> = self.unread().map(|slot| slot.cached.alert_id).collect();
        let locked = ingest::lock_alerts(tx, &alert_ids).await?;
        if locked.len() == alert_ids.len() {
            return Ok(());
        }
        // Retention deleted some of them. They have to be inserted again, which must
        // happen before other alerts are locked.
        let mut deleted = alert_ids;
        deleted.retain(|id| !locked.contains(id));
        cache.forget(&deleted).await;
        Err(StorageError::Stale("alerts"))
    }

    fn unread(&self) -> impl Iterator<Item = &AlertSlot> {
        self.slots
            .iter()
            .filter(|slot| !slot.is_new && slot.cached.latest.is_none())
    }

    async fn read_latest(&mut self, tx: &Tx) -> Result<(), StorageError> {
        let alert_ids: Vec<i64> = self.unread().map(|slot| slot.cached.alert_id).collect();
        let found = ingest::latest_incidents(tx, &alert_ids).await?;
        let mut found: HashMap<i64, LatestIncident, RandomState> = found.into_iter().collect();
        for slot in &mut self.slots {
            if let Some(latest) = found.remove(&slot.cached.alert_id) {
                slot.cached.latest = Some(Box::new(latest));
            }
        }
        Ok(())
    }

    /// Loads the first labels and fields of the alerts in `slot_indexes`.
    pub(super) async fn read_identities(
        &mut self,
        tx: &Tx,
        slot_indexes: Vec<usize>,
    ) -> Result<(), StorageError> {
        let mut by_alert: HashMap<i64, usize, RandomState> = HashMap::default();
        for index in slot_indexes {
            let cached = &self.slots[index].cached;
            if cached.identity.is_none() {
                by_alert.insert(cached.alert_id, index);
            }
        }
        let alert_ids: Vec<i64> = by_alert.keys().copied().collect();
        for (id, labels, fields) in ingest::alert_identities(tx, &alert_ids).await? {
            if let Some(index) = by_alert.get(&id) {
                let identity = Arc::new(AlertIdentity { labels, fields });
                self.slots[*index].cached.identity = Some(identity);
            }
        }
        Ok(())
    }
}

impl AlertSlot {
    fn new(first_report: (u32, u32), fingerprint: Fingerprint) -> Self {
        Self {
            first_report,
            fingerprint,
            cached: CachedAlert {
                alert_id: UNASSIGNED,
                first_content: None,
                identity: None,
                latest: None,
            },
            is_new: false,
            change: PendingChange::None,
        }
    }

    /// Whether the alert was first received with this content.
    pub(super) fn is_first_content(&self, content: &Digest) -> bool {
        self.cached.first_content.as_ref() == Some(content)
    }
}

/// A body has at most 10,000 alerts, and a batch a few bodies.
fn to_index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
