//! The same counts, from the log itself: for the part of an hour, and for what
//! was stored before there were roll-ups.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::tally::{Counts, Dimension, HOUR, Subject, Tallies};
use tocsin_core::time::Timestamp;

use crate::{Reads, StorageError, Tx, query};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// What was received from the first time (included) to the second
    /// (excluded), in microseconds.
    Received(i64, i64),
    /// Log entries with these numbers, both included, and the incidents that
    /// they began and ended.
    Entries(i64, i64),
    /// Accepted deliveries with these numbers, both included.
    Deliveries(i64, i64),
}

#[derive(FromQueryResult)]
struct Row {
    hour: i64,
    source: String,
    severity: String,
    team: String,
    alertname: String,
    instance: String,
    firing: i64,
    resolved: i64,
    opened: i64,
    ended: i64,
}

/// Counts it from the log.
pub(crate) async fn recount(db: &impl Reads, which: Which) -> Result<Tallies, StorageError> {
    let mut tallies = Tallies::default();
    match which {
        Which::Received(from, to) => {
            let such = "received_at >= ? AND e.received_at < ?";
            entries(db, &mut tallies, such, vec![from.into(), to.into()]).await?;
            let such = "v.at >= ? AND v.at < ?";
            lost(db, &mut tallies, such, vec![from.into(), to.into()]).await?;
            let such = "received_at >= ? AND received_at < ?";
            deliveries(db, &mut tallies, such, vec![from.into(), to.into()]).await?;
        }
        Which::Entries(first, last) => {
            let such = "id >= ? AND e.id <= ?";
            entries(db, &mut tallies, such, vec![first.into(), last.into()]).await?;
            // By the time first, for which there is an index.
            let such = "v.at >= (SELECT MIN(received_at) FROM log_entries WHERE id >= ? AND id <= ?) \
                 AND v.at <= (SELECT MAX(received_at) FROM log_entries WHERE id >= ? AND id <= ?) \
                 AND v.entry_id >= ? AND v.entry_id <= ?";
            let values = [first, last].repeat(3).into_iter().map(Value::from);
            lost(db, &mut tallies, such, values.collect()).await?;
        }
        Which::Deliveries(first, last) => {
            let such = "id >= ? AND id <= ?";
            deliveries(db, &mut tallies, such, vec![first.into(), last.into()]).await?;
        }
    }
    Ok(tallies)
}

/// All that the log holds, counted anew: what the roll-ups must say, as long as
/// nothing was deleted.
///
/// # Errors
/// Whatever the database answers.
pub async fn from_log(db: &impl Reads) -> Result<Tallies, StorageError> {
    recount(db, Which::Received(i64::MIN, i64::MAX)).await
}

/// An incident that only its resolution told of begins with that entry.
async fn entries(
    db: &impl Reads,
    tallies: &mut Tallies,
    such: &str,
    values: Vec<Value>,
) -> Result<(), StorageError> {
    let sql = format!(
        "SELECT x.hour, s.source, s.severity, s.team, s.alertname, s.instance, \
         x.firing, x.resolved, x.opened, x.ended FROM (\
         SELECT e.received_at / {HOUR} AS hour, e.series_id, \
         COUNT(CASE WHEN e.status = 0 THEN 1 END) AS firing, \
         COUNT(CASE WHEN e.status = 1 THEN 1 END) AS resolved, \
         COUNT(CASE WHEN e.kind = 0 THEN 1 WHEN e.kind = 1 \
         AND EXISTS (SELECT 1 FROM incidents i WHERE i.id = e.incident_id \
         AND i.first_seen_at = e.received_at) \
         AND NOT EXISTS (SELECT 1 FROM log_entries o WHERE o.series_id = e.series_id \
         AND o.received_at = e.received_at AND o.incident_id = e.incident_id AND o.kind = 0) \
         THEN 1 END) AS opened, \
         COUNT(CASE WHEN e.kind = 1 THEN 1 END) AS ended \
         FROM log_entries e WHERE e.{such} GROUP BY 1, 2) x \
         JOIN series s ON s.id = x.series_id"
    );
    add(db, tallies, &sql, values).await
}

/// Incidents whose end was never told end when they are found to have.
async fn lost(
    db: &impl Reads,
    tallies: &mut Tallies,
    such: &str,
    values: Vec<Value>,
) -> Result<(), StorageError> {
    let sql = format!(
        "SELECT x.hour, s.source, s.severity, s.team, s.alertname, s.instance, \
         CAST(0 AS BIGINT) AS firing, CAST(0 AS BIGINT) AS resolved, \
         CAST(0 AS BIGINT) AS opened, x.ended FROM (\
         SELECT v.at / {HOUR} AS hour, i.series_id, COUNT(*) AS ended FROM incident_events v \
         JOIN incidents i ON i.id = v.incident_id WHERE v.kind = 3 AND {such} GROUP BY 1, 2) x \
         JOIN series s ON s.id = x.series_id"
    );
    add(db, tallies, &sql, values).await
}

async fn add(
    db: &impl Reads,
    tallies: &mut Tallies,
    sql: &str,
    values: Vec<Value>,
) -> Result<(), StorageError> {
    let rows: Vec<Row> = query::all(db, sql, values).await?;
    for row in rows {
        let of = Subject {
            source: &row.source,
            severity: &row.severity,
            team: &row.team,
            alertname: &row.alertname,
            instance: &row.instance,
        };
        let counts = Counts {
            firing: row.firing.unsigned_abs(),
            resolved: row.resolved.unsigned_abs(),
            opened: row.opened.unsigned_abs(),
            ended: row.ended.unsigned_abs(),
            deliveries: 0,
        };
        tallies.add_subject(row.hour, &of, &counts);
    }
    Ok(())
}

async fn deliveries(
    db: &impl Reads,
    tallies: &mut Tallies,
    such: &str,
    values: Vec<Value>,
) -> Result<(), StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        hour: i64,
        source: String,
        deliveries: i64,
    }
    let sql = format!(
        "SELECT received_at / {HOUR} AS hour, source, COUNT(*) AS deliveries FROM deliveries \
         WHERE outcome = 0 AND {such} GROUP BY 1, 2"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    for row in rows {
        let counts = Counts {
            deliveries: row.deliveries.unsigned_abs(),
            ..Counts::default()
        };
        tallies.add(row.hour, Dimension::Source, &row.source, &counts);
    }
    Ok(())
}

/// Notes that log entries or deliveries received before `before` may be gone.
/// To be called in the transaction that deletes them. Statistics outlive the
/// log, but the part of an hour is counted from the log itself: before this
/// time only whole hours are known.
///
/// # Errors
/// Whatever the database answers.
pub async fn note_pruned(tx: &Tx, before: Timestamp) -> Result<(), StorageError> {
    tx.execute(
        "INSERT INTO meta (name, value) VALUES ('log.pruned', ?) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value \
         WHERE CAST(meta.value AS BIGINT) < CAST(excluded.value AS BIGINT)",
        vec![before.as_micros().to_string().into()],
    )
    .await?;
    Ok(())
}

/// The time before which the log may have gaps, if anything was ever deleted.
///
/// # Errors
/// Whatever the database answers.
pub async fn pruned_before(db: &impl Reads) -> Result<Option<Timestamp>, StorageError> {
    let sql = "SELECT CAST(value AS BIGINT) AS n FROM meta WHERE name = 'log.pruned'";
    let found = query::numbers(db, sql, vec![]).await?;
    Ok(found.first().copied().map(query::time))
}
