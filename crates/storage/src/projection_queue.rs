//! Queue of stored batches that are not yet projected into the roll-ups and the search
//! index. The row is written in the same transaction as its batch, and readers add the
//! queued rows, so derived data is never out of date.

use tocsin_core::stats::Delta;

use crate::{Reads, StorageError, Tx, query};

/// Encoded statistics delta.
pub(crate) const STATS: i16 = 0;
/// Alerts to index, as a JSON list of IDs.
pub(crate) const ALERTS: i16 = 1;
/// Log entries to count, as the JSON list [first, last] of IDs.
pub(crate) const ENTRIES: i16 = 2;
/// Alert contents to index, as a JSON list of IDs.
pub(crate) const CONTENTS: i16 = 4;
/// Deliveries to count, as the JSON list [first, last] of IDs.
pub(crate) const DELIVERIES: i16 = 5;

/// Queues the statistics of a batch. An empty delta adds no row.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn enqueue_stats(tx: &Tx, delta: &Delta) -> Result<(), StorageError> {
    if delta.is_empty() {
        return Ok(());
    }
    insert(tx, STATS, delta.encode()).await
}

/// Queues new alerts for the search index.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn enqueue_alerts(tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
    insert_list(tx, ALERTS, ids).await
}

/// Queues new alert contents for the search index.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn enqueue_contents(tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
    insert_list(tx, CONTENTS, ids).await
}

async fn insert_list(tx: &Tx, kind: i16, ids: &[i64]) -> Result<(), StorageError> {
    if ids.is_empty() {
        return Ok(());
    }
    let json = serde_json::Value::from(ids).to_string();
    insert(tx, kind, json.into_bytes()).await
}

async fn insert(tx: &Tx, kind: i16, data: Vec<u8>) -> Result<(), StorageError> {
    let sql = "INSERT INTO backlog (kind, data) VALUES (?, ?)";
    tx.defer(sql, vec![kind.into(), data.into()], 1).await
}

/// Number of queued rows, for metrics.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn size(db: &impl Reads) -> Result<i64, StorageError> {
    let found = query::numbers(db, "SELECT COUNT(*) AS n FROM backlog", vec![]).await?;
    Ok(found.first().copied().unwrap_or_default())
}

/// Whether log entries or deliveries from before an upgrade still have to be counted.
/// They must not be deleted before that.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn is_counting(db: &impl Reads) -> Result<bool, StorageError> {
    let sql = "SELECT id AS n FROM backlog WHERE kind IN (?, ?) LIMIT 1";
    let found = query::numbers(db, sql, vec![ENTRIES.into(), DELIVERIES.into()]).await?;
    Ok(!found.is_empty())
}
