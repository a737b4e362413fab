//! From the backlog into the roll-ups.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::stats::{Delta, Dimension, List, list};

use super::{
    Bucket, HOURLY, Want, Which, corrupt_queue_row, first_and_last, hourly, levels, pack, recount,
};
use crate::projection_queue::{DELIVERIES, ENTRIES, TALLIES};
use crate::{Db, Reads, StorageError, Tx, leader_lock, query};

/// The turn for folding and merging.
pub(super) const TURN: &str = "rollups";

/// Rows of the backlog that one call looks at.
const ROWS: i64 = 500;

/// Bytes of tallies after which one call takes no more rows.
const BYTES: i64 = 512 * 1024;

/// Entries or deliveries from before an upgrade that one call counts.
const COUNTED: i64 = 5_000;

/// Buckets that one statement speaks of: four values each.
const BUCKETS: usize = 200;

/// A bucket of so many parts is worth merging.
const MANY_PARTS: i64 = 8;

/// What a call did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projected {
    /// Whether anything was folded.
    pub any: bool,
    /// Whether more waits, as far as is known.
    pub more: bool,
    /// Whether it was from before an upgrade. That comes last, so no storm is
    /// waiting.
    pub is_old: bool,
    /// The buckets that have many parts now; see [`super::merge`].
    pub to_merge: Vec<Bucket>,
}

/// A slice of the backlog, added up and not stored yet.
#[derive(Debug)]
pub struct Prepared {
    from: Source,
    parts: Vec<(Bucket, Vec<u8>)>,
    more: bool,
}

/// The rows of the backlog that it is of.
#[derive(Debug)]
enum Source {
    /// All of these.
    Rows(Vec<i64>),
    /// The beginning of what one row asks to count; what it is to say then, if
    /// anything is left of it.
    Beginning {
        id: i64,
        data: Vec<u8>,
        rest: Option<Vec<u8>>,
    },
}

#[derive(FromQueryResult)]
struct Waiting {
    id: i64,
    kind: i16,
    bytes: i64,
}

/// Adds up a slice of the backlog, to be stored by [`put`]; `None` where
/// nothing waits. It changes nothing, so that a writer need not wait meanwhile.
///
/// # Errors
/// Whatever the database answers; [`StorageError::Corrupt`] for a row that
/// cannot be read.
pub async fn prepare(db: &impl Reads) -> Result<Option<Prepared>, StorageError> {
    let sql = format!(
        "SELECT id, kind, CAST(LENGTH(data) AS BIGINT) AS bytes FROM backlog \
         WHERE kind IN ({TALLIES}, {ENTRIES}, {DELIVERIES}) ORDER BY kind, id LIMIT {ROWS}"
    );
    let waiting: Vec<Waiting> = query::all(db, &sql, vec![]).await?;
    let Some(first) = waiting.first() else {
        return Ok(None);
    };
    let (tallies, from) = if first.kind == TALLIES {
        let mut bytes = 0;
        let ids: Vec<i64> = waiting
            .iter()
            .take_while(|row| {
                let room = row.kind == TALLIES && bytes < BYTES;
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
    let more = match &from {
        Source::Rows(ids) => ids.len() < waiting.len() || waiting.len() as i64 == ROWS,
        Source::Beginning { rest, .. } => rest.is_some() || waiting.len() > 1,
    };
    let mut parts = by_bucket(&tallies)?;
    // In the order of the key, which is how the rows come to lie.
    parts.sort_unstable_by_key(|(bucket, _)| *bucket);
    Ok(Some(Prepared { from, parts, more }))
}

/// Stores a slice in the place of the rows of the backlog that it is of, so
/// that a crash loses and doubles nothing.
///
/// # Errors
/// [`StorageError::Stale`] where another replica was quicker, or is at it: the
/// transaction is to be rolled back. Else whatever the database answers.
pub async fn put(tx: &Tx, slice: Prepared) -> Result<Projected, StorageError> {
    let stale = || StorageError::Stale("the backlog");
    if !leader_lock::try_lock(tx, TURN).await? {
        return Err(stale());
    }
    // A row of tallies never changes, so the ones that are there are those that
    // were read.
    let is_old = matches!(slice.from, Source::Beginning { .. });
    let (changed, expected) = match slice.from {
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

/// Folds one slice, bounded so that it holds writers up for a millisecond or
/// two. Nothing is done where another replica is at it.
///
/// # Errors
/// Whatever the database answers.
pub async fn project(db: &Db) -> Result<Projected, StorageError> {
    let Some(slice) = prepare(db).await? else {
        return Ok(Projected::default());
    };
    let tx = db.begin().await?;
    match put(&tx, slice).await {
        Ok(folded) => {
            tx.commit().await?;
            Ok(folded)
        }
        Err(StorageError::Stale(_)) => {
            tx.rollback().await?;
            Ok(Projected::default())
        }
        Err(error) => Err(error),
    }
}

/// The sum of rows of tallies. Where one is gone meanwhile, [`put`] finds out.
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

/// Counts the first of a row's entries or deliveries; `None` where the row is
/// gone meanwhile.
async fn count(db: &impl Reads, row: &Waiting) -> Result<Option<(Delta, Source)>, StorageError> {
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
    let end = last.min(first.saturating_add(COUNTED - 1));
    let which = match row.kind {
        DELIVERIES => Which::Deliveries(first, end),
        _ => Which::Entries(first, end),
    };
    let counted = recount(db, &[which], Want::ALL).await?;
    let tallies = counted.into_iter().next().unwrap_or_default();
    let rest = (end < last).then(|| {
        serde_json::Value::from([end + 1, last].as_slice())
            .to_string()
            .into_bytes()
    });
    let id = row.id;
    Ok(Some((tallies, Source::Beginning { id, data, rest })))
}

/// Adds a part to each of the buckets.
async fn append(tx: &Tx, mut new: Vec<(Bucket, Vec<u8>)>) -> Result<Vec<Bucket>, StorageError> {
    let mut to_merge = Vec::new();
    for chunk in new.chunks_mut(BUCKETS) {
        let buckets: Vec<Bucket> = chunk.iter().map(|(bucket, _)| *bucket).collect();
        let known = parts(tx, &buckets).await?;
        let mut values: Vec<Value> = Vec::with_capacity(chunk.len() * 5);
        let places = vec!["(?, ?, ?, ?, ?)"; chunk.len()].join(", ");
        for (bucket, data) in chunk {
            let (last, count) = known.get(bucket).copied().unwrap_or((-1, 0));
            if count + 1 >= MANY_PARTS {
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

/// The lists of the buckets, ready to be stored.
fn by_bucket(tallies: &Delta) -> Result<Vec<(Bucket, Vec<u8>)>, StorageError> {
    let mut parts = Vec::new();
    for dimension in Dimension::ALL {
        let lists = tallies
            .hours()
            .filter_map(|hour| Some((hour, tallies.list(hour, dimension)?)));
        widen(super::code(dimension), lists.collect(), &mut parts)?;
    }
    let by_hour = tallies.hours().map(|hour| {
        let mut list = List::default();
        let mut value = Vec::new();
        for (severity, counts) in tallies.values(hour, Dimension::Severity) {
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

/// The lists of hours, and those of the wider buckets that hold them. What is
/// folded is mostly of one hour, and then these are all alike.
fn widen(
    dimension: i16,
    hours: Vec<Hour>,
    parts: &mut Vec<(Bucket, Vec<u8>)>,
) -> Result<(), StorageError> {
    // What went into the last list, and what it became.
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

/// The last part of each bucket that has one, and how many it has.
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
