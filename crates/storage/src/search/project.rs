//! From the backlog into the index.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::Labels;
use tocsin_core::search;
use tocsin_core::search_index::{Block, Builder, Field};

use super::set::number;
use crate::query::{self, Reads};
use crate::{Backend, StorageError, Tx, projection_queue};

/// Series to index, as the JSON list [first, last] of their numbers.
pub(super) const SERIES_RANGE: i16 = 3;

/// Rows of the backlog that are read at a time.
const ROWS: i64 = 16;
/// Blocks that are inserted by one statement.
const BLOCKS: usize = 128;

/// A segment that is not stored yet.
#[derive(Debug)]
pub struct Prepared {
    /// The rows of the backlog that it is of.
    rows: Vec<i64>,
    documents: usize,
    blocks: Vec<Block>,
}

/// A row of the backlog.
#[derive(FromQueryResult)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) kind: i16,
    pub(super) data: Vec<u8>,
}

impl Row {
    /// The numbers in it.
    pub(super) fn numbers(&self) -> Result<Vec<i64>, StorageError> {
        serde_json::from_slice(&self.data).map_err(|_| self.corrupt())
    }

    /// The first and last number of a range.
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

/// What a series, or a telling of it, says. What is `None` is as the series
/// has it.
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

/// Reads about `documents` series and tellings of the backlog and makes a
/// segment of them, to be stored by [`put`]; `None` when the backlog is empty.
/// It changes nothing, so that a writer need not wait meanwhile.
///
/// # Errors
/// Whatever the database answers; [`StorageError::Corrupt`] for a row of the
/// backlog or of the series that cannot be read.
pub async fn prepare(db: &impl Reads, documents: usize) -> Result<Option<Prepared>, StorageError> {
    let mut rows = Vec::new();
    let mut found = Builder::default();
    for kind in [
        projection_queue::SERIES,
        projection_queue::TELLINGS,
        SERIES_RANGE,
    ] {
        let mut after = 0;
        while found.documents() < documents {
            let sql = "SELECT id, kind, data FROM backlog WHERE kind = ? AND id > ? \
                       ORDER BY id LIMIT ?";
            let values = vec![kind.into(), after.into(), ROWS.into()];
            let some: Vec<Row> = query::all(db, sql, values).await?;
            let Some(last) = some.last() else { break };
            after = last.id;
            for row in some {
                if found.documents() >= documents {
                    break;
                }
                let told = contents(db, &row).await?;
                found = blocking(move || add(found, told)).await??;
                rows.push(row.id);
            }
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let documents = found.documents();
    let blocks = blocking(move || found.finish()).await?;
    Ok(Some(Prepared {
        rows,
        documents,
        blocks,
    }))
}

/// Stores a segment instead of the rows of the backlog that it is of. Returns
/// how many documents it has; none where another replica was quicker.
///
/// # Errors
/// Whatever the database answers.
pub async fn put(tx: &Tx, segment: Prepared) -> Result<usize, StorageError> {
    let list = query::id_list(tx.backend);
    let rows = query::ids(&segment.rows);
    let lock = match tx.backend {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE SKIP LOCKED",
    };
    let sql = format!("SELECT id AS n FROM backlog WHERE id IN ({list}){lock}");
    let left = query::numbers(tx, &sql, vec![rows.clone()]).await?;
    if left.len() != segment.rows.len() {
        return Ok(0);
    }
    let sql = format!("DELETE FROM backlog WHERE id IN ({list})");
    if tx.execute(&sql, vec![rows]).await? != segment.rows.len() as u64 {
        return Err(StorageError::Stale("the backlog of the search index"));
    }
    if !segment.blocks.is_empty() {
        let id = put_segment(tx, segment.documents as i64, &segment.blocks).await?;
        put_blocks(tx, id, &segment.blocks).await?;
    }
    Ok(segment.documents)
}

/// Begins a segment. Readers see it where `documents` is not negative.
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
    for some in blocks.chunks(BLOCKS) {
        let places = vec!["(?, ?, ?)"; some.len()].join(", ");
        let sql =
            format!("INSERT INTO search_blocks (segment_id, first_term, data) VALUES {places}");
        let values = some.iter().flat_map(|block| {
            let term = Value::from(block.first_term.clone());
            [segment.into(), term, Value::from(block.data.clone())]
        });
        tx.execute(&sql, values.collect()).await?;
    }
    Ok(())
}

/// In bytes.
pub(super) fn size(blocks: &[Block]) -> i64 {
    let bytes: usize = blocks
        .iter()
        .map(|block| block.first_term.len() + block.data.len())
        .sum();
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// What the series and tellings of a row say. Those that are gone say nothing.
async fn contents(db: &impl Reads, row: &Row) -> Result<Vec<ContentRow>, StorageError> {
    const SERIES: &str = "SELECT id AS series_id, source, message, labels, alertname, instance, \
                          severity, team FROM series";
    let list = query::id_list(db.backend());
    let (sql, values) = match row.kind {
        SERIES_RANGE => {
            let (first, last) = row.range()?;
            let sql = format!("{SERIES} WHERE id >= ? AND id <= ?");
            (sql, vec![first.into(), last.into()])
        }
        projection_queue::SERIES => {
            let sql = format!("{SERIES} WHERE id IN ({list})");
            (sql, vec![query::ids(&row.numbers()?)])
        }
        _ => {
            let sql = format!(
                "SELECT series_id, CAST(NULL AS TEXT) AS source, message, labels, alertname, \
                 instance, severity, team FROM tellings WHERE id IN ({list})"
            );
            (sql, vec![query::ids(&row.numbers()?)])
        }
    };
    query::all(db, &sql, values).await
}

fn add(mut found: Builder, told: Vec<ContentRow>) -> Result<Builder, StorageError> {
    for told in told {
        found.document(number(told.series_id));
        found.text(&search::fold(&told.message));
        for text in [&told.alertname, &told.instance].into_iter().flatten() {
            found.text(&search::fold(text));
        }
        let facts = [
            (Field::Source, &told.source),
            (Field::Alertname, &told.alertname),
            (Field::Instance, &told.instance),
            (Field::Severity, &told.severity),
            (Field::Team, &told.team),
        ];
        for (fact, value) in facts {
            if let Some(value) = value {
                found.field(fact, value);
            }
        }
        let is_telling = told.source.is_none();
        if let Some(labels) = &told.labels {
            let (table, id) = match is_telling {
                true => ("tellings", told.series_id),
                false => ("series", told.series_id),
            };
            let labels: Labels = query::labels(labels, table, "labels", id)?;
            for (name, value) in &labels {
                found.label(name, value);
            }
            if is_telling {
                found.overridden();
            }
        }
    }
    Ok(found)
}

/// Runs what takes long apart from the threads that answer.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StorageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| StorageError::Stale("the search index, by a panic,"))
}
