//! Sizes of tables: exact on PostgreSQL; on SQLite, which would have to read all pages,
//! estimated from a sample of rows.

use sea_orm::FromQueryResult;

use super::{Part, StorageUsage};
use crate::query::{self, Reads};
use crate::{Backend, Db, StorageError, retention};

/// A table and its part.
struct Table {
    name: &'static str,
    part: Part,
    /// Fixed bytes of a row, including indexes: SQLite's row header, integers and index
    /// entries, measured over a million rows.
    fixed: f64,
    /// SQL for the variable bytes of a row.
    varying: &'static str,
}

const fn table(name: &'static str, part: Part, fixed: f64, varying: &'static str) -> Table {
    Table {
        name,
        part,
        fixed,
        varying,
    }
}

const TABLES: [Table; 13] = [
    table("log_entries", Part::Log, 100.0, "0"),
    table(
        "incidents",
        Part::Incidents,
        230.0,
        "LENGTH(told) + LENGTH(memo)",
    ),
    table(
        "incident_events",
        Part::Incidents,
        75.0,
        "COALESCE(LENGTH(memo), 0)",
    ),
    table(
        "series",
        Part::Alerts,
        90.0,
        "LENGTH(labels) + LENGTH(annotations) + LENGTH(generator_url) + LENGTH(message) \
         + LENGTH(alertname) + LENGTH(instance) + 2 * LENGTH(source)",
    ),
    table(
        "tellings",
        Part::Alerts,
        40.0,
        "LENGTH(annotations) + LENGTH(generator_url) + LENGTH(message) \
         + COALESCE(LENGTH(labels), 0)",
    ),
    table("search_blocks", Part::Alerts, 20.0, "LENGTH(data)"),
    table(
        "deliveries",
        Part::Deliveries,
        90.0,
        "LENGTH(source) + LENGTH(receiver) + LENGTH(group_key) + LENGTH(rejected)",
    ),
    table("delivery_bodies", Part::Bodies, 40.0, "LENGTH(body)"),
    table(
        "notifications",
        Part::Mails,
        250.0,
        "LENGTH(subject) + LENGTH(reasons) + LENGTH(still_firing_names) + 2 * LENGTH(thread_id)",
    ),
    table("notification_events", Part::Mails, 70.0, "0"),
    table("attempts", Part::Mails, 50.0, "COALESCE(LENGTH(error), 0)"),
    table("rollups", Part::Statistics, 30.0, "LENGTH(data)"),
    table("backlog", Part::Statistics, 20.0, "LENGTH(data)"),
];

/// Returns size, parts and number of entries.
pub(super) async fn all(db: &Db) -> Result<StorageUsage, StorageError> {
    match db.backend() {
        Backend::Sqlite => sqlite(db).await,
        Backend::Postgres => postgres(db).await,
    }
}

async fn postgres(db: &Db) -> Result<StorageUsage, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        name: String,
        bytes: i64,
    }
    let sql = "SELECT CAST(c.relname AS TEXT) AS name, pg_total_relation_size(c.oid) AS bytes \
               FROM pg_class c WHERE c.relkind = 'r' \
               AND c.relnamespace = CAST(current_schema() AS regnamespace)";
    let rows: Vec<Row> = query::all(db, sql, vec![]).await?;
    let mut sizes = StorageUsage::default();
    for row in rows {
        let table = TABLES.iter().find(|table| table.name == row.name);
        let part = table.map_or(Part::Other, |table| table.part);
        sizes.parts[part as usize] += row.bytes;
    }
    let whole = query::numbers(
        db,
        "SELECT pg_database_size(current_database()) AS n",
        vec![],
    )
    .await?;
    sizes.bytes = whole.first().copied().unwrap_or_default();
    let accounted: i64 = sizes.parts.iter().sum();
    sizes.parts[Part::Other as usize] += (sizes.bytes - accounted).max(0);
    let sampled = sample(db, "log_entries", "id", "0").await?;
    sizes.entries = sampled.rows_rounded();
    Ok(sizes)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "estimates"
)]
async fn sqlite(db: &Db) -> Result<StorageUsage, StorageError> {
    let space = retention::space(db).await?.unwrap_or_default();
    let mut sizes = StorageUsage {
        bytes: space.pages * space.page_bytes,
        free: space.free * space.page_bytes,
        ..StorageUsage::default()
    };
    let mut estimates = [0.0; 8];
    for table in &TABLES {
        let sampled = sample(db, table.name, "rowid", table.varying).await?;
        if table.part == Part::Log {
            sizes.entries = sampled.rows_rounded();
        }
        estimates[table.part as usize] += sampled.rows * table.fixed + sampled.bytes;
    }
    // Recipients and settings, the schema, and one partly filled page per table.
    let used = (sizes.bytes - sizes.free) as f64;
    let accounted: f64 = estimates.iter().sum();
    estimates[Part::Other as usize] = (used - accounted).max(0.0).min(used * 0.05);
    let sum: f64 = estimates.iter().sum();
    if sum > 0.0 {
        for (part, estimate) in sizes.parts.iter_mut().zip(estimates) {
            *part = (estimate / sum * used) as i64;
        }
    }
    Ok(sizes)
}

