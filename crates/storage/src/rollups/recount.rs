//! The same counts from the alert log: for parts of an hour, and for rows stored before
//! roll-ups existed.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::stats::{Counts, Delta, Dimension, HOUR, StatsKey};
use tocsin_core::time::Timestamp;

use crate::{Reads, StorageError, Tx, query};

/// The rows to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Rows received from the first time (included) to the second (excluded), in
    /// microseconds.
    Received(i64, i64),
    /// Log entries with IDs in this range, both included, and the incidents that they opened
    /// and ended.
    Entries(i64, i64),
    /// Accepted deliveries with IDs in this range, both included.
    Deliveries(i64, i64),
}

impl Scope {
    /// Rows received in a part of an hour.
    pub(crate) fn of(part: &(i64, i64)) -> Self {
        Self::Received(part.0, part.1)
    }
}

/// The counts to compute; fewer columns and tables are faster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    /// Dimensions to count entries and incidents by; the others are returned as empty
    /// strings.
    pub(crate) dimensions: &'static [Dimension],
    /// Whether to count opened and ended incidents.
    pub(crate) incidents: bool,
    /// Whether to count deliveries by source.
    pub(crate) deliveries: bool,
}

impl Selection {
    pub(crate) const ALL: Self = Self {
        dimensions: &Dimension::ALL,
        incidents: true,
        deliveries: true,
    };

    fn has(&self, dimension: Dimension) -> bool {
        self.dimensions.contains(&dimension)
    }
}

#[derive(FromQueryResult)]
struct Row {
    /// Index of the scope.
    place: i64,
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
    copies: i64,
    deliveries: i64,
}

/// Counts each scope from the log, in one statement.
pub(crate) async fn recount(
    db: &impl Reads,
    scopes: &[Scope],
    selection: Selection,
) -> Result<Vec<Delta>, StorageError> {
    let mut deltas = vec![Delta::default(); scopes.len()];
    let mut statement = Arms::default();
    for (place, scope) in scopes.iter().enumerate() {
        match *scope {
            Scope::Received(from, to) => {
                let range = || vec![Value::from(from), to.into()];
                let condition = "e.received_at >= ? AND e.received_at < ?";
                statement.entries(place, selection, condition, range());
                if selection.incidents {
                    statement.unreported(place, selection, "v.at >= ? AND v.at < ?", range());
                }
                if selection.deliveries {
                    let condition = "received_at >= ? AND received_at < ?";
                    statement.deliveries(place, condition, range());
                }
            }
            Scope::Entries(first, last) => {
                let range = || vec![Value::from(first), last.into()];
                statement.entries(place, selection, "e.id >= ? AND e.id <= ?", range());
                // The time condition comes first, because it has an index.
                let condition = "v.at >= (SELECT MIN(received_at) FROM log_entries WHERE id >= ? AND id <= ?) \
                     AND v.at <= (SELECT MAX(received_at) FROM log_entries WHERE id >= ? AND id <= ?) \
                     AND v.entry_id >= ? AND v.entry_id <= ?";
                let values = [range(), range(), range()].concat();
                statement.unreported(place, selection, condition, values);
            }
            Scope::Deliveries(first, last) => {
                let values = vec![first.into(), last.into()];
                statement.deliveries(place, "id >= ? AND id <= ?", values);
            }
        }
    }
    if scopes.is_empty() {
        return Ok(deltas);
    }
    let rows: Vec<Row> = query::all(db, &statement.sql, statement.values).await?;
    for row in rows {
        let place = usize::try_from(row.place).unwrap_or(usize::MAX);
        if let Some(delta) = deltas.get_mut(place) {
            add(delta, &row);
        }
    }
    Ok(deltas)
}

fn add(delta: &mut Delta, row: &Row) {
    if row.deliveries > 0 {
        let counts = Counts {
            deliveries: row.deliveries.unsigned_abs(),
            ..Counts::default()
        };
        delta.add(row.hour, Dimension::Source, &row.source, &counts);
        return;
    }
    let key = StatsKey {
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
        copies: row.copies.unsigned_abs(),
        deliveries: 0,
    };
    delta.add_key(row.hour, &key, &counts);
}

/// Recounts the whole log. The roll-ups must be equal to the result if nothing was deleted.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn from_log(db: &impl Reads) -> Result<Delta, StorageError> {
    let all = [Scope::Received(i64::MIN, i64::MAX)];
    let deltas = recount(db, &all, Selection::ALL).await?;
    Ok(deltas.into_iter().next().unwrap_or_default())
}

/// Builder for the statement, a union of queries that return [`Row`]s.
#[derive(Default)]
struct Arms {
    sql: String,
    values: Vec<Value>,
}

