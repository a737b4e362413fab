//! Sign-ins that failed, by account, whether or not there is such an account.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use super::hash;
use crate::query::{self, Reads};
use crate::{StorageError, Tx};

/// What was noted of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many failed in a row.
    pub failures: i64,
    /// When the last one did.
    pub failed_at: Timestamp,
    /// Until when none is tried.
    pub locked_until: Option<Timestamp>,
}

/// What was noted of the account with this hash.
///
/// # Errors
/// Whatever the database answers.
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

/// Notes one more, and until when none is tried; answers how many there are
/// now. Others that fail with the same account at the same time wait.
///
/// # Errors
/// Whatever the database answers.
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

/// Forgets what was noted of an account.
///
/// # Errors
/// Whatever the database answers.
pub async fn forget_failures(tx: &Tx, account: &[u8; 32]) -> Result<(), StorageError> {
    let sql = "DELETE FROM sign_in_failures WHERE account = ?";
    tx.execute(sql, vec![hash(account)]).await?;
    Ok(())
}

/// Forgets up to `limit` accounts whose last failure was before `before`, and
/// answers how many those were.
///
/// # Errors
/// Whatever the database answers.
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
