//! Idempotent creation of objects: records the object created for an `Idempotency-Key`.
//!
//! The row is written in the transaction that creates the object, so that neither exists
//! without the other.

use std::time::Duration;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;

use crate::query;
use crate::{StorageError, Tx};

/// Retention period of a key.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// State of a caller's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Not used yet: create the object, then call [`finish`].
    New,
    /// The same request created the object with this ID.
    Created(i64),
    /// Used by a different request.
    Different,
}

/// Locks a caller's key until the transaction ends; another transaction with the same key
/// waits. All transactions that take other locks as well must take them in the same order.
///
/// # Errors
/// [`StorageError::Stale`] if the row was deleted concurrently: try again.
pub async fn begin(
    tx: &Tx,
    caller: &str,
    key: &[u8; 32],
    request: &[u8; 32],
    at: Timestamp,
) -> Result<KeyState, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        request: Vec<u8>,
        object_id: i64,
    }
    let key_values = || -> [Value; 2] { [query::text(caller), key.to_vec().into()] };
    let mut values = key_values().to_vec();
    values.push(at.minus(KEPT).as_micros().into());
    let sql = "DELETE FROM idempotency WHERE caller = ? AND secret = ? AND at < ?";
    tx.execute(sql, values).await?;
    let mut values = key_values().to_vec();
    values.push(request.to_vec().into());
    values.push(at.as_micros().into());
    let sql = "INSERT INTO idempotency (caller, secret, request, object_id, at) \
               VALUES (?, ?, ?, 0, ?) ON CONFLICT (caller, secret) DO NOTHING";
    if tx.execute(sql, values).await? == 1 {
        return Ok(KeyState::New);
    }
    // A separate statement sees the commit of the other transaction.
    let sql = "SELECT request, object_id FROM idempotency WHERE caller = ? AND secret = ?";
    let row: Option<Row> = query::first(tx, sql, key_values().to_vec()).await?;
    let row = row.ok_or(StorageError::Stale("idempotency key"))?;
    if row.request != request {
        return Ok(KeyState::Different);
    }
    Ok(KeyState::Created(row.object_id))
}

/// Records the object created for the key locked by [`begin`].
///
/// # Errors
/// [`StorageError::Stale`] if no key was locked.
pub async fn finish(
    tx: &Tx,
    caller: &str,
    key: &[u8; 32],
    object_id: i64,
) -> Result<(), StorageError> {
    let sql = "UPDATE idempotency SET object_id = ? WHERE caller = ? AND secret = ?";
    let values = vec![object_id.into(), query::text(caller), key.to_vec().into()];
    match tx.execute(sql, values).await? {
        1 => Ok(()),
        _ => Err(StorageError::Stale("idempotency key")),
    }
}

/// Deletes at most `limit` keys first used before `before` and returns how many.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_old(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    let sql = "DELETE FROM idempotency WHERE (caller, secret) IN (SELECT caller, secret \
               FROM idempotency WHERE at < ? ORDER BY at LIMIT ?)";
    let values = vec![before.as_micros().into(), i64::from(limit).into()];
    tx.execute(sql, values).await
}