impl Arms {
    fn add(&mut self, arm: &str, values: Vec<Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" UNION ALL ");
        }
        self.sql.push_str(arm);
        self.values.extend(values);
    }

    /// Grouped by alert first, so that strings are compared once for each alert. An incident
    /// of which only the resolution was received starts with that entry.
    fn entries(&mut self, place: usize, selection: Selection, condition: &str, values: Vec<Value>) {
        let (opened, ended, copies) = match selection.incidents {
            true => (
                OPENED.to_owned(),
                format!("CASE WHEN e.kind = 1 AND NOT {IS_COPY} THEN 1 END"),
                format!("CASE WHEN e.kind = 0 AND {IS_COPY} THEN 1 END"),
            ),
            false => ("NULL".to_owned(), "NULL".to_owned(), "NULL".to_owned()),
        };
        let inner = format!(
            "SELECT e.received_at / {HOUR} AS hour, e.series_id, \
             COUNT(CASE WHEN e.status = 0 THEN 1 END) AS firing, \
             COUNT(CASE WHEN e.status = 1 THEN 1 END) AS resolved, \
             COUNT({opened}) AS opened, COUNT({ended}) AS ended, COUNT({copies}) AS copies \
             FROM log_entries e WHERE {condition} GROUP BY 1, 2"
        );
        self.add(&by_fields(place, selection, &inner), values);
    }

    /// Incidents that ended without a log entry: expired, or closed by a person.
    fn unreported(
        &mut self,
        place: usize,
        selection: Selection,
        condition: &str,
        values: Vec<Value>,
    ) {
        let inner = format!(
            "SELECT v.at / {HOUR} AS hour, i.series_id, 0 AS firing, 0 AS resolved, \
             0 AS opened, COUNT(*) AS ended, 0 AS copies FROM incident_events v \
             JOIN incidents i ON i.id = v.incident_id WHERE v.kind IN (3, 6) AND {condition} \
             GROUP BY 1, 2"
        );
        self.add(&by_fields(place, selection, &inner), values);
    }

    fn deliveries(&mut self, place: usize, condition: &str, values: Vec<Value>) {
        let arm = format!(
            "SELECT CAST({place} AS BIGINT) AS place, received_at / {HOUR} AS hour, source, \
             '' AS severity, '' AS team, '' AS alertname, '' AS instance, \
             CAST(0 AS BIGINT) AS firing, CAST(0 AS BIGINT) AS resolved, \
             CAST(0 AS BIGINT) AS opened, CAST(0 AS BIGINT) AS ended, \
             CAST(0 AS BIGINT) AS copies, COUNT(*) AS deliveries \
             FROM deliveries WHERE outcome = 0 AND {condition} GROUP BY received_at / {HOUR}, source"
        );
        self.add(&arm, values);
    }
}

const IS_COPY: &str = "EXISTS (SELECT 1 FROM incidents i WHERE i.id = e.incident_id \
     AND i.end_reason = 4)";

const OPENED: &str = "CASE WHEN e.kind = 0 THEN 1 WHEN e.kind = 1 \
     AND EXISTS (SELECT 1 FROM incidents i WHERE i.id = e.incident_id \
     AND i.first_seen_at = e.received_at) \
     AND NOT EXISTS (SELECT 1 FROM log_entries o WHERE o.series_id = e.series_id \
     AND o.received_at = e.received_at AND o.incident_id = e.incident_id AND o.kind = 0) \
     THEN 1 END";

/// Groups `inner`, which is grouped by alert, by the selected fields of the alert.
fn by_fields(place: usize, selection: Selection, inner: &str) -> String {
    let mut columns = String::new();
    let mut groups = String::from("x.hour");
    for (dimension, column) in [
        (Dimension::Source, "source"),
        (Dimension::Severity, "severity"),
        (Dimension::Team, "team"),
        (Dimension::Alertname, "alertname"),
        (Dimension::Instance, "instance"),
    ] {
        if selection.has(dimension) {
            columns.push_str(&format!("s.{column}, "));
            groups.push_str(&format!(", s.{column}"));
        } else {
            columns.push_str(&format!("'' AS {column}, "));
        }
    }
    format!(
        "SELECT CAST({place} AS BIGINT) AS place, x.hour, {columns}\
         CAST(SUM(x.firing) AS BIGINT) AS firing, CAST(SUM(x.resolved) AS BIGINT) AS resolved, \
         CAST(SUM(x.opened) AS BIGINT) AS opened, CAST(SUM(x.ended) AS BIGINT) AS ended, \
         CAST(SUM(x.copies) AS BIGINT) AS copies, CAST(0 AS BIGINT) AS deliveries \
         FROM ({inner}) x JOIN series s ON s.id = x.series_id GROUP BY {groups}"
    )
}

/// Records that log entries or deliveries received before `before` may be deleted. Must be
/// called in the transaction that deletes them. Statistics are kept longer than the log, but
/// parts of an hour are counted from the log, so before this time only whole hours are
/// available.
///
/// # Errors
/// [`StorageError`] from the database.
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

/// The time before which the log may be incomplete, if entries were ever deleted.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn pruned_before(db: &impl Reads) -> Result<Option<Timestamp>, StorageError> {
    let sql = "SELECT CAST(value AS BIGINT) AS n FROM meta WHERE name = 'log.pruned'";
    let found = query::numbers(db, sql, vec![]).await?;
    Ok(found.first().copied().map(query::time))
}
