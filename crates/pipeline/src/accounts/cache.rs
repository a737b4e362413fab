//! What was read of identities a moment ago, so that not each request asks the
//! database.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tocsin_core::time::Timestamp;

use super::Identity;

/// How long what was read is used.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// How long what was read is good enough while the database is away, for what
/// needs no database: whoever watches the program still reads its metrics.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// Identities that are held at most; of more, all are read again.
const KNOWN_AT_MOST: usize = 10_000;

/// "Last used" is written so often at most.
pub(super) const TOUCHED_EVERY: Duration = Duration::from_secs(60);

/// What was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Touched {
    /// The session with this number.
    Session(i64),
    /// The token with this number.
    Token(i64),
}

/// What was read a moment ago.
#[derive(Default)]
pub(super) struct Cache(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// Counts changes, so that what was read before one is not held after it.
    generation: u64,
    known: HashMap<[u8; 32], Known>,
    /// Whether there is a token for the webhook, and when that was read.
    ingest_token: Option<(Timestamp, bool)>,
    touched: HashMap<Touched, Timestamp>,
}

struct Known {
    identity: Arc<Identity>,
    read_at: Timestamp,
    ends: Option<Timestamp>,
}

impl Cache {
    /// Forgets everything; after every change.
    pub(super) fn clear(&self) {
        let mut held = self.held();
        held.generation += 1;
        held.known.clear();
        held.ingest_token = None;
    }

    pub(super) fn generation(&self) -> u64 {
        self.held().generation
    }

    pub(super) fn get(&self, key: &[u8; 32], now: Timestamp) -> Option<Arc<Identity>> {
        self.read_within(KNOWN_FOR, key, now)
    }

    /// What was known before the database went away.
    pub(super) fn remember(&self, key: &[u8; 32], now: Timestamp) -> Option<Arc<Identity>> {
        self.read_within(REMEMBERED_FOR, key, now)
    }

    fn read_within(&self, span: Duration, key: &[u8; 32], now: Timestamp) -> Option<Arc<Identity>> {
        let held = self.held();
        let known = held.known.get(key)?;
        let holds = is_within(span, known.read_at, now) && known.ends.is_none_or(|ends| now < ends);
        holds.then(|| Arc::clone(&known.identity))
    }

    /// Holds what was read at `read_at`, unless something changed since
    /// `generation`.
    pub(super) fn keep(
        &self,
        generation: u64,
        identity: &Arc<Identity>,
        read_at: Timestamp,
        ends: Option<Timestamp>,
    ) {
        let mut held = self.held();
        if held.generation != generation {
            return;
        }
        make_room(&mut held.known, |known| {
            is_within(REMEMBERED_FOR, known.read_at, read_at)
        });
        let known = Known {
            identity: Arc::clone(identity),
            read_at,
            ends,
        };
        held.known.insert(identity.key, known);
    }

    pub(super) fn has_ingest_token(&self, now: Timestamp) -> Option<bool> {
        let (read_at, has) = self.held().ingest_token?;
        is_fresh(read_at, now).then_some(has)
    }

    pub(super) fn keep_ingest_token(&self, generation: u64, read_at: Timestamp, has: bool) {
        let mut held = self.held();
        if held.generation == generation {
            held.ingest_token = Some((read_at, has));
        }
    }

    /// Whether it was not noted within the last minute that this was used.
    pub(super) fn may_touch(&self, what: Touched, now: Timestamp) -> bool {
        let mut held = self.held();
        let is_recent = |at: &Timestamp| *at <= now && now.since(*at) < TOUCHED_EVERY;
        if held.touched.get(&what).is_some_and(is_recent) {
            return false;
        }
        make_room(&mut held.touched, is_recent);
        held.touched.insert(what, now);
        true
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    is_within(KNOWN_FOR, read_at, now)
}

/// A clock that was set back makes what it said before old.
fn is_within(span: Duration, read_at: Timestamp, now: Timestamp) -> bool {
    read_at <= now && now.since(read_at) < span
}

/// Takes out what is not worth holding where the map is full, and everything
/// where that is not enough.
fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, worth: impl Fn(&V) -> bool) {
    if map.len() >= KNOWN_AT_MOST {
        map.retain(|_, value| worth(value));
        if map.len() >= KNOWN_AT_MOST {
            map.clear();
        }
    }
}
