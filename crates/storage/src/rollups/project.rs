//! Projects the queue into the roll-ups.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::stats::{Delta, Dimension, List, list};

use super::{
    Bucket, HOURLY, Scope, Selection, corrupt_queue_row, first_and_last, hourly, levels, pack,
    recount,
};
use crate::projection_queue::{DELIVERIES, ENTRIES, STATS};
use crate::{Db, Reads, StorageError, Tx, leader_lock, query};

/// Name of the lock for projecting and merging.
pub(super) const LOCK: &str = "rollups";

/// Queue rows read by one call.
const MAX_ROWS: i64 = 500;

/// Size limit of the deltas in one call, in bytes.
const MAX_BYTES: i64 = 512 * 1024;

/// Entries or deliveries from before an upgrade counted by one call.
const MAX_COUNTED: i64 = 5_000;

/// Buckets in one statement.
const BUCKETS: usize = 200;

/// Number of parts from which a bucket should be merged.
const MERGE_FROM_PARTS: i64 = 8;

/// Result of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projected {
    /// Whether any rows were projected.
    pub any: bool,
    /// Whether more rows are queued, as far as known.
    pub more: bool,
    /// Whether the rows were from before an upgrade. Those come last, so no new rows are
    /// waiting.
    pub is_old: bool,
    /// Buckets with many parts, to be merged with [`super::merge()`].
    pub to_merge: Vec<Bucket>,
}

/// A slice of the queue, added up but not stored yet.
#[derive(Debug)]
pub struct Prepared {
    source: Source,
    parts: Vec<(Bucket, Vec<u8>)>,
    more: bool,
}

/// The queue rows of a slice.
#[derive(Debug)]
enum Source {
    /// Whole rows, by ID.
    Rows(Vec<i64>),
    /// The first part of the range of one row. `rest` is the new data of the row, `None` if
    /// nothing is left.
    Beginning {
        id: i64,
        data: Vec<u8>,
        rest: Option<Vec<u8>>,
    },
}

#[derive(FromQueryResult)]
struct QueuedRow {
    id: i64,
    kind: i16,
    bytes: i64,
}

/// Adds up a slice of the queue, to be stored by [`put`]; `None` if the queue is empty. It
/// changes nothing and does not block writers.
///
/// # Errors
/// [`StorageError`] from the database; [`StorageError::Corrupt`] for a malformed
/// row.
pub async fn prepare(db: &impl Reads) -> Result<Option<Prepared>, StorageError> {
    let sql = format!(
        "SELECT id, kind, CAST(LENGTH(data) AS BIGINT) AS bytes FROM backlog \
         WHERE kind IN ({STATS}, {ENTRIES}, {DELIVERIES}) ORDER BY kind, id LIMIT {MAX_ROWS}"
    );
    let queued: Vec<QueuedRow> = query::all(db, &sql, vec![]).await?;
    let Some(first) = queued.first() else {
        return Ok(None);
    };
    let (delta, source) = if first.kind == STATS {
        let mut bytes = 0;
        let ids: Vec<i64> = queued
            .iter()
            .take_while(|row| {
                let room = row.kind == STATS && bytes < MAX_BYTES;
                bytes += row.bytes;
                room
            })
            .map(|row| row.id)
            .collect();
        (add_up(db, &ids).await?, Source::Rows(ids))
    } else {
        match count(db, first).await? {
            Some(counted) => counted,
            None => return Ok(None),
        }
    };
    let more = match &source {
        Source::Rows(ids) => ids.len() < queued.len() || queued.len() as i64 == MAX_ROWS,
        Source::Beginning { rest, .. } => rest.is_some() || queued.len() > 1,
    };
    let mut parts = by_bucket(&delta)?;
    // In key order, so that rows are inserted in order.
    parts.sort_unstable_by_key(|(bucket, _)| *bucket);
    Ok(Some(Prepared {
        source,
        parts,
        more,
    }))
}

