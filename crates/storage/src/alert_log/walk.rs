//! Walk through all entries that match a filter, chunk by chunk.

use super::{AlertView, CountedEntry, plan, read};
use crate::content::ContentCache;
use crate::query::Reads;
use crate::scan::{Direction, End, Found, Key, ScanBudget, Verifier, find};
use crate::search::{AlertSet, alert_set};
use crate::{AlertFilter, Order, StorageError};

/// Reads all entries that match a filter, in the order of the log. Each chunk is read with
/// short statements, so that no long transaction blocks SQLite's WAL checkpoints or
/// PostgreSQL's vacuum. Entries added or deleted during the walk may or may not be
/// included, but no entry is read twice.
#[derive(Debug)]
pub struct LogWalk {
    filter: AlertFilter,
    direction: Direction,
    set: Option<AlertSet>,
    cache: ContentCache,
    after: Option<Key>,
    done: bool,
}

impl LogWalk {
    /// The most rows in a chunk.
    pub const CHUNK: usize = 4_000;

    /// Starts at the beginning of the list.
    pub fn new(filter: AlertFilter, order: Order) -> Self {
        Self {
            filter,
            direction: order.direction(),
            set: None,
            cache: ContentCache::default(),
            after: None,
            done: false,
        }
    }

    /// Returns the next entries, at most [`LogWalk::CHUNK`]; `None` at the end. A chunk can
    /// be empty if few of the examined rows match.
    ///
    /// # Errors
    /// [`StorageError`] from the database. The chunk can be requested again.
    pub async fn next(&mut self, db: &impl Reads) -> Result<Option<Vec<AlertView>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let mut found = self.find(db).await?;
        let (views, rows) = read::views(db, &found.rows, &mut self.cache).await?;
        found.keep(rows);
        self.advance(found.end);
        Ok(Some(views))
    }

    /// As [`LogWalk::next`], with only the parts of each entry that statistics need.
    pub(crate) async fn next_counted(
        &mut self,
        db: &impl Reads,
    ) -> Result<Option<Vec<CountedEntry>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let found = self.find(db).await?;
        let counted = read::counted(db, &found.rows, &mut self.cache).await?;
        self.advance(found.end);
        Ok(Some(counted))
    }

    async fn find(&mut self, db: &impl Reads) -> Result<Found, StorageError> {
        let budget = ScanBudget::for_walking();
        let set = match self.set.take() {
            Some(set) => set,
            None => alert_set(db, &self.filter.about).await?,
        };
        let set = self.set.insert(set);
        let rows = plan::rows(db, &self.filter, set, self.direction, self.after, &budget).await?;
        let mut verifier = Verifier {
            about: &self.filter.about,
            set,
            contents: &mut self.cache,
        };
        find(db, rows, &mut verifier, Self::CHUNK, &budget).await
    }

    fn advance(&mut self, end: End) {
        match end {
            End::At(key) => self.after = Some(key),
            End::Exhausted => self.done = true,
        }
    }
}
