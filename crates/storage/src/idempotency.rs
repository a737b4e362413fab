//! Making an object once, however often the request is sent: what was made for
//! which `Idempotency-Key`.
//!
//! The row is written in the transaction that makes the object, so that neither
//! is there without the other.

use std::time::Duration;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;

use crate::query;
use crate::{StorageError, Tx};

/// For how long a key is remembered.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What is known of a caller's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Nothing until now: make the object, then [`finish`].
    New,
    /// The same request made the object with this number.
    Made(i64),
    /// Another request had it.
    Different,
}

/// Takes a caller's key until the transaction ends; another transaction that
/// has the same key waits for this one. All transactions that take other locks
/// as well must do so in the same order.
///
/// # Errors
/// [`StorageError::Stale`] where the row went in the middle: try again.
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
    let whose = || -> [Value; 2] { [query::text(caller), key.to_vec().into()] };
    let mut values = whose().to_vec();
    values.push(at.minus(KEPT).as_micros().into());
    let sql = "DELETE FROM idempotency WHERE caller = ? AND secret = ? AND at < ?";
    tx.execute(sql, values).await?;
    let mut values = whose().to_vec();
    values.push(request.to_vec().into());
    values.push(at.as_micros().into());
    let sql = "INSERT INTO idempotency (caller, secret, request, object_id, at) \
               VALUES (?, ?, ?, 0, ?) ON CONFLICT (caller, secret) DO NOTHING";
    if tx.execute(sql, values).await? == 1 {
        return Ok(KeyState::New);
    }
    // A statement of its own sees what the other transaction has committed.
    let sql = "SELECT request, object_id FROM idempotency WHERE caller = ? AND secret = ?";
    let row: Option<Row> = query::first(tx, sql, whose().to_vec()).await?;
    let row = row.ok_or(StorageError::Stale("idempotency key"))?;
    if row.request != request {
        return Ok(KeyState::Different);
    }
    Ok(KeyState::Made(row.object_id))
}

/// Notes what was made for the key that [`begin`] took.
///
/// # Errors
/// [`StorageError::Stale`] where it took none.
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

/// Forgets up to `limit` keys that were first used before `before`, and answers
/// how many those were.
///
/// # Errors
/// Whatever the database answers.
pub async fn delete_old(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    let sql = "DELETE FROM idempotency WHERE (caller, secret) IN (SELECT caller, secret \
               FROM idempotency WHERE at < ? ORDER BY at LIMIT ?)";
    let values = vec![before.as_micros().into(), i64::from(limit).into()];
    tx.execute(sql, values).await
}
