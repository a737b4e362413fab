//! The whole of a filter, chunk by chunk.

use std::time::Duration;

use tocsin_core::time::Timestamp;

use super::{AsOf, IncidentSort, IncidentView, plan, read};
use crate::content::ContentCache;
use crate::query::Reads;
use crate::scan::{Direction, End, Found, Key, ScanBudget, Verifier, find};
use crate::search::{AlertSet, alert_set};
use crate::{IncidentFilter, Order, StorageError};

/// Reads all incidents that a filter finds, in order; as
/// [`crate::alerts::LogWalk`] reads the log. Durations and staleness are those
/// at the time of its beginning.
#[derive(Debug)]
pub struct IncidentWalk {
    filter: IncidentFilter,
    sort: IncidentSort,
    way: Direction,
    as_of: AsOf,
    set: Option<AlertSet>,
    tellings: ContentCache,
    after: Option<Key>,
    done: bool,
}

impl IncidentWalk {
    /// Incidents of a chunk at most.
    pub const CHUNK: usize = 4_000;

    /// Begins at the list's beginning.
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
            way: order.direction(),
            as_of: AsOf::new(now, stale_after),
            set: None,
            tellings: ContentCache::default(),
            after: None,
            done: false,
        }
    }

    /// The next incidents, at most [`IncidentWalk::CHUNK`]; `None` at the end.
    /// A chunk may be empty where much was looked at in vain.
    ///
    /// # Errors
    /// Whatever the database answers. The same chunk can be asked for again.
    pub async fn next(
        &mut self,
        db: &impl Reads,
    ) -> Result<Option<Vec<IncidentView>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let mut found = self.find(db).await?;
        let (views, rows) = read::views(db, &found.rows, &mut self.tellings, self.as_of).await?;
        found.keep(rows);
        self.go_on(found.end);
        Ok(Some(views))
    }

    async fn find(&mut self, db: &impl Reads) -> Result<Found, StorageError> {
        let effort = ScanBudget::for_walking();
        let set = match self.set.take() {
            Some(set) => set,
            None => alert_set(db, &self.filter.about).await?,
        };
        let set = self.set.insert(set);
        let plan = plan::Plan::new(&self.filter, self.sort, self.as_of);
        let rows = plan.rows(db, set, self.way, self.after, &effort).await?;
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

/// The numbers of all incidents that match, in ascending order; of more than
/// `most`, only so many as to tell (`most` and some).
///
/// # Errors
/// Whatever the database answers.
pub async fn ids_matching(
    db: &impl Reads,
    filter: &IncidentFilter,
    most: usize,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<i64>, StorageError> {
    // By their starts, which do not move on while this reads.
    let sort = IncidentSort::StartsAt;
    let mut walk = IncidentWalk::new(filter.clone(), sort, Order::Desc, now, stale_after);
    let mut ids = Vec::new();
    while !walk.done && ids.len() <= most {
        let found = walk.find(db).await?;
        ids.extend(found.rows.iter().map(|hit| hit.id));
        walk.go_on(found.end);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
