//! Log entries over time.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;

use crate::codes::Coded;
use crate::query::{self, Conditions, Reads};
use crate::stats::Count;
use crate::{StorageError, TimeRange};

/// The most points of a timeline: more than a year of hours.
pub const MAX_POINTS: usize = 10_000;

/// Rows that are read for them: a point has one for each severity and status.
const MAX_ROWS: i64 = 100_000;

/// The width of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// One hour.
    Hour,
    /// One day, in UTC.
    Day,
}

impl Bucket {
    fn micros(self) -> i64 {
        match self {
            Self::Hour => 3_600_000_000,
            Self::Day => 86_400_000_000,
        }
    }
}

/// One hour or day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelinePoint {
    /// The beginning.
    pub at: Timestamp,
    /// Entries that said firing.
    pub firing: i64,
    /// Entries that said resolved.
    pub resolved: i64,
    /// The firing ones by severity, most frequent first.
    pub by_severity: Vec<Count>,
}

/// The points of a range of time, oldest first; those without entries are left
/// out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The points, at most [`MAX_POINTS`], the newest ones.
    pub points: Vec<TimelinePoint>,
}

#[derive(FromQueryResult)]
struct Row {
    bucket: i64,
    status: i16,
    severity: String,
    count: i64,
}

/// Log entries by hour or day.
///
/// # Errors
/// Whatever the database answers.
pub async fn timeline(
    db: &impl Reads,
    bucket: Bucket,
    range: TimeRange,
) -> Result<Timeline, StorageError> {
    let width = bucket.micros();
    let mut conditions = Conditions::default();
    range.add_to(&mut conditions, "e.received_at");
    let (such, values) = conditions.into_where();
    let sql = format!(
        "SELECT e.received_at / {width} AS bucket, e.status, l.severity, COUNT(*) AS count \
         FROM log_entries e JOIN label_sets l ON l.id = e.label_set_id{such} \
         GROUP BY e.received_at / {width}, e.status, l.severity \
         ORDER BY 1 DESC LIMIT {MAX_ROWS}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let cut = rows.len() as i64 == MAX_ROWS;
    let mut points: BTreeMap<i64, TimelinePoint> = BTreeMap::new();
    for row in rows {
        let point = points.entry(row.bucket).or_insert_with(|| TimelinePoint {
            at: query::time(row.bucket * width),
            firing: 0,
            resolved: 0,
            by_severity: Vec::new(),
        });
        match Status::read(row.status, "log_entries", "status", 0)? {
            Status::Firing => {
                point.firing += row.count;
                point.by_severity.push(Count {
                    value: row.severity,
                    count: row.count,
                });
            }
            Status::Resolved => point.resolved += row.count,
        }
    }
    if cut {
        // The oldest point may lack some of its rows.
        points.pop_first();
    }
    let surplus = points.len().saturating_sub(MAX_POINTS);
    let mut points: Vec<TimelinePoint> = points.into_values().skip(surplus).collect();
    for point in &mut points {
        point
            .by_severity
            .sort_by(|a, b| (b.count, &a.value).cmp(&(a.count, &b.value)));
    }
    Ok(Timeline { points })
}
