//! Test alerts that are still to be resolved: one row of `meta` each, so that they survive
//! a restart.

use sea_orm::FromQueryResult;

use crate::query::{self, Reads};
use crate::{Db, StorageError};

const PREFIX: &str = "test_alert.";

/// A pending test alert, as its caller wrote it.
#[derive(Clone, Debug, FromQueryResult)]
pub struct PendingTestAlert {
    /// Key of the row.
    pub name: String,
    /// Data of the caller, as JSON.
    pub value: String,
}

/// Stores a pending test alert under its own `id`.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert(db: &Db, id: &str, value: &str) -> Result<(), StorageError> {
    let tx = db.begin().await?;
    let sql = "INSERT INTO meta (name, value) VALUES (?, ?)";
    let name = format!("{PREFIX}{id}");
    tx.execute(sql, vec![name.into(), value.into()]).await?;
    tx.commit().await
}

/// Returns all pending test alerts.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn pending(db: &impl Reads) -> Result<Vec<PendingTestAlert>, StorageError> {
    let sql = "SELECT name, value FROM meta WHERE name LIKE 'test!_alert.%' ESCAPE '!' \
               ORDER BY name";
    query::all(db, sql, vec![]).await
}

/// Deletes a finished test alert.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete(db: &Db, finished: &PendingTestAlert) -> Result<(), StorageError> {
    let tx = db.begin().await?;
    let sql = "DELETE FROM meta WHERE name = ?";
    tx.execute(sql, vec![finished.name.as_str().into()]).await?;
    tx.commit().await
}
