//! Cache of the current state of alerts, so that a repeated alert needs no read from
//! the database.
//!
//! On SQLite, which has one program at a time, the cache replaces all reads. On
//! PostgreSQL other replicas may change incidents at any time, so only what never
//! changes is cached: the ID of an alert and its first content. Locking the alert shows
//! whether it still exists.
//!
//! A batch updates the cache only after its commit. Everything else that changes
//! incidents or deletes alerts calls [`AlertCache::forget`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_storage::ingest::{FilterFields, LatestIncident};
use tocsin_storage::{StorageError, Tx, ingest};
use tokio::sync::{Mutex, MutexGuard};

/// Sources in the cache. There are few; if a sender keeps sending new ones, the cache
/// is cleared, which only costs reads.
const MAX_SOURCES: usize = 4_096;

/// Cache of recently received alerts, bounded by their number.
pub struct AlertCache {
    entries: Mutex<CacheEntries>,
}

/// Cached state of an alert.
#[derive(Clone)]
pub(super) struct CachedAlert {
    pub(super) alert_id: i64,
    /// Digest of its first content, if known.
    pub(super) first_content: Option<Digest>,
    /// First labels and fields, if they were needed.
    pub(super) identity: Option<Arc<AlertIdentity>>,
    /// Its latest incident; never cached on PostgreSQL.
    pub(super) latest: Option<Box<LatestIncident>>,
}

/// First labels and fields of an alert; the fields are the key of its statistics.
#[derive(Clone, Debug)]
pub(super) struct AlertIdentity {
    pub(super) labels: String,
    pub(super) fields: FilterFields,
}

/// Two generations: when the young one reaches half of the capacity, it becomes the old
/// one, and the entries of the previous old one are dropped.
#[derive(Default)]
pub(super) struct CacheEntries {
    capacity: usize,
    sources: HashMap<String, u32>,
    young: HashMap<(u32, u64), CachedAlert, RandomState>,
    old: HashMap<(u32, u64), CachedAlert, RandomState>,
}

impl AlertCache {
    /// Creates a cache of at most `capacity` alerts.
    pub(crate) fn new(capacity: usize) -> Self {
        let entries = CacheEntries {
            capacity: capacity.max(2),
            ..CacheEntries::default()
        };
        Self {
            entries: Mutex::new(entries),
        }
    }

    /// Removes alerts whose incidents a transaction changes other than by ingest (such
    /// as acknowledging), or which it deletes.
    ///
    /// Call it inside that transaction as the last step before the commit: on SQLite a
    /// batch could otherwise run between the commit and this call. If the transaction
    /// is rolled back, the alerts are read once more.
    pub async fn forget(&self, alert_ids: &[i64]) {
        if alert_ids.is_empty() {
            return;
        }
        let removed: HashSet<i64, RandomState> = alert_ids.iter().copied().collect();
        let mut entries = self.entries.lock().await;
        let CacheEntries { young, old, .. } = &mut *entries;
        for generation in [young, old] {
            generation.retain(|_, cached| !removed.contains(&cached.alert_id));
        }
    }

    /// Removes the alerts of incidents, as [`AlertCache::forget`].
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn forget_incidents(&self, tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
        /// Above this number the whole cache is cleared: it refills faster than the
        /// alerts of all incidents are looked up.
        const MAX_LOOKUPS: usize = 5_000;
        if ids.len() > MAX_LOOKUPS {
            self.forget_all().await;
        } else {
            self.forget(&ingest::alerts_of_incidents(tx, ids).await?)
                .await;
        }
        Ok(())
    }

    /// Clears the cache, as [`AlertCache::forget`].
    pub async fn forget_all(&self) {
        self.entries.lock().await.clear();
    }

    /// Number of cached alerts, for the metrics.
    pub async fn len(&self) -> usize {
        let entries = self.entries.lock().await;
        entries.young.len() + entries.old.len()
    }

    /// Whether the cache is empty.
    pub async fn is_empty(&self) -> bool {
        self.len().await == 0
    }

    /// Locks the cache. On SQLite a batch holds the lock for its whole transaction.
    /// Like callers of [`AlertCache::forget`] it takes the lock after the transaction
    /// has begun, which prevents deadlocks.
    pub(super) async fn lock(&self) -> MutexGuard<'_, CacheEntries> {
        self.entries.lock().await
    }
}

impl CacheEntries {
    /// Removes and returns an entry. The caller puts it back after the commit;
    /// otherwise the alert is read again.
    pub(super) fn take(&mut self, source: &str, fingerprint: Fingerprint) -> Option<CachedAlert> {
        let key = (*self.sources.get(source)?, fingerprint.0);
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }

    /// Returns an entry without removing it, for writers that share the cache.
    pub(super) fn get(&self, source: &str, fingerprint: Fingerprint) -> Option<&CachedAlert> {
        let key = (*self.sources.get(source)?, fingerprint.0);
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    /// Inserts or replaces an entry.
    pub(super) fn put(&mut self, source: &str, fingerprint: Fingerprint, cached: CachedAlert) {
        let source = match self.sources.get(source) {
            Some(index) => *index,
            None => {
                if self.sources.len() >= MAX_SOURCES {
                    self.clear();
                }
                let index = u32::try_from(self.sources.len()).unwrap_or_default();
                self.sources.insert(source.to_owned(), index);
                index
            }
        };
        if self.young.len() >= self.capacity / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert((source, fingerprint.0), cached);
    }

    fn clear(&mut self) {
        self.sources.clear();
        self.young = HashMap::default();
        self.old = HashMap::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached_alert(alert_id: i64) -> CachedAlert {
        CachedAlert {
            alert_id,
            first_content: None,
            identity: None,
            latest: None,
        }
    }

    #[tokio::test]
    async fn cache_evicts_at_capacity_and_keeps_recent_entries() {
        let cache = AlertCache::new(10);
        let mut entries = cache.lock().await;
        for fingerprint in 0..1_000 {
            entries.put("a", Fingerprint(fingerprint), cached_alert(1));
            let recent = entries
                .take("a", Fingerprint(0))
                .map(|cached| cached.alert_id);
            assert_eq!(recent, Some(1), "used in each round, so still cached");
            entries.put("a", Fingerprint(0), cached_alert(1));
        }
        drop(entries);
        assert!(cache.len().await <= 10);
    }

    #[tokio::test]
    async fn alerts_are_removed_by_id() {
        let cache = AlertCache::new(100);
        for alert_id in 1..=3i64 {
            let fingerprint = Fingerprint(alert_id.unsigned_abs());
            let mut entries = cache.lock().await;
            entries.put("a", fingerprint, cached_alert(alert_id));
            entries.put("b", fingerprint, cached_alert(alert_id * 10));
        }
        cache.forget(&[2, 30]).await;
        let entries = cache.lock().await;
        assert!(entries.get("a", Fingerprint(2)).is_none());
        assert!(entries.get("b", Fingerprint(3)).is_none());
        assert!(entries.get("a", Fingerprint(3)).is_some());
        assert!(entries.get("b", Fingerprint(2)).is_some());
        drop(entries);
        cache.forget_all().await;
        assert!(cache.is_empty().await);
    }

    #[tokio::test]
    async fn new_sources_do_not_grow_the_cache_without_bound() {
        let cache = AlertCache::new(100_000);
        for source in 0..3 * MAX_SOURCES {
            let name = source.to_string();
            let mut entries = cache.lock().await;
            entries.put(&name, Fingerprint(7), cached_alert(1));
            assert!(entries.get(&name, Fingerprint(7)).is_some());
        }
        assert!(cache.lock().await.sources.len() <= MAX_SOURCES);
    }
}
