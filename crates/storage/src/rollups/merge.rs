//! One part of many.

use sea_orm::FromQueryResult;
use tocsin_core::stats::list;

use super::project::{TURN, parts};
use super::{Bucket, Unpack, pack};
use crate::{Db, StorageError, Tx, leader_lock, query};

/// Parts are merged by four at least: fewer are not worth the writing.
const AT_LEAST: usize = 4;

/// Bytes that one transaction writes before it makes way for others.
const BYTES: usize = 64 * 1024;

/// Buckets that one call of [`tidy`] looks after.
const TIDIED: usize = 500;

/// Parts of a bucket that become one.
struct Merged {
    bucket: Bucket,
    parts: Vec<i64>,
    data: Vec<u8>,
}

/// Merges parts of these buckets: the small ones, so that a wide bucket is not
/// written again for every few of its parts. Reads and adds up outside of a
/// transaction, and holds writers up only to put the rows in their place.
///
/// # Errors
/// Whatever the database answers.
pub async fn merge(db: &Db, buckets: &[Bucket]) -> Result<(), StorageError> {
    each(db, buckets, false).await
}

/// Merges all parts of buckets that ended before the hour `now` (in hours since
/// the epoch): little will come to them any more. Answers how many there were.
///
/// # Errors
/// Whatever the database answers.
pub async fn compact(db: &Db, now: i64) -> Result<usize, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        dimension: i16,
        level: i16,
        bucket: i64,
    }
    let sql = "SELECT dimension, level, bucket FROM rollups \
               GROUP BY dimension, level, bucket HAVING COUNT(*) > 1";
    let rows: Vec<Row> = query::all(db, sql, vec![]).await?;
    let over: Vec<Bucket> = rows
        .into_iter()
        .map(|row| Bucket {
            dimension: row.dimension,
            level: row.level,
            number: row.bucket,
        })
        .filter(|bucket| bucket.end() <= now)
        .take(TIDIED)
        .collect();
    each(db, &over, true).await?;
    Ok(over.len())
}

async fn each(db: &Db, buckets: &[Bucket], all: bool) -> Result<(), StorageError> {
    let mut ready: Vec<Merged> = Vec::new();
    for bucket in buckets {
        ready.extend(add_up(db, *bucket, all).await?);
        if ready.iter().map(|one| one.data.len()).sum::<usize>() >= BYTES {
            put(db, &ready).await?;
            ready.clear();
        }
    }
    put(db, &ready).await
}

async fn add_up(db: &Db, bucket: Bucket, all: bool) -> Result<Option<Merged>, StorageError> {
    #[derive(FromQueryResult)]
    struct Size {
        part: i64,
        bytes: i64,
    }
    #[derive(FromQueryResult)]
    struct Row {
        part: i64,
        data: Vec<u8>,
    }
    let sql = "SELECT part, CAST(LENGTH(data) AS BIGINT) AS bytes FROM rollups \
               WHERE dimension = ? AND level = ? AND bucket = ?";
    let mut sizes: Vec<Size> = query::all(db, sql, bucket.key()).await?;
    sizes.sort_unstable_by_key(|size| size.bytes);
    let mut sum = 0;
    let parts: Vec<i64> = sizes
        .iter()
        .enumerate()
        .take_while(|(place, size)| {
            let small = all || *place < AT_LEAST || size.bytes <= sum;
            sum += size.bytes;
            small
        })
        .map(|(_, size)| size.part)
        .collect();
    if parts.len() < 2 {
        return Ok(None);
    }
    let list = query::id_list(db.backend());
    let sql = format!(
        "SELECT part, data FROM rollups \
         WHERE dimension = ? AND level = ? AND bucket = ? AND part IN ({list})"
    );
    let mut values = bucket.key();
    values.push(query::ids(&parts));
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let mut unpack = Unpack::new()?;
    let mut plain = Vec::with_capacity(rows.len());
    for row in &rows {
        plain.push(unpack.list(&row.data, bucket.number, |list| Ok(list.to_vec()))?);
    }
    let plain: Vec<&[u8]> = plain.iter().map(Vec::as_slice).collect();
    let sum = list::merge(&plain).map_err(|_| super::corrupt(bucket.number))?;
    Ok(Some(Merged {
        bucket,
        parts: rows.iter().map(|row| row.part).collect(),
        data: pack(sum),
    }))
}

/// Puts merged parts in the place of those that they are made of. A part's
/// number is never used again while its bucket has rows, so where all of them
/// are still there, they are what was read.
async fn put(db: &Db, ready: &[Merged]) -> Result<(), StorageError> {
    if ready.is_empty() {
        return Ok(());
    }
    let tx = db.begin().await?;
    if !leader_lock::try_lock(&tx, TURN).await? || !replace(&tx, ready).await? {
        // Another replica is at it.
        return tx.rollback().await;
    }
    tx.commit().await
}

async fn replace(tx: &Tx, ready: &[Merged]) -> Result<bool, StorageError> {
    let list = query::id_list(tx.backend);
    let delete = format!(
        "DELETE FROM rollups \
         WHERE dimension = ? AND level = ? AND bucket = ? AND part IN ({list})"
    );
    let insert =
        "INSERT INTO rollups (dimension, level, bucket, part, data) VALUES (?, ?, ?, ?, ?)";
    for one in ready {
        let known = parts(tx, &[one.bucket]).await?;
        let last = known.get(&one.bucket).map_or(-1, |(last, _)| *last);
        let mut values = one.bucket.key();
        values.push(query::ids(&one.parts));
        if tx.execute(&delete, values).await? != one.parts.len() as u64 {
            return Ok(false);
        }
        let mut values = one.bucket.key();
        values.extend([(last + 1).into(), one.data.clone().into()]);
        tx.execute(insert, values).await?;
    }
    Ok(true)
}
