//! Numbers about the log and the incidents.
//!
//! Plain aggregates over the rows themselves: what they say is true by
//! construction, and costs a walk over the time asked for.

use std::time::Duration;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;

use crate::codes::Coded;
use crate::query::{self, Conditions, Reads};
use crate::{StorageError, TimeRange};

pub use crate::timeline::{Bucket, MAX_POINTS, Timeline, TimelinePoint, timeline};

/// The most values of one breakdown of the summary.
const MAX_VALUES: u32 = 100;

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The value; empty where the label is missing.
    pub value: String,
    /// How often.
    pub count: i64,
}

/// What happened in a range of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Accepted deliveries.
    pub deliveries: i64,
    /// Log entries.
    pub log_entries: i64,
    /// Incidents with a log entry in that time.
    pub incidents: i64,
    /// Of those, the ones open now.
    pub open: i64,
    /// Of the open ones, the stale ones.
    pub stale: i64,
    /// Of the open ones, those that nobody acknowledged.
    pub unacknowledged: i64,
    /// Those incidents by severity, most frequent first, at most 100 values.
    pub by_severity: Vec<Count>,
    /// The log entries by status; both are there, with 0 if need be.
    pub by_status: Vec<(Status, i64)>,
    /// Those incidents by team, most frequent first, at most 100 values.
    pub by_team: Vec<Count>,
}

impl Summary {
    /// Log entries per incident; `None` where there is no incident.
    pub fn noise_ratio(&self) -> Option<f64> {
        (self.incidents > 0).then(|| self.log_entries as f64 / self.incidents as f64)
    }
}

/// What the noisiest are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopBy {
    /// The alert's name.
    Alertname,
    /// The instance.
    Instance,
    /// The team.
    Team,
}

impl TopBy {
    fn column(self) -> &'static str {
        match self {
            Self::Alertname => "alertname",
            Self::Instance => "instance",
            Self::Team => "team",
        }
    }
}

#[derive(FromQueryResult)]
struct CountRow {
    value: String,
    count: i64,
}

/// The numbers of a range of time.
///
/// # Errors
/// Whatever the database answers.
pub async fn summary(
    db: &impl Reads,
    range: TimeRange,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Summary, StorageError> {
    let mut accepted = Conditions::default();
    accepted.and("outcome = 0", []);
    range.add_to(&mut accepted, "received_at");
    let (such, values) = accepted.into_where();
    let sql = format!("SELECT COUNT(*) AS n FROM deliveries{such}");
    let deliveries = query::numbers(db, &sql, values).await?;
    let by_status = by_status(db, range).await?;
    let stale_before = now.minus(stale_after);
    let incidents = incidents(db, range, stale_before).await?;
    Ok(Summary {
        deliveries: deliveries.first().copied().unwrap_or_default(),
        log_entries: by_status.iter().map(|(_, count)| count).sum(),
        incidents: incidents.incidents,
        open: incidents.open,
        stale: incidents.stale,
        unacknowledged: incidents.unacknowledged,
        by_severity: breakdown(db, range, "severity").await?,
        by_status,
        by_team: breakdown(db, range, "team").await?,
    })
}

/// The values with the most log entries, most frequent first.
///
/// # Errors
/// Whatever the database answers.
pub async fn top(
    db: &impl Reads,
    by: TopBy,
    range: TimeRange,
    limit: u32,
) -> Result<Vec<Count>, StorageError> {
    let mut conditions = Conditions::default();
    range.add_to(&mut conditions, "e.received_at");
    let (such, mut values) = conditions.into_where();
    let column = by.column();
    let bytewise = query::bytewise(db.backend());
    values.push(i64::from(limit).into());
    // Counted by the small number first, so that texts are compared once for
    // each label set and not once for each entry.
    let sql = format!(
        "SELECT l.{column} AS value, CAST(SUM(c.entries) AS BIGINT) AS count \
         FROM (SELECT e.label_set_id, COUNT(*) AS entries FROM log_entries e{such} \
         GROUP BY e.label_set_id) c JOIN label_sets l ON l.id = c.label_set_id \
         GROUP BY l.{column} ORDER BY 2 DESC, l.{column}{bytewise} LIMIT ?"
    );
    counts(db, &sql, values).await
}

async fn counts(
    db: &impl Reads,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Count>, StorageError> {
    let rows: Vec<CountRow> = query::all(db, sql, values).await?;
    Ok(rows
        .into_iter()
        .map(|row| Count {
            value: row.value,
            count: row.count,
        })
        .collect())
}

async fn by_status(db: &impl Reads, range: TimeRange) -> Result<Vec<(Status, i64)>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        status: i16,
        count: i64,
    }
    let mut conditions = Conditions::default();
    range.add_to(&mut conditions, "e.received_at");
    let (such, values) = conditions.into_where();
    let sql =
        format!("SELECT e.status, COUNT(*) AS count FROM log_entries e{such} GROUP BY e.status");
    let mut counts = [(Status::Firing, 0), (Status::Resolved, 0)];
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    for row in rows {
        let said = Status::read(row.status, "log_entries", "status", 0)?;
        for (status, count) in &mut counts {
            if *status == said {
                *count = row.count;
            }
        }
    }
    Ok(counts.to_vec())
}

/// `incidents i` with an entry in the range. Without one, all of them: each has
/// an entry.
fn with_entry(range: TimeRange) -> (String, Vec<Value>) {
    let mut entries = Conditions::default();
    range.add_to(&mut entries, "e.received_at");
    if entries.is_empty() {
        return (String::new(), vec![]);
    }
    let (such, values) = entries.into_where();
    let sql = format!(" WHERE i.id IN (SELECT e.incident_id FROM log_entries e{such})");
    (sql, values)
}

#[derive(FromQueryResult)]
struct IncidentCounts {
    incidents: i64,
    open: i64,
    stale: i64,
    unacknowledged: i64,
}

async fn incidents(
    db: &impl Reads,
    range: TimeRange,
    stale_before: Timestamp,
) -> Result<IncidentCounts, StorageError> {
    let (such, values) = with_entry(range);
    let sql = format!(
        "SELECT COUNT(*) AS incidents, \
         COUNT(CASE WHEN i.state = 0 THEN 1 END) AS open, \
         COUNT(CASE WHEN i.state = 0 AND i.last_seen_at < ? THEN 1 END) AS stale, \
         COUNT(CASE WHEN i.state = 0 AND i.known_at IS NULL THEN 1 END) AS unacknowledged \
         FROM incidents i{such}"
    );
    let values = [stale_before.as_micros().into()]
        .into_iter()
        .chain(values)
        .collect();
    let counts = query::first(db, &sql, values).await?;
    Ok(counts.unwrap_or(IncidentCounts {
        incidents: 0,
        open: 0,
        stale: 0,
        unacknowledged: 0,
    }))
}

async fn breakdown(
    db: &impl Reads,
    range: TimeRange,
    column: &str,
) -> Result<Vec<Count>, StorageError> {
    let (such, values) = with_entry(range);
    let bytewise = query::bytewise(db.backend());
    let sql = format!(
        "SELECT l.{column} AS value, CAST(SUM(c.incidents) AS BIGINT) AS count \
         FROM (SELECT i.label_set_id, COUNT(*) AS incidents FROM incidents i{such} \
         GROUP BY i.label_set_id) c JOIN label_sets l ON l.id = c.label_set_id \
         GROUP BY l.{column} ORDER BY 2 DESC, l.{column}{bytewise} LIMIT {MAX_VALUES}"
    );
    counts(db, &sql, values).await
}