/// Tables with an ID range up to this size are read completely.
const SMALL_TABLE: i64 = 20_000;

/// Number and length of the ID ranges sampled from a larger table.
const SAMPLES: i64 = 20;
const SAMPLE_LENGTH: i64 = 200;

/// Estimates for a table.
#[derive(Clone, Copy, Debug, Default)]
struct Sampled {
    rows: f64,
    bytes: f64,
}

impl Sampled {
    #[expect(clippy::cast_possible_truncation, reason = "an estimate")]
    fn rows_rounded(self) -> i64 {
        self.rows.round() as i64
    }
}

/// Counts the rows of a table and sums up an expression: exactly if the range of IDs is
/// small, otherwise from sampled ranges.
#[expect(clippy::cast_precision_loss, reason = "estimates")]
async fn sample(
    db: &impl Reads,
    table: &str,
    key: &str,
    bytes: &str,
) -> Result<Sampled, StorageError> {
    #[derive(FromQueryResult)]
    struct Ends {
        first: Option<i64>,
        last: Option<i64>,
    }
    #[derive(FromQueryResult)]
    struct Found {
        rows: i64,
        bytes: i64,
    }
    // As two subqueries, because SQLite uses the index only for a single MIN or MAX.
    let sql = format!(
        "SELECT (SELECT MIN({key}) FROM {table}) AS first, (SELECT MAX({key}) FROM {table}) AS last"
    );
    let ends: Option<Ends> = query::first(db, &sql, vec![]).await?;
    let (first, last) = match ends {
        Some(Ends {
            first: Some(first),
            last: Some(last),
        }) => (first, last),
        _ => return Ok(Sampled::default()),
    };
    let sql = format!(
        "SELECT COUNT(*) AS rows, CAST(COALESCE(SUM({bytes}), 0) AS BIGINT) AS bytes \
         FROM {table} WHERE {key} BETWEEN ? AND ?"
    );
    let span = last - first + 1;
    let ranges: Vec<(i64, i64)> = if span <= SMALL_TABLE {
        vec![(first, last)]
    } else {
        let every = span / SAMPLES;
        let from = |n: i64| first + n * every + (every - SAMPLE_LENGTH) / 2;
        (0..SAMPLES)
            .map(|n| (from(n), from(n) + SAMPLE_LENGTH - 1))
            .collect()
    };
    let sampled_ids: i64 = ranges.iter().map(|(from, to)| to - from + 1).sum();
    let mut sum = Sampled::default();
    for (from, to) in ranges {
        let found: Option<Found> = query::first(db, &sql, vec![from.into(), to.into()]).await?;
        if let Some(found) = found {
            sum.rows += found.rows as f64;
            sum.bytes += found.bytes as f64;
        }
    }
    let all = span as f64 / sampled_ids as f64;
    Ok(Sampled {
        rows: sum.rows * all,
        bytes: sum.bytes * all,
    })
}
