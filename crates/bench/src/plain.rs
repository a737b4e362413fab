//! Inserts the same rows without Tocsin: prepared multi-row inserts into the same tables,
//! in one thread, with the same durability.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::{Arguments as _, AssertSqlSafe, postgres::PgArguments, sqlite::SqliteArguments};

use crate::{
    body,
    database::{Connection, DataDir, Kind, runtime},
    history::store::{self, Value},
};

/// Alerts per transaction.
pub(crate) const BATCH: u64 = 100;

/// Tables and columns of a fresh alert.
const TABLES: [(&str, &[&str]); 3] = [
    (
        "series",
        &[
            "id",
            "source",
            "fingerprint",
            "content",
            "labels",
            "annotations",
            "generator_url",
            "message",
            "alertname",
            "instance",
            "severity",
            "team",
        ],
    ),
    (
        "incidents",
        &[
            "id",
            "series_id",
            "episode",
            "state",
            "starts_at",
            "first_seen_at",
            "last_seen_at",
            "last_entry_at",
            "occurrences",
            "senders",
            "content",
            "told",
        ],
    ),
    (
        "log_entries",
        &[
            "id",
            "delivery_id",
            "incident_id",
            "series_id",
            "received_at",
            "status",
            "kind",
            "starts_at",
        ],
    ),
];

/// Inserts alerts in one thread, `batch` per transaction. Returns the alerts per second.
///
/// # Errors
/// If the database rejects the rows.
pub(crate) fn run(data_dir: &DataDir, batch: u64, time: Duration) -> anyhow::Result<f64> {
    runtime()?.block_on(async {
        let mut connection = data_dir.connect().await?;
        if data_dir.kind == Kind::Sqlite {
            // The same settings as Tocsin (storage/src/db.rs).
            connection
                .run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000")
                .await?;
        }
        let statements = TABLES.map(|(table, columns)| store::insert(data_dir.kind, table, columns, batch));
        let run = u32::from_be_bytes(*b"plai");
        let mut next = 1;
        let began = Instant::now();
        while began.elapsed() < time {
            connection.run("BEGIN").await?;
            let alerts: Vec<[Vec<Value>; 3]> = (next..next + batch).map(|id| rows(run, id)).collect();
            for (index, sql) in statements.iter().enumerate() {
                let values = alerts.iter().flat_map(|tables| &tables[index]);
                execute(&mut connection, sql, values).await?;
            }
            connection.run("COMMIT").await?;
            next += batch;
        }
        Ok((next - 1) as f64 / began.elapsed().as_secs_f64())
    })
}

fn rows(run: u32, id: u64) -> [Vec<Value>; 3] {
    let alert = body::parts(run, id);
    let id = i64::try_from(id).unwrap_or_default();
    let now = 1_800_000_000_000_000 + id;
    let digest = || {
        let mut digest = vec![0x5a; 16];
        digest[..8].copy_from_slice(&alert.fingerprint);
        Value::Bytes(digest)
    };
    let number = Value::Number;
    let series = vec![
        number(id),
        "default".into(),
        Value::Bytes(alert.fingerprint.to_vec()),
        digest(),
        alert.labels.as_str().into(),
        alert.annotations.as_str().into(),
        alert.generator_url.into(),
        alert.message.as_str().into(),
        alert.alertname.into(),
        alert.instance.as_str().into(),
        alert.severity.into(),
        alert.team.into(),
    ];
    let sender_states = format!("[[1,0,{now},null,{now},0,{id},null]]");
    let incident = vec![
        number(id),
        number(id),
        number(1),
        number(0),
        number(now),
        number(now),
        number(now),
        number(now),
        number(1),
        number(1),
        digest(),
        sender_states.as_str().into(),
    ];
    let entry = vec![
        number(id),
        number(id / 100),
        number(id),
        number(id),
        number(now),
        number(0),
        number(0),
        number(now),
    ];
    [series, incident, entry]
}

async fn execute<'a>(
    connection: &mut Connection,
    sql: &str,
    values: impl Iterator<Item = &'a Value>,
) -> anyhow::Result<()> {
    let sql = AssertSqlSafe(sql.to_owned());
    match connection {
        Connection::Sqlite(sqlite) => {
            let mut arguments = SqliteArguments::default();
            for value in values {
                match value {
                    Value::Number(number) => arguments.add(*number),
                    Value::Text(text) => arguments.add(text.as_str()),
                    Value::Bytes(bytes) => arguments.add(bytes.as_slice()),
                    Value::Null => arguments.add(None::<i64>),
                }
                .map_err(anyhow::Error::from_boxed)?;
            }
            sqlx::query_with(sql, arguments)
                .execute(sqlite)
                .await
                .map(|_| ())
        }
        Connection::Postgres(postgres) => {
            let mut arguments = PgArguments::default();
            for value in values {
                match value {
                    Value::Number(number) => arguments.add(*number),
                    Value::Text(text) => arguments.add(text.as_str()),
                    Value::Bytes(bytes) => arguments.add(bytes.as_slice()),
                    Value::Null => arguments.add(None::<i64>),
                }
                .map_err(anyhow::Error::from_boxed)?;
            }
            sqlx::query_with(sql, arguments)
                .execute(postgres)
                .await
                .map(|_| ())
        }
    }
    .context("plain insert")
}
