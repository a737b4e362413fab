//! Walk through all incidents that match a filter, chunk by chunk.

use std::time::Duration;

use tocsin_core::time::Timestamp;

use super::{AsOf, IncidentSort, IncidentView, plan, read};
use crate::content::ContentCache;
use crate::query::Reads;
use crate::scan::{Direction, End, Found, Key, ScanBudget, Verifier, find};
use crate::search::{AlertSet, alert_set};
use crate::{IncidentFilter, Order, StorageError};

/// Reads all incidents that match a filter, in order, as [`crate::alert_log::LogWalk`] reads
/// the log. Durations and staleness are those at the start of the walk.
#[derive(Debug)]
pub struct IncidentWalk {
    filter: IncidentFilter,
    sort: IncidentSort,
    direction: Direction,
    as_of: AsOf,
    set: Option<AlertSet>,
    cache: ContentCache,
    after: Option<Key>,
    done: bool,
}

impl IncidentWalk {
    /// The most incidents in a chunk.
    pub const CHUNK: usize = 4_000;

    /// Starts at the beginning of the list.
    pub fn new(
        filter: IncidentFilter,
        sort: IncidentSort,
        order: Order,
        now: Timestamp,
        stale_after: Duration,
    ) -> Self {
        Self {
            filter,
            sort,
            direction: order.direction(),
            as_of: AsOf::new(now, stale_after),
            set: None,
            cache: ContentCache::default(),
            after: None,
            done: false,
        }
    }

    /// Returns the next incidents, at most [`IncidentWalk::CHUNK`]; `None` at the end. A
    /// chunk can be empty if few of the examined rows match.
    ///
    /// # Errors
    /// [`StorageError`] from the database. The chunk can be requested again.
    pub async fn next(
        &mut self,
        db: &impl Reads,
    ) -> Result<Option<Vec<IncidentView>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let mut found = self.find(db).await?;
        let (views, rows) = read::views(db, &found.rows, &mut self.cache, self.as_of).await?;
        found.keep(rows);
        self.advance(found.end);
        Ok(Some(views))
    }

    async fn find(&mut self, db: &impl Reads) -> Result<Found, StorageError> {
        let budget = ScanBudget::for_walking();
        let set = match self.set.take() {
            Some(set) => set,
            None => alert_set(db, &self.filter.about).await?,
        };
        let set = self.set.insert(set);
        let plan = plan::Plan::new(&self.filter, self.sort, self.as_of);
        let rows = plan
            .rows(db, set, self.direction, self.after, &budget)
            .await?;
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

/// Returns the IDs of all matching incidents, ascending. If there are more than `max`, it
/// stops soon after `max`.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn ids_matching(
    db: &impl Reads,
    filter: &IncidentFilter,
    max: usize,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<i64>, StorageError> {
    // Sorted by start time, which does not change while this reads.
    let sort = IncidentSort::StartsAt;
    let mut walk = IncidentWalk::new(filter.clone(), sort, Order::Desc, now, stale_after);
    let mut ids = Vec::new();
    while !walk.done && ids.len() <= max {
        let found = walk.find(db).await?;
        ids.extend(found.rows.iter().map(|hit| hit.id));
        walk.advance(found.end);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
