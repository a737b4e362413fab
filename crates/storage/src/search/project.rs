//! Projects the queue into the search index.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::Labels;
use tocsin_core::search;
use tocsin_core::search_index::{Block, Builder, Field};

use super::set::number;
use crate::query::{self, Reads};
use crate::{Backend, StorageError, Tx, projection_queue};

/// Alerts to index, as the JSON list [first, last] of IDs.
pub(super) const ALERT_RANGE: i16 = 3;

/// Queue rows read at a time.
const ROWS: i64 = 16;
/// Blocks inserted by one statement.
const BLOCKS: usize = 128;

/// A new segment, not stored yet.
#[derive(Debug)]
pub struct Prepared {
    /// IDs of the queue rows that it replaces.
    rows: Vec<i64>,
    documents: usize,
    blocks: Vec<Block>,
}

/// A row of the queue.
#[derive(FromQueryResult)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) kind: i16,
    pub(super) data: Vec<u8>,
}

impl Row {
    /// The IDs in the row.
    pub(super) fn ids(&self) -> Result<Vec<i64>, StorageError> {
        serde_json::from_slice(&self.data).map_err(|_| self.corrupt())
    }

    /// The first and last ID of a range.
    pub(super) fn range(&self) -> Result<(i64, i64), StorageError> {
        serde_json::from_slice(&self.data).map_err(|_| self.corrupt())
    }

    fn corrupt(&self) -> StorageError {
        StorageError::Corrupt {
            table: "backlog",
            column: "data",
            id: self.id,
        }
    }
}

/// Content of an alert, first or later. `None` means the same value as in the alert row.
#[derive(FromQueryResult)]
struct ContentRow {
    series_id: i64,
    source: Option<String>,
    message: String,
    labels: Option<String>,
    alertname: Option<String>,
    instance: Option<String>,
    severity: Option<String>,
    team: Option<String>,
}

