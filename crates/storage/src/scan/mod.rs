//! Reading the log and the incidents in order, within bounds.
//!
//! A list is walked along an index, in chunks. What the database can decide by
//! the row itself it decides; what was told (labels, words) is looked at here,
//! for no database knows the regular expressions and the folding of case that
//! people search by. The search index says which series may answer at all
//! ([`crate::search`]), so that few rows are looked at in vain. A page that has
//! examined as many rows as it may ends there, short or empty, and says where
//! to go on.

mod index_scan;
mod merge;
mod packed;
mod page_bytes;

use sea_orm::Value;

pub(crate) use index_scan::{IndexScan, KeyMapping, MergedScan, Table};
pub(crate) use merge::OrderedMerge;
pub(crate) use packed::{pack, rows};
pub(crate) use page_bytes::PageBytes;

use crate::content::{ContentCache, ContentKey};
use crate::query::{Conditions, Reads};
use crate::search::AlertSet;
use crate::{AlertCriteria, StorageError, TimeRange};

/// How much a page may read. The defaults keep the first page within 20 ms at
/// ten million entries; tests set less.
#[derive(Clone, Copy, Debug)]
pub struct ScanBudget {
    /// Rows that are examined for one page.
    pub rows: usize,
    /// Rows that one statement examines.
    pub chunk: usize,
    /// Series that are few enough to be walked each by itself, and rows that
    /// are few enough to be sorted here.
    pub few: usize,
}

impl Default for ScanBudget {
    fn default() -> Self {
        Self {
            rows: 6_000,
            chunk: 3_000,
            few: 500,
        }
    }
}

impl ScanBudget {
    /// Rows of which a page is made soon, if it is of many series, or not at all.
    pub(crate) fn for_probe(&self) -> Self {
        Self {
            rows: self.rows.min(800),
            ..*self
        }
    }

    /// A count looks at more than a page does, and still answers soon.
    pub(crate) fn for_counting() -> Self {
        Self {
            rows: 20_000,
            chunk: 4_000,
            ..Self::default()
        }
    }

    /// Whoever walks through the whole reads in greater steps.
    pub(crate) fn for_walking() -> Self {
        Self {
            rows: 20_000,
            chunk: 5_000,
            ..Self::default()
        }
    }
}

/// What a row of a merged walk costs, in rows of a walk along one index.
const MERGED: usize = 3;

/// Where a row stands in a list: by the value sorted by, then by `tie`, which
/// is made of the row's number and no two rows share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) value: i64,
    pub(crate) tie: i64,
}

/// The way in which keys are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

impl Direction {
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Up => "ASC",
            Self::Down => "DESC",
        }
    }

    /// The comparison of what comes later.
    pub(crate) fn comparison(self) -> &'static str {
        match self {
            Self::Up => ">",
            Self::Down => "<",
        }
    }

    /// Whether `a` comes before `b`.
    pub(crate) fn precedes(self, a: Key, b: Key) -> bool {
        match self {
            Self::Up => a < b,
            Self::Down => a > b,
        }
    }

    pub(crate) fn sort(self, hits: &mut [RowRef]) {
        match self {
            Self::Up => hits.sort_unstable_by_key(|hit| hit.key),
            Self::Down => hits.sort_unstable_by_key(|hit| std::cmp::Reverse(hit.key)),
        }
    }

    /// `after`, or where `range` begins, whichever comes later.
    fn within(self, after: Key, range: TimeRange) -> Key {
        match self {
            Self::Up => range.from.map_or(after, |from| {
                let before = Key {
                    value: from.as_micros().saturating_sub(1),
                    tie: i64::MAX,
                };
                after.max(before)
            }),
            Self::Down => range.to.map_or(after, |to| {
                let before = Key {
                    value: to.as_micros(),
                    tie: i64::MIN,
                };
                after.min(before)
            }),
        }
    }

    /// The condition that `column` is not past where `range` ends on this way.
    fn far(self, column: &str, range: TimeRange) -> Option<SqlCondition> {
        let (comparison, end) = match self {
            Self::Up => ("<", range.to?),
            Self::Down => (">=", range.from?),
        };
        Some(SqlCondition {
            sql: format!("{column} {comparison} ?"),
            values: vec![end.as_micros().into()],
        })
    }

    /// Before all keys.
    pub(crate) fn start_key(self) -> Key {
        let end = match self {
            Self::Up => i64::MIN,
            Self::Down => i64::MAX,
        };
        Key {
            value: end,
            tie: end,
        }
    }
}

/// A row that the database let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowRef {
    pub(crate) key: Key,
    pub(crate) id: i64,
    pub(crate) alert_id: i64,
    pub(crate) content_id: Option<i64>,
}

impl RowRef {
    pub(crate) fn content_key(&self) -> ContentKey {
        (self.alert_id, self.content_id)
    }
}