/// Stores a slice and deletes its queue rows in one transaction, so that a crash neither
/// loses nor duplicates counts.
///
/// # Errors
/// [`StorageError::Stale`] if another replica projects the same rows; the caller must roll
/// back the transaction. Otherwise [`StorageError`] from the database.
pub async fn put(tx: &Tx, slice: Prepared) -> Result<Projected, StorageError> {
    let stale = || StorageError::Stale("the projection queue");
    if !leader_lock::try_lock(tx, LOCK).await? {
        return Err(stale());
    }
    // Delta rows never change, so existing rows are the ones that were read.
    let is_old = matches!(slice.source, Source::Beginning { .. });
    let (changed, expected) = match slice.source {
        Source::Rows(ids) => {
            let list = query::id_list(tx.backend);
            let sql = format!("DELETE FROM backlog WHERE id IN ({list})");
            let deleted = tx.execute(&sql, vec![query::ids(&ids)]).await?;
            (deleted, ids.len() as u64)
        }
        Source::Beginning {
            id,
            data,
            rest: Some(rest),
        } => {
            let sql = "UPDATE backlog SET data = ? WHERE id = ? AND data = ?";
            let values = vec![rest.into(), id.into(), data.into()];
            (tx.execute(sql, values).await?, 1)
        }
        Source::Beginning {
            id,
            data,
            rest: None,
        } => {
            let sql = "DELETE FROM backlog WHERE id = ? AND data = ?";
            (tx.execute(sql, vec![id.into(), data.into()]).await?, 1)
        }
    };
    if changed != expected {
        return Err(stale());
    }
    Ok(Projected {
        any: true,
        more: slice.more,
        is_old,
        to_merge: append(tx, slice.parts).await?,
    })
}

/// Projects one slice. Its size is limited so that writers wait for one or two milliseconds
/// at most. Does nothing if another replica is projecting.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn project(db: &Db) -> Result<Projected, StorageError> {
    let Some(slice) = prepare(db).await? else {
        return Ok(Projected::default());
    };
    let tx = db.begin().await?;
    match put(&tx, slice).await {
        Ok(projected) => {
            tx.commit().await?;
            Ok(projected)
        }
        Err(StorageError::Stale(_)) => {
            tx.rollback().await?;
            Ok(Projected::default())
        }
        Err(error) => Err(error),
    }
}

/// Sums up delta rows. If one was deleted in between, [`put`] detects it.
async fn add_up(db: &impl Reads, ids: &[i64]) -> Result<Delta, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        data: Vec<u8>,
    }
    let list = query::id_list(db.backend());
    let sql = format!("SELECT id, data FROM backlog WHERE id IN ({list})");
    let rows: Vec<Row> = query::all(db, &sql, vec![query::ids(ids)]).await?;
    let mut sum = Delta::default();
    for row in rows {
        sum.add_encoded(&row.data)
            .map_err(|_| corrupt_queue_row(row.id))?;
    }
    Ok(sum)
}

/// Counts the first entries or deliveries in the range of a row; `None` if the row was
/// deleted in between.
async fn count(db: &impl Reads, row: &QueuedRow) -> Result<Option<(Delta, Source)>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        data: Vec<u8>,
    }
    let sql = "SELECT data FROM backlog WHERE id = ?";
    let found: Option<Row> = query::first(db, sql, vec![row.id.into()]).await?;
    let Some(Row { data }) = found else {
        return Ok(None);
    };
    let (first, last) = first_and_last(&data, row.id)?;
    let end = last.min(first.saturating_add(MAX_COUNTED - 1));
    let scope = match row.kind {
        DELIVERIES => Scope::Deliveries(first, end),
        _ => Scope::Entries(first, end),
    };
    let counted = recount(db, &[scope], Selection::ALL).await?;
    let delta = counted.into_iter().next().unwrap_or_default();
    let rest = (end < last).then(|| {
        serde_json::Value::from([end + 1, last].as_slice())
            .to_string()
            .into_bytes()
    });
    let id = row.id;
    Ok(Some((delta, Source::Beginning { id, data, rest })))
}