/// Builds a segment from about `documents` queued alerts and contents, to be stored by
/// [`put`]; `None` if the queue is empty. It changes nothing and does not block writers.
///
/// # Errors
/// [`StorageError`] from the database; [`StorageError::Corrupt`] for a malformed row of the
/// queue or of an alert.
pub async fn prepare(db: &impl Reads, documents: usize) -> Result<Option<Prepared>, StorageError> {
    let mut rows = Vec::new();
    let mut builder = Builder::default();
    for kind in [
        projection_queue::ALERTS,
        projection_queue::CONTENTS,
        ALERT_RANGE,
    ] {
        let mut after = 0;
        while builder.documents() < documents {
            let sql = "SELECT id, kind, data FROM backlog WHERE kind = ? AND id > ? \
                       ORDER BY id LIMIT ?";
            let values = vec![kind.into(), after.into(), ROWS.into()];
            let chunk: Vec<Row> = query::all(db, sql, values).await?;
            let Some(last) = chunk.last() else { break };
            after = last.id;
            for row in chunk {
                if builder.documents() >= documents {
                    break;
                }
                let contents = contents(db, &row).await?;
                builder = blocking(move || add(builder, contents)).await??;
                rows.push(row.id);
            }
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let documents = builder.documents();
    let blocks = blocking(move || builder.finish()).await?;
    Ok(Some(Prepared {
        rows,
        documents,
        blocks,
    }))
}

/// Stores a segment and deletes its queue rows. Returns the number of documents; zero if
/// another replica has stored them already.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn put(tx: &Tx, segment: Prepared) -> Result<usize, StorageError> {
    let list = query::id_list(tx.backend);
    let rows = query::ids(&segment.rows);
    let lock = match tx.backend {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!("SELECT id AS n FROM backlog WHERE id IN ({list}){lock}");
    let locked = query::numbers(tx, &sql, vec![rows.clone()]).await?;
    if locked.len() != segment.rows.len() {
        return Ok(0);
    }
    let sql = format!("DELETE FROM backlog WHERE id IN ({list})");
    if tx.execute(&sql, vec![rows]).await? != segment.rows.len() as u64 {
        return Err(StorageError::Stale("the search index queue"));
    }
    if !segment.blocks.is_empty() {
        let id = put_segment(tx, segment.documents as i64, &segment.blocks).await?;
        put_blocks(tx, id, &segment.blocks).await?;
    }
    Ok(segment.documents)
}

/// Inserts a segment. It is visible to readers unless `documents` is negative.
pub(super) async fn put_segment(
    tx: &Tx,
    documents: i64,
    blocks: &[Block],
) -> Result<i64, StorageError> {
    let sql = "INSERT INTO search_segments (documents, bytes) VALUES (?, ?) RETURNING id AS n";
    let values = vec![documents.into(), size(blocks).into()];
    let ids = query::numbers(tx, sql, values).await?;
    ids.first()
        .copied()
        .ok_or(StorageError::Stale("a segment of the search index"))
}

/// Stores blocks of a segment.
pub(super) async fn put_blocks(
    tx: &Tx,
    segment: i64,
    blocks: &[Block],
) -> Result<(), StorageError> {
    for chunk in blocks.chunks(BLOCKS) {
        let places = vec!["(?, ?, ?)"; chunk.len()].join(", ");
        let sql =
            format!("INSERT INTO search_blocks (segment_id, first_term, data) VALUES {places}");
        let values = chunk.iter().flat_map(|block| {
            let term = Value::from(block.first_term.clone());
            [segment.into(), term, Value::from(block.data.clone())]
        });
        tx.execute(&sql, values.collect()).await?;
    }
    Ok(())
}

/// Size of the blocks, in bytes.
pub(super) fn size(blocks: &[Block]) -> i64 {
    let bytes: usize = blocks
        .iter()
        .map(|block| block.first_term.len() + block.data.len())
        .sum();
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Reads the contents that a queue row refers to. Deleted ones are skipped.
async fn contents(db: &impl Reads, row: &Row) -> Result<Vec<ContentRow>, StorageError> {
    const ALERTS: &str = "SELECT id AS series_id, source, message, labels, alertname, instance, \
                          severity, team FROM series";
    let list = query::id_list(db.backend());
    let (sql, values) = match row.kind {
        ALERT_RANGE => {
            let (first, last) = row.range()?;
            let sql = format!("{ALERTS} WHERE id >= ? AND id <= ?");
            (sql, vec![first.into(), last.into()])
        }
        projection_queue::ALERTS => {
            let sql = format!("{ALERTS} WHERE id IN ({list})");
            (sql, vec![query::ids(&row.ids()?)])
        }
        _ => {
            let sql = format!(
                "SELECT series_id, CAST(NULL AS TEXT) AS source, message, labels, alertname, \
                 instance, severity, team FROM tellings WHERE id IN ({list})"
            );
            (sql, vec![query::ids(&row.ids()?)])
        }
    };
    query::all(db, &sql, values).await
}

fn add(mut builder: Builder, contents: Vec<ContentRow>) -> Result<Builder, StorageError> {
    for content in contents {
        builder.document(number(content.series_id));
        builder.text(&search::fold(&content.message));
        for text in [&content.alertname, &content.instance]
            .into_iter()
            .flatten()
        {
            builder.text(&search::fold(text));
        }
        let fields = [
            (Field::Source, &content.source),
            (Field::Alertname, &content.alertname),
            (Field::Instance, &content.instance),
            (Field::Severity, &content.severity),
            (Field::Team, &content.team),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                builder.field(field, value);
            }
        }
        let is_later_content = content.source.is_none();
        if let Some(labels) = &content.labels {
            let (table, id) = match is_later_content {
                true => ("tellings", content.series_id),
                false => ("series", content.series_id),
            };
            let labels: Labels = query::labels(labels, table, "labels", id)?;
            for (name, value) in &labels {
                builder.label(name, value);
            }
            if is_later_content {
                builder.overridden();
            }
        }
    }
    Ok(builder)
}

/// Runs CPU-intensive work on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StorageError::Stale("the search index, by a panic,"))
}
