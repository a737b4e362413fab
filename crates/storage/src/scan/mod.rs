//! Bounded, ordered reads of the alert log and of incidents.
//!
//! A list is read along an index, in chunks. The database evaluates conditions on the row
//! itself. Alert content (labels, words) is matched here, because neither database supports
//! the regular expressions and case folding that users search with. The search index
//! ([`crate::search`]) limits the candidate alerts, so that few rows are read without a
//! match. A page that has used up its scan budget ends there, short or empty, with a cursor
//! to continue.

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

/// Limits on the rows read for a page. With the defaults, the first page takes less than
/// 20 ms at ten million entries; tests use smaller values.
#[derive(Clone, Copy, Debug)]
pub struct ScanBudget {
    /// Rows examined for one page.
    pub rows: usize,
    /// Rows examined by one statement.
    pub chunk: usize,
    /// The most alerts to walk one by one, and the most rows to sort in memory.
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
    /// For a cheap first try: a filter that matches many alerts fills a page quickly.
    pub(crate) fn for_probe(&self) -> Self {
        Self {
            rows: self.rows.min(800),
            ..*self
        }
    }

    /// For counts, which examine more rows than a page.
    pub(crate) fn for_counting() -> Self {
        Self {
            rows: 20_000,
            chunk: 4_000,
            ..Self::default()
        }
    }

    /// For walks through a whole list, which read larger chunks.
    pub(crate) fn for_walking() -> Self {
        Self {
            rows: 20_000,
            chunk: 5_000,
            ..Self::default()
        }
    }
}

/// Cost of a row of a merged walk, in rows of an index scan.
const MERGED_ROW_COST: usize = 3;

/// Position of a row in a list: the sort value, then `tie`, which is unique because it is
/// derived from the row ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) value: i64,
    pub(crate) tie: i64,
}

/// The direction in which keys are read.
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

    /// The comparison operator for later keys.
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

    /// Returns `after` or the start of `range`, whichever is later.
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

    /// The condition that `column` is not past the end of `range` in this direction.
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

    /// A key before all others.
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

/// Reference to a row that meets the SQL conditions.
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

/// An SQL condition on the row `r`, with its values.
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

/// A source of rows, in order.
pub(crate) enum Rows {
    /// Merged index scans.
    Indexes(MergedScan),
    /// The log of a few alerts.
    Merge(OrderedMerge),
    /// All rows, already sorted.
    All(Vec<RowRef>),
}

/// Position where reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There are no more rows.
    Exhausted,
    /// There may be more rows after this key.
    At(Key),
}

/// The rows found, in reading order.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rows: Vec<RowRef>,
    pub(crate) end: End,
}

impl Found {
    /// Keeps only the first `rows` rows, when the size limit of the page is reached.
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

/// Matches rows against criteria on the alert content.
pub(crate) struct Verifier<'a> {
    pub(crate) about: &'a AlertCriteria,
    pub(crate) set: &'a AlertSet,
    pub(crate) contents: &'a mut ContentCache,
}

/// Finds up to `limit` matching rows.
///
/// # Errors
/// [`StorageError`] from the database.
pub(crate) async fn find(
    db: &impl Reads,
    mut rows: Rows,
    verifier: &mut Verifier<'_>,
    limit: usize,
    budget: &ScanBudget,
) -> Result<Found, StorageError> {
    let mut hits: Vec<RowRef> = Vec::new();
    let mut spent = 0;
    let mut size = (limit + 1).max(32);
    loop {
        size = size.min(budget.chunk).max(1);
        let (pending, last) = match &mut rows {
            Rows::Indexes(scans) => {
                spent += scans.read(db, size).await?;
                scans.take()
            }
            Rows::Merge(merge) => {
                // Rows from many positions of an index cost more than adjacent ones.
                spent += merge.read(db, size).await? * MERGED_ROW_COST;
                merge.take()
            }
            Rows::All(all) => (std::mem::take(all), End::Exhausted),
        };
        let mut pending = pending.as_slice();
        while !pending.is_empty() {
            // In batches, because each row may require reading an alert: not many more rows
            // than requested, and a bounded number in memory.
            let (now, later) = pending.split_at(pending.len().min((limit + 1).clamp(64, 256)));
            pending = later;
            spent += verifier.keep(db, now, &mut hits).await?;
            if hits.len() > limit {
                hits.truncate(limit);
                // A page has at least one row.
                let end = hits.last().map_or(last, |hit| End::At(hit.key));
                return Ok(Found { rows: hits, end });
            }
            let stop = now.last().filter(|_| spent >= budget.rows * 2);
            if let Some(stop) = stop.filter(|_| !pending.is_empty()) {
                let end = End::At(stop.key);
                return Ok(Found { rows: hits, end });
            }
        }
        // Even with a small budget every page makes progress; otherwise clients that follow
        // the cursor would never finish.
        let started = match &rows {
            Rows::Indexes(scans) => scans.has_started(),
            Rows::Merge(merge) => merge.has_started(),
            Rows::All(_) => true,
        };
        if last == End::Exhausted || (spent >= budget.rows && started) {
            return Ok(Found {
                rows: hits,
                end: last,
            });
        }
        size *= 4;
    }
}

/// As [`find`], without criteria on the alert content.
///
/// # Errors
/// [`StorageError`] from the database.
pub(crate) async fn find_any(
    db: &impl Reads,
    rows: Rows,
    limit: usize,
    budget: &ScanBudget,
) -> Result<Found, StorageError> {
    let mut verifier = Verifier {
        about: &AlertCriteria::default(),
        set: &AlertSet::default(),
        contents: &mut ContentCache::default(),
    };
    find(db, rows, &mut verifier, limit, budget).await
}

impl Verifier<'_> {
    /// Adds the matching `hits` to `kept`. Returns the cost, in rows.
    async fn keep(
        &mut self,
        db: &impl Reads,
        hits: &[RowRef],
        kept: &mut Vec<RowRef>,
    ) -> Result<usize, StorageError> {
        /// Cost of reading one alert content, in rows.
        const CONTENT_COST: usize = 10;
        if !self.about.needs_content() {
            kept.extend(hits);
            return Ok(0);
        }
        let candidates: Vec<RowRef> = hits
            .iter()
            .filter(|hit| self.set.contains(hit.alert_id))
            .copied()
            .collect();
        if candidates.is_empty() {
            return Ok(0);
        }
        let contents = self
            .contents
            .read(db, candidates.iter().map(RowRef::content_key))
            .await?;
        let matches = |hit: &&RowRef| {
            contents.get(&hit.content_key()).is_some_and(|content| {
                self.about
                    .matches(&content.source, &content.labels, &content.fields)
            })
        };
        kept.extend(candidates.iter().filter(matches));
        Ok(contents.len() * CONTENT_COST)
    }
}