/// Adds a part to each bucket.
async fn append(tx: &Tx, mut new: Vec<(Bucket, Vec<u8>)>) -> Result<Vec<Bucket>, StorageError> {
    let mut to_merge = Vec::new();
    for chunk in new.chunks_mut(BUCKETS) {
        let buckets: Vec<Bucket> = chunk.iter().map(|(bucket, _)| *bucket).collect();
        let existing = parts(tx, &buckets).await?;
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 5);
        let places = vec!["(?, ?, ?, ?, ?)"; chunk.len()].join(", ");
        for (bucket, data) in chunk {
            let (last, count) = existing.get(bucket).copied().unwrap_or((-1, 0));
            if count + 1 >= MERGE_FROM_PARTS {
                to_merge.push(*bucket);
            }
            values.extend(bucket.key());
            values.extend([(last + 1).into(), std::mem::take(data).into()]);
        }
        let sql =
            format!("INSERT INTO rollups (dimension, level, bucket, part, data) VALUES {places}");
        tx.execute(&sql, values).await?;
    }
    Ok(to_merge)
}

/// The encoded lists of all buckets.
fn by_bucket(delta: &Delta) -> Result<Vec<(Bucket, Vec<u8>)>, StorageError> {
    let mut parts = Vec::new();
    for dimension in Dimension::ALL {
        let lists = delta
            .hours()
            .filter_map(|hour| Some((hour, delta.list(hour, dimension)?)));
        widen(super::code(dimension), lists.collect(), &mut parts)?;
    }
    let by_hour = delta.hours().map(|hour| {
        let mut list = List::default();
        let mut value = Vec::new();
        for (severity, counts) in delta.values(hour, Dimension::Severity) {
            hourly(hour, severity.as_bytes(), &mut value);
            list.add(&value, counts);
        }
        (hour, list)
    });
    let lists = by_hour.filter(|(_, list)| !list.is_empty());
    let lists = lists.map(|(hour, list)| (hour, list.encode())).collect();
    widen(HOURLY, lists, &mut parts)?;
    Ok(parts)
}

/// An hour since the epoch and its list.
type Hour = (i64, Vec<u8>);

/// Adds the lists of the hours and of the wider buckets that contain them. A slice is mostly
/// of one hour, so that all of these lists are equal.
fn widen(
    dimension: i16,
    hours: Vec<Hour>,
    parts: &mut Vec<(Bucket, Vec<u8>)>,
) -> Result<(), StorageError> {
    // Input and result of the last encoded list.
    let mut last: Option<(&[Hour], Vec<u8>)> = None;
    for level in levels(dimension) {
        let bucket = |hour| Bucket::holding(dimension, level, hour);
        for lists in hours.chunk_by(|(one, _), (next, _)| bucket(*one) == bucket(*next)) {
            let Some((hour, first)) = lists.first() else {
                continue;
            };
            let data = match (&last, lists) {
                (Some((same, data)), _) if std::ptr::eq(*same, lists) => data.clone(),
                (_, [_]) => pack(first.clone()),
                _ => {
                    let lists: Vec<&[u8]> = lists.iter().map(|(_, list)| &**list).collect();
                    pack(list::merge(&lists).map_err(|_| super::corrupt(*hour))?)
                }
            };
            parts.push((bucket(*hour), data.clone()));
            last = Some((lists, data));
        }
    }
    Ok(())
}

/// The last part and the number of parts of each existing bucket.
pub(super) async fn parts(
    db: &impl Reads,
    buckets: &[Bucket],
) -> Result<HashMap<Bucket, (i64, i64)>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        dimension: i16,
        level: i16,
        bucket: i64,
        last: i64,
        parts: i64,
    }
    let places =
        vec!["(CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT))"; buckets.len()].join(", ");
    let sql = format!(
        "SELECT r.dimension, r.level, r.bucket, MAX(r.part) AS last, COUNT(*) AS parts \
         FROM (VALUES {places}) AS v JOIN rollups r ON r.dimension = v.column1 \
         AND r.level = v.column2 AND r.bucket = v.column3 GROUP BY 1, 2, 3"
    );
    let values = buckets
        .iter()
        .flat_map(|bucket| {
            let Bucket {
                dimension,
                level,
                number,
            } = *bucket;
            [
                Value::from(i64::from(dimension)),
                i64::from(level).into(),
                number.into(),
            ]
        })
        .collect();
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let bucket = Bucket {
                dimension: row.dimension,
                level: row.level,
                number: row.bucket,
            };
            (bucket, (row.last, row.parts))
        })
        .collect())
}
