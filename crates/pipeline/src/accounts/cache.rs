//! Cache of identities, so that not every request queries the database.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tocsin_core::time::Timestamp;

use super::Identity;

/// Lifetime of a cached identity.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// Lifetime of a cached identity while the database is down, for requests that need no
/// database: monitoring can still read the metrics.
const STALE_FOR: Duration = Duration::from_secs(600);

/// Capacity; when it is exceeded, all identities are reloaded.
const CAPACITY: usize = 10_000;

/// Shortest interval between two updates of "last used".
pub(super) const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

/// A secret whose use is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Touched {
    /// ID of a session.
    Session(i64),
    /// ID of a token.
    Token(i64),
}

/// The cache.
#[derive(Default)]
pub(super) struct Cache(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    /// Incremented by each change, so that data read before a change is not cached
    /// after it.
    generation: u64,
    identities: HashMap<[u8; 32], CachedIdentity>,
    /// Whether there is an ingest token, and the time at which that was read.
    ingest_token: Option<(Timestamp, bool)>,
    touched: HashMap<Touched, Timestamp>,
}

struct CachedIdentity {
    identity: Arc<Identity>,
    read_at: Timestamp,
    ends: Option<Timestamp>,
}

impl Cache {
    /// Clears the cache; called after every change.
    pub(super) fn clear(&self) {
        let mut entries = self.entries();
        entries.generation += 1;
        entries.identities.clear();
        entries.ingest_token = None;
    }

    pub(super) fn generation(&self) -> u64 {
        self.entries().generation
    }

    pub(super) fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<Arc<Identity>> {
        self.read_within(FRESH_FOR, key, now)
    }

    /// Returns an identity that was cached before the database went down.
    pub(super) fn get_stale(&self, key: &[u8; 32], now: Timestamp) -> Option<Arc<Identity>> {
        self.read_within(STALE_FOR, key, now)
    }

    fn read_within(&self, span: Duration, key: &[u8; 32], now: Timestamp) -> Option<Arc<Identity>> {
        let entries = self.entries();
        let cached = entries.identities.get(key)?;
        let is_valid =
            is_within(span, cached.read_at, now) && cached.ends.is_none_or(|ends| now < ends);
        is_valid.then(|| Arc::clone(&cached.identity))
    }

    /// Caches an identity that was read at `read_at`, unless something changed since
    /// `generation`.
    pub(super) fn keep(
        &self,
        generation: u64,
        identity: &Arc<Identity>,
        read_at: Timestamp,
        ends: Option<Timestamp>,
    ) {
        let mut entries = self.entries();
        if entries.generation != generation {
            return;
        }
        make_room(&mut entries.identities, |cached| {
            is_within(STALE_FOR, cached.read_at, read_at)
        });
        let cached = CachedIdentity {
            identity: Arc::clone(identity),
            read_at,
            ends,
        };
        entries.identities.insert(identity.key, cached);
    }

    pub(super) fn has_ingest_token(&self, now: Timestamp) -> Option<bool> {
        let (read_at, has) = self.entries().ingest_token?;
        is_fresh(read_at, now).then_some(has)
    }

    pub(super) fn keep_ingest_token(&self, generation: u64, read_at: Timestamp, has: bool) {
        let mut entries = self.entries();
        if entries.generation == generation {
            entries.ingest_token = Some((read_at, has));
        }
    }

    /// Whether the use has to be stored: it was not within the last minute.
    pub(super) fn may_touch(&self, what: Touched, now: Timestamp) -> bool {
        let mut entries = self.entries();
        let is_recent = |at: &Timestamp| *at <= now && now.since(*at) < TOUCH_INTERVAL;
        if entries.touched.get(&what).is_some_and(is_recent) {
            return false;
        }
        make_room(&mut entries.touched, is_recent);
        entries.touched.insert(what, now);
        true
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    is_within(FRESH_FOR, read_at, now)
}

/// If the clock was set back, cached data counts as expired.
fn is_within(span: Duration, read_at: Timestamp, now: Timestamp) -> bool {
    read_at <= now && now.since(read_at) < span
}

/// If the map is full, removes the entries that are not worth keeping, or all if that
/// is not enough.
fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, is_worth: impl Fn(&V) -> bool) {
    if map.len() >= CAPACITY {
        map.retain(|_, value| is_worth(value));
        if map.len() >= CAPACITY {
            map.clear();
        }
    }
}