/// A condition in SQL on the row `r`, with its values.
#[derive(Clone, Debug)]
pub(crate) struct SqlCondition {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl From<Conditions> for SqlCondition {
    fn from(conditions: Conditions) -> Self {
        let (sql, values) = conditions.into_parts();
        Self { sql, values }
    }
}

/// Where rows come from, in order.
pub(crate) enum Rows {
    /// Walks along indexes.
    Indexes(MergedScan),
    /// The log of a few series.
    Merge(OrderedMerge),
    /// All there are, already sorted.
    All(Vec<RowRef>),
}

/// Where reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There is no more.
    Exhausted,
    /// There may be more after this.
    At(Key),
}

/// What was found, in the order of reading.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rows: Vec<RowRef>,
    pub(crate) end: End,
}

impl Found {
    /// Of what was found only the first `rows`: for more a page had no room.
    pub(crate) fn keep(&mut self, rows: usize) {
        if rows < self.rows.len() {
            self.rows.truncate(rows);
            self.end = self.rows.last().map_or(self.end, |hit| End::At(hit.key));
        }
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.rows.iter().map(|hit| hit.key).collect()
    }
}

/// Looks at what was told.
pub(crate) struct Verifier<'a> {
    pub(crate) about: &'a AlertCriteria,
    pub(crate) set: &'a AlertSet,
    pub(crate) contents: &'a mut ContentCache,
}

/// Finds up to `limit` rows.
///
/// # Errors
/// Whatever the database answers.
pub(crate) async fn find(
    db: &impl Reads,
    mut rows: Rows,
    verifier: &mut Verifier<'_>,
    limit: usize,
    effort: &ScanBudget,
) -> Result<Found, StorageError> {
    let mut hits: Vec<RowRef> = Vec::new();
    let mut spent = 0;
    let mut size = (limit + 1).max(32);
    loop {
        size = size.min(effort.chunk).max(1);
        let (pending, last) = match &mut rows {
            Rows::Indexes(lanes) => {
                spent += lanes.read(db, size).await?;
                lanes.take()
            }
            Rows::Merge(merge) => {
                // Rows of many places in an index cost more than neighbours.
                spent += merge.read(db, size).await? * MERGED;
                merge.take()
            }
            Rows::All(all) => (std::mem::take(all), End::Exhausted),
        };
        let mut pending = pending.as_slice();
        while !pending.is_empty() {
            // No more are looked at than are still wanted: each may cost a
            // series that has to be read. Nor more than memory should hold at once.
            let (now, later) = pending.split_at(pending.len().min((limit + 1).clamp(64, 256)));
            pending = later;
            spent += verifier.keep(db, now, &mut hits).await?;
            if hits.len() > limit {
                hits.truncate(limit);
                // A page has a row at least.
                let end = hits.last().map_or(last, |hit| End::At(hit.key));
                return Ok(Found { rows: hits, end });
            }
            let stop = now.last().filter(|_| spent >= effort.rows * 2);
            if let Some(stop) = stop.filter(|_| !pending.is_empty()) {
                let end = End::At(stop.key);
                return Ok(Found { rows: hits, end });
            }
        }
        // However little it may read, a page gets on, or whoever follows its
        // cursor never would.
        let begun = match &rows {
            Rows::Indexes(lanes) => lanes.has_started(),
            Rows::Merge(merge) => merge.has_started(),
            Rows::All(_) => true,
        };
        if last == End::Exhausted || (spent >= effort.rows && begun) {
            return Ok(Found {
                rows: hits,
                end: last,
            });
        }
        size *= 4;
    }
}

/// As [`find`], where nothing is asked of what was told.
///
/// # Errors
/// Whatever the database answers.
pub(crate) async fn find_any(
    db: &impl Reads,
    rows: Rows,
    limit: usize,
    effort: &ScanBudget,
) -> Result<Found, StorageError> {
    let mut verifier = Verifier {
        about: &AlertCriteria::default(),
        set: &AlertSet::default(),
        contents: &mut ContentCache::default(),
    };
    find(db, rows, &mut verifier, limit, effort).await
}

impl Verifier<'_> {
    /// Adds those of `hits` that answer to `kept`; returns what that cost, in
    /// rows.
    async fn keep(
        &mut self,
        db: &impl Reads,
        hits: &[RowRef],
        kept: &mut Vec<RowRef>,
    ) -> Result<usize, StorageError> {
        /// What a telling costs that has to be read: as much as a few rows.
        const TELLING: usize = 10;
        if !self.about.needs_content() {
            kept.extend(hits);
            return Ok(0);
        }
        let may: Vec<RowRef> = hits
            .iter()
            .filter(|hit| self.set.contains(hit.alert_id))
            .copied()
            .collect();
        if may.is_empty() {
            return Ok(0);
        }
        let told = self
            .contents
            .read(db, may.iter().map(RowRef::content_key))
            .await?;
        let answers = |hit: &&RowRef| {
            told.get(&hit.content_key())
                .is_some_and(|told| self.about.matches(&told.source, &told.labels, &told.fields))
        };
        kept.extend(may.iter().filter(answers));
        Ok(told.len() * TELLING)
    }
}
