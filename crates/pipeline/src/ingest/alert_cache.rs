//! Where the known alerts stand, in memory, so that a repeat need not be read
//! before it is judged.
//!
//! On SQLite, which one program has to itself, it is all that judging asks. On
//! PostgreSQL other replicas move episodes at any time, so only what never
//! changes is held: a series' number and what it was first told with; locking
//! the series says whether it is still there.
//!
//! A batch changes it only after its commit. Whatever else changes incidents
//! or deletes series says so by [`Standings::forget`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_storage::ingest::{FilterFields, LatestIncident};
use tocsin_storage::{StorageError, Tx, ingest};
use tokio::sync::{Mutex, MutexGuard};

/// Sources that are told apart. There are a few; a sender that names ever new
/// ones only makes everything be read anew.
const MOST_SOURCES: usize = 4_096;

/// What is held of the known alerts: at most a number of them, those that were
/// told lately.
pub struct AlertCache {
    entries: Mutex<CacheEntries>,
}

/// Where one alert stands.
#[derive(Clone)]
pub(super) struct CachedAlert {
    pub(super) alert_id: i64,
    /// The digest of what it was first told with, where that is known.
    pub(super) first_content: Option<Digest>,
    /// What it was first told with, where that was asked for.
    pub(super) identity: Option<Arc<AlertIdentity>>,
    /// Its latest episode; on PostgreSQL never.
    pub(super) latest: Option<Box<LatestIncident>>,
}

/// What an alert is counted by, and what its labels were.
#[derive(Clone, Debug)]
pub(super) struct AlertIdentity {
    pub(super) labels: String,
    pub(super) fields: FilterFields,
}

/// Two generations: what was not asked for while the young one grew to half of
/// what may be held is let go with the old one.
#[derive(Default)]
pub(super) struct CacheEntries {
    most: usize,
    sources: HashMap<String, u32>,
    young: HashMap<(u32, u64), CachedAlert, RandomState>,
    old: HashMap<(u32, u64), CachedAlert, RandomState>,
}

impl AlertCache {
    /// Holds `most` alerts at most.
    pub(crate) fn new(most: usize) -> Self {
        let kept = CacheEntries {
            most: most.max(2),
            ..CacheEntries::default()
        };
        Self {
            entries: Mutex::new(kept),
        }
    }

    /// Forgets series whose incidents a transaction changes otherwise than by
    /// ingest (acknowledging), or which it deletes. To be called within that
    /// transaction, when all is done but the commit: on SQLite a batch could
    /// otherwise come between the commit and this. If it is then rolled back,
    /// they are only read once more.
    pub async fn forget(&self, series: &[i64]) {
        if series.is_empty() {
            return;
        }
        let gone: HashSet<i64, RandomState> = series.iter().copied().collect();
        let mut kept = self.entries.lock().await;
        let CacheEntries { young, old, .. } = &mut *kept;
        for generation in [young, old] {
            generation.retain(|_, standing| !gone.contains(&standing.alert_id));
        }
    }

    /// Forgets the series of incidents; as [`Standings::forget`].
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn forget_incidents(&self, tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
        /// Past this many everything is forgotten, which is read again sooner than one
        /// series after the other is looked for.
        const MANY: usize = 5_000;
        if ids.len() > MANY {
            self.forget_all().await;
        } else {
            self.forget(&ingest::alerts_of_incidents(tx, ids).await?)
                .await;
        }
        Ok(())
    }

    /// Forgets everything; as [`Standings::forget`].
    pub async fn forget_all(&self) {
        self.entries.lock().await.clear();
    }

    /// Alerts that are held, for the metrics.
    pub async fn len(&self) -> usize {
        let kept = self.entries.lock().await;
        kept.young.len() + kept.old.len()
    }

    /// Whether none is.
    pub async fn is_empty(&self) -> bool {
        self.len().await == 0
    }

    /// On SQLite a batch has it for as long as its transaction: it asks for it
    /// when the transaction has begun, as [`Standings::forget`]'s callers do, so
    /// that none waits for another in a circle.
    pub(super) async fn lock(&self) -> MutexGuard<'_, CacheEntries> {
        self.entries.lock().await
    }
}

impl CacheEntries {
    /// Takes out where an alert stands. Whoever takes it puts it back after the
    /// commit, or it is read again.
    pub(super) fn take(&mut self, source: &str, fingerprint: Fingerprint) -> Option<CachedAlert> {
        let key = (*self.sources.get(source)?, fingerprint.0);
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }

    /// Where an alert stands, for those who share it.
    pub(super) fn get(&self, source: &str, fingerprint: Fingerprint) -> Option<&CachedAlert> {
        let key = (*self.sources.get(source)?, fingerprint.0);
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    /// Holds where an alert stands.
    pub(super) fn put(&mut self, source: &str, fingerprint: Fingerprint, standing: CachedAlert) {
        let source = match self.sources.get(source) {
            Some(number) => *number,
            None => {
                if self.sources.len() >= MOST_SOURCES {
                    self.clear();
                }
                let number = u32::try_from(self.sources.len()).unwrap_or_default();
                self.sources.insert(source.to_owned(), number);
                number
            }
        };
        if self.young.len() >= self.most / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert((source, fingerprint.0), standing);
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

    fn standing(series: i64) -> CachedAlert {
        CachedAlert {
            alert_id: series,
            first_content: None,
            identity: None,
            latest: None,
        }
    }

    #[tokio::test]
    async fn it_holds_no_more_than_it_may_and_what_was_used_last() {
        let standings = AlertCache::new(10);
        let mut kept = standings.lock().await;
        for series in 0..1_000 {
            kept.put("a", Fingerprint(series), standing(1));
            let lately = kept.take("a", Fingerprint(0)).map(|one| one.alert_id);
            assert_eq!(lately, Some(1), "asked for each time, and so held");
            kept.put("a", Fingerprint(0), standing(1));
        }
        drop(kept);
        assert!(standings.len().await <= 10);
    }

    #[tokio::test]
    async fn series_are_forgotten_by_their_numbers() {
        let standings = AlertCache::new(100);
        for series in 1..=3i64 {
            let fingerprint = Fingerprint(series.unsigned_abs());
            let mut kept = standings.lock().await;
            kept.put("a", fingerprint, standing(series));
            kept.put("b", fingerprint, standing(series * 10));
        }
        standings.forget(&[2, 30]).await;
        let kept = standings.lock().await;
        assert!(kept.get("a", Fingerprint(2)).is_none());
        assert!(kept.get("b", Fingerprint(3)).is_none());
        assert!(kept.get("a", Fingerprint(3)).is_some());
        assert!(kept.get("b", Fingerprint(2)).is_some());
        drop(kept);
        standings.forget_all().await;
        assert!(standings.is_empty().await);
    }

    #[tokio::test]
    async fn ever_new_sources_do_not_fill_the_memory() {
        let standings = AlertCache::new(100_000);
        for source in 0..3 * MOST_SOURCES {
            let name = source.to_string();
            let mut kept = standings.lock().await;
            kept.put(&name, Fingerprint(7), standing(1));
            assert!(kept.get(&name, Fingerprint(7)).is_some());
        }
        assert!(standings.lock().await.sources.len() <= MOST_SOURCES);
    }
}
