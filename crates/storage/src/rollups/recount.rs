//! The same counts, from the log itself: for the part of an hour, and for what
//! was stored before there were roll-ups.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::stats::{Counts, Delta, Dimension, HOUR, StatsKey};
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

impl Which {
    /// What was received in a part of an hour.
    pub(crate) fn of(part: &(i64, i64)) -> Self {
        Self::Received(part.0, part.1)
    }
}

/// What is wanted of it: fewer columns and tables are quicker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    /// What entries and incidents are counted by. The others are then said to
    /// be empty.
    pub(crate) dimensions: &'static [Dimension],
    /// The incidents that began and ended.
    pub(crate) incidents: bool,
    /// The deliveries, by their source.
    pub(crate) deliveries: bool,
}

impl Want {
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
    /// The place of what it is of.
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

/// Counts each of them from the log, in one statement.
pub(crate) async fn recount(
    db: &impl Reads,
    which: &[Which],
    want: Want,
) -> Result<Vec<Delta>, StorageError> {
    let mut tallies = vec![Delta::default(); which.len()];
    let mut statement = Arms::default();
    for (place, which) in which.iter().enumerate() {
        match *which {
            Which::Received(from, to) => {
                let both = || vec![Value::from(from), to.into()];
                let such = "e.received_at >= ? AND e.received_at < ?";
                statement.entries(place, want, such, both());
                if want.incidents {
                    statement.unreported(place, want, "v.at >= ? AND v.at < ?", both());
                }
                if want.deliveries {
                    let such = "received_at >= ? AND received_at < ?";
                    statement.deliveries(place, such, both());
                }
            }
            Which::Entries(first, last) => {
                let both = || vec![Value::from(first), last.into()];
                statement.entries(place, want, "e.id >= ? AND e.id <= ?", both());
                // By the time first, for which there is an index.
                let such = "v.at >= (SELECT MIN(received_at) FROM log_entries WHERE id >= ? AND id <= ?) \
                     AND v.at <= (SELECT MAX(received_at) FROM log_entries WHERE id >= ? AND id <= ?) \
                     AND v.entry_id >= ? AND v.entry_id <= ?";
                let values = [both(), both(), both()].concat();
                statement.unreported(place, want, such, values);
            }
            Which::Deliveries(first, last) => {
                let values = vec![first.into(), last.into()];
                statement.deliveries(place, "id >= ? AND id <= ?", values);
            }
        }
    }
    if which.is_empty() {
        return Ok(tallies);
    }
    let rows: Vec<Row> = query::all(db, &statement.sql, statement.values).await?;
    for row in rows {
        let place = usize::try_from(row.place).unwrap_or(usize::MAX);
        if let Some(tallies) = tallies.get_mut(place) {
            add(tallies, &row);
        }
    }
    Ok(tallies)
}

fn add(tallies: &mut Delta, row: &Row) {
    if row.deliveries > 0 {
        let counts = Counts {
            deliveries: row.deliveries.unsigned_abs(),
            ..Counts::default()
        };
        tallies.add(row.hour, Dimension::Source, &row.source, &counts);
        return;
    }
    let of = StatsKey {
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
    tallies.add_key(row.hour, &of, &counts);
}

/// All that the log holds, counted anew: what the roll-ups must say, as long as
/// nothing was deleted.
///
/// # Errors
/// Whatever the database answers.
pub async fn from_log(db: &impl Reads) -> Result<Delta, StorageError> {
    let all = [Which::Received(i64::MIN, i64::MAX)];
    let tallies = recount(db, &all, Want::ALL).await?;
    Ok(tallies.into_iter().next().unwrap_or_default())
}

/// The parts of the statement, each of which yields [`Row`]s.
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

    /// By series first, so that texts are compared once for each of them. An
    /// incident that only its resolution told of begins with that entry.
    fn entries(&mut self, place: usize, want: Want, such: &str, values: Vec<Value>) {
        let (opened, ended, copies) = match want.incidents {
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
             FROM log_entries e WHERE {such} GROUP BY 1, 2"
        );
        self.add(&by_facts(place, want, &inner), values);
    }

    /// Incidents whose end no entry tells: they expired, or a person closed them.
    fn unreported(&mut self, place: usize, want: Want, such: &str, values: Vec<Value>) {
        let inner = format!(
            "SELECT v.at / {HOUR} AS hour, i.series_id, 0 AS firing, 0 AS resolved, \
             0 AS opened, COUNT(*) AS ended, 0 AS copies FROM incident_events v \
             JOIN incidents i ON i.id = v.incident_id WHERE v.kind IN (3, 6) AND {such} \
             GROUP BY 1, 2"
        );
        self.add(&by_facts(place, want, &inner), values);
    }

    fn deliveries(&mut self, place: usize, such: &str, values: Vec<Value>) {
        let arm = format!(
            "SELECT CAST({place} AS BIGINT) AS place, received_at / {HOUR} AS hour, source, \
             '' AS severity, '' AS team, '' AS alertname, '' AS instance, \
             CAST(0 AS BIGINT) AS firing, CAST(0 AS BIGINT) AS resolved, \
             CAST(0 AS BIGINT) AS opened, CAST(0 AS BIGINT) AS ended, \
             CAST(0 AS BIGINT) AS copies, COUNT(*) AS deliveries \
             FROM deliveries WHERE outcome = 0 AND {such} GROUP BY received_at / {HOUR}, source"
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

/// `inner`, which is by series, by what of the series is wanted.
fn by_facts(place: usize, want: Want, inner: &str) -> String {
    let mut facts = String::new();
    let mut groups = String::from("x.hour");
    for (dimension, column) in [
        (Dimension::Source, "source"),
        (Dimension::Severity, "severity"),
        (Dimension::Team, "team"),
        (Dimension::Alertname, "alertname"),
        (Dimension::Instance, "instance"),
    ] {
        if want.has(dimension) {
            facts.push_str(&format!("s.{column}, "));
            groups.push_str(&format!(", s.{column}"));
        } else {
            facts.push_str(&format!("'' AS {column}, "));
        }
    }
    format!(
        "SELECT CAST({place} AS BIGINT) AS place, x.hour, {facts}\
         CAST(SUM(x.firing) AS BIGINT) AS firing, CAST(SUM(x.resolved) AS BIGINT) AS resolved, \
         CAST(SUM(x.opened) AS BIGINT) AS opened, CAST(SUM(x.ended) AS BIGINT) AS ended, \
         CAST(SUM(x.copies) AS BIGINT) AS copies, CAST(0 AS BIGINT) AS deliveries \
         FROM ({inner}) x JOIN series s ON s.id = x.series_id GROUP BY {groups}"
    )
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
