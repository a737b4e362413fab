//! What is stored but not yet folded into the roll-ups and the search index:
//! one row for a batch, written with it. So what is derived is never behind
//! what it is derived from by more than these rows, which readers add.

use tocsin_core::stats::Delta;

use crate::{Reads, StorageError, Tx, query};

/// Tallies, encoded.
pub(crate) const TALLIES: i16 = 0;
/// Series to index, as a JSON list of their numbers.
pub(crate) const SERIES: i16 = 1;
/// Log entries to count, as the JSON list [first, last] of their numbers.
pub(crate) const ENTRIES: i16 = 2;
/// Tellings to index, as a JSON list of their numbers.
pub(crate) const TELLINGS: i16 = 4;
/// Deliveries to count, as the JSON list [first, last] of their numbers.
pub(crate) const DELIVERIES: i16 = 5;

/// Stores what a batch counts. Empty tallies are no row.
///
/// # Errors
/// Whatever the database answers.
pub async fn enqueue_stats(tx: &Tx, tallies: &Delta) -> Result<(), StorageError> {
    if tallies.is_empty() {
        return Ok(());
    }
    put(tx, TALLIES, tallies.encode()).await
}

/// Stores which series are new, to be indexed.
///
/// # Errors
/// Whatever the database answers.
pub async fn enqueue_alerts(tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
    put_list(tx, SERIES, ids).await
}

/// Stores which tellings are new, to be indexed.
///
/// # Errors
/// Whatever the database answers.
pub async fn enqueue_contents(tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
    put_list(tx, TELLINGS, ids).await
}

async fn put_list(tx: &Tx, kind: i16, ids: &[i64]) -> Result<(), StorageError> {
    if ids.is_empty() {
        return Ok(());
    }
    let json = serde_json::Value::from(ids).to_string();
    put(tx, kind, json.into_bytes()).await
}

async fn put(tx: &Tx, kind: i16, data: Vec<u8>) -> Result<(), StorageError> {
    let sql = "INSERT INTO backlog (kind, data) VALUES (?, ?)";
    tx.defer(sql, vec![kind.into(), data.into()], 1).await
}

/// How many rows wait, for the metrics.
///
/// # Errors
/// Whatever the database answers.
pub async fn size(db: &impl Reads) -> Result<i64, StorageError> {
    let found = query::numbers(db, "SELECT COUNT(*) AS n FROM backlog", vec![]).await?;
    Ok(found.first().copied().unwrap_or_default())
}

/// Whether log entries or deliveries from before an upgrade are yet to be
/// counted. Until they are, they must not be deleted.
///
/// # Errors
/// Whatever the database answers.
pub async fn is_counting(db: &impl Reads) -> Result<bool, StorageError> {
    let sql = "SELECT id AS n FROM backlog WHERE kind IN (?, ?) LIMIT 1";
    let found = query::numbers(db, sql, vec![ENTRIES.into(), DELIVERIES.into()]).await?;
    Ok(!found.is_empty())
}
