//! Merges the parts of buckets.

use sea_orm::FromQueryResult;
use tocsin_core::stats::list;

use super::project::{LOCK, parts};
use super::{Bucket, Unpack, pack};
use crate::{Db, StorageError, Tx, leader_lock, query};

/// Minimum number of parts to merge; for fewer, rewriting is not worth it.
const MIN_PARTS: usize = 4;

/// Bytes written by one transaction before others get their turn.
const MAX_BYTES: usize = 64 * 1024;

/// The most buckets for one call of [`compact`].
const MAX_BUCKETS: usize = 500;

/// The result of merging parts of a bucket.
struct Merged {
    bucket: Bucket,
    parts: Vec<i64>,
    data: Vec<u8>,
}

/// Merges the small parts of these buckets; large ones are kept, so that a wide bucket is not
/// rewritten for a few small parts. Reads and sums up outside of a transaction, so writers
/// wait only while the rows are replaced.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn merge(db: &Db, buckets: &[Bucket]) -> Result<(), StorageError> {
    each(db, buckets, false).await
}

/// Merges all parts of buckets that ended before the hour `now` (hours since the epoch),
/// which receive little new data. Returns the number of buckets.
///
/// # Errors
/// [`StorageError`] from the database.
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
    let ended: Vec<Bucket> = rows
        .into_iter()
        .map(|row| Bucket {
            dimension: row.dimension,
            level: row.level,
            number: row.bucket,
        })
        .filter(|bucket| bucket.end() <= now)
        .take(MAX_BUCKETS)
        .collect();
    each(db, &ended, true).await?;
    Ok(ended.len())
}

async fn each(db: &Db, buckets: &[Bucket], all: bool) -> Result<(), StorageError> {
    let mut ready: Vec<Merged> = Vec::new();
    for bucket in buckets {
        ready.extend(add_up(db, *bucket, all).await?);
        if ready.iter().map(|one| one.data.len()).sum::<usize>() >= MAX_BYTES {
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
            let small = all || *place < MIN_PARTS || size.bytes <= sum;
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

/// Replaces parts by the merged ones. Part numbers are not reused while the bucket has rows,
/// so if all parts still exist, they are the ones that were read.
async fn put(db: &Db, ready: &[Merged]) -> Result<(), StorageError> {
    if ready.is_empty() {
        return Ok(());
    }
    let tx = db.begin().await?;
    if !leader_lock::try_lock(&tx, LOCK).await? || !replace(&tx, ready).await? {
        // Another replica is merging or projecting.
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
        let existing = parts(tx, &[one.bucket]).await?;
        let last = existing.get(&one.bucket).map_or(-1, |(last, _)| *last);
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
