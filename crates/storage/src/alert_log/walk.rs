//! The whole of a filter, chunk by chunk.

use super::{AlertView, Counted, plan, read};
use crate::content::ContentCache;
use crate::query::Reads;
use crate::scan::{Direction, End, Found, Key, ScanBudget, Verifier, find};
use crate::search::{AlertSet, alert_set};
use crate::{AlertFilter, Order, StorageError};

/// Reads all that a filter finds, in the log's order. Each chunk is short
/// reads of its own, so that no long transaction keeps SQLite's log from being
/// folded in or PostgreSQL's old rows from being cleared away; what comes or
/// goes meanwhile may or may not be read, but nothing is read twice.
#[derive(Debug)]
pub struct LogWalk {
    filter: AlertFilter,
    way: Direction,
    set: Option<AlertSet>,
    tellings: ContentCache,
    after: Option<Key>,
    done: bool,
}

impl LogWalk {
    /// Rows of a chunk at most.
    pub const CHUNK: usize = 4_000;

    /// Begins at the list's beginning.
    pub fn new(filter: AlertFilter, order: Order) -> Self {
        Self {
            filter,
            way: order.direction(),
            set: None,
            tellings: ContentCache::default(),
            after: None,
            done: false,
        }
    }

    /// The next entries, at most [`LogWalk::CHUNK`]; `None` at the end. A chunk
    /// may be empty where much was looked at in vain.
    ///
    /// # Errors
    /// Whatever the database answers. The same chunk can be asked for again.
    pub async fn next(&mut self, db: &impl Reads) -> Result<Option<Vec<AlertView>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let mut found = self.find(db).await?;
        let (views, rows) = read::views(db, &found.rows, &mut self.tellings).await?;
        found.keep(rows);
        self.go_on(found.end);
        Ok(Some(views))
    }

    /// As [`LogWalk::next`], of each entry no more than is counted.
    pub(crate) async fn next_counted(
        &mut self,
        db: &impl Reads,
    ) -> Result<Option<Vec<Counted>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let found = self.find(db).await?;
        let counted = read::counted(db, &found.rows, &mut self.tellings).await?;
        self.go_on(found.end);
        Ok(Some(counted))
    }

    async fn find(&mut self, db: &impl Reads) -> Result<Found, StorageError> {
        let effort = ScanBudget::for_walking();
        let set = match self.set.take() {
            Some(set) => set,
            None => alert_set(db, &self.filter.about).await?,
        };
        let set = self.set.insert(set);
        let rows = plan::rows(db, &self.filter, set, self.way, self.after, &effort).await?;
        let mut verifier = Verifier {
            about: &self.filter.about,
            set,
            contents: &mut self.tellings,
        };
        find(db, rows, &mut verifier, Self::CHUNK, &effort).await
    }

    fn go_on(&mut self, end: End) {
        match end {
            End::At(key) => self.after = Some(key),
            End::Exhausted => self.done = true,
        }
    }
}
