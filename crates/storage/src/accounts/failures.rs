//! Failed login attempts per account, whether or not the account exists.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use super::hash;
use crate::query::{self, Reads};
use crate::{StorageError, Tx};

/// Failed attempts of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// Consecutive failures.
    pub failures: i64,
    /// Time of the last failure.
    pub failed_at: Timestamp,
    /// No attempt is allowed before this time.
    pub locked_until: Option<Timestamp>,
}

/// Returns the failed attempts of the account with this hash.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn failure_of(
    db: &impl Reads,
    account: &[u8; 32],
) -> Result<Option<Failures>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        failures: i64,
        failed_at: i64,
        locked_until: Option<i64>,
    }
    let sql = "SELECT failures, failed_at, locked_until FROM sign_in_failures WHERE account = ?";
    let row: Option<Row> = query::first(db, sql, vec![hash(account)]).await?;
    Ok(row.map(|row| Failures {
        failures: row.failures,
        failed_at: query::time(row.failed_at),
        locked_until: row.locked_until.map(query::time),
    }))
}

/// Records a failure with the new lockout time and returns the number of failures.
/// Concurrent failures of the same account wait for each other.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn note_failure(
    tx: &Tx,
    account: &[u8; 32],
    at: Timestamp,
    locked_until: Option<Timestamp>,
) -> Result<i64, StorageError> {
    let sql = "INSERT INTO sign_in_failures (account, failures, failed_at, locked_until) \
               VALUES (?, 1, ?, ?) ON CONFLICT (account) DO UPDATE \
               SET failures = sign_in_failures.failures + 1, failed_at = excluded.failed_at, \
               locked_until = excluded.locked_until RETURNING failures AS n";
    let values = vec![
        hash(account),
        at.as_micros().into(),
        locked_until.map(Timestamp::as_micros).into(),
    ];
    let counted = query::numbers(tx, sql, values).await?;
    Ok(counted.first().copied().unwrap_or(1))
}

/// Deletes the failures of an account.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn forget_failures(tx: &Tx, account: &[u8; 32]) -> Result<(), StorageError> {
    let sql = "DELETE FROM sign_in_failures WHERE account = ?";
    tx.execute(sql, vec![hash(account)]).await?;
    Ok(())
}

/// Deletes at most `limit` accounts whose last failure was before `before` and returns how
/// many.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_old_failures(
    tx: &Tx,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StorageError> {
    let sql = "DELETE FROM sign_in_failures WHERE account IN (SELECT account \
               FROM sign_in_failures WHERE failed_at < ? ORDER BY failed_at LIMIT ?)";
    let values = vec![before.as_micros().into(), i64::from(limit).into()];
    tx.execute(sql, values).await
}
