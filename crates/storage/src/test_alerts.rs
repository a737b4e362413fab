//! Test alerts that are yet to resolve themselves: a row of `meta` each, so that a
//! restart forgets none.

use sea_orm::FromQueryResult;

use crate::query::{self, Reads};
use crate::{Db, StorageError};

const PREFIX: &str = "test_alert.";

/// A test alert that waits, as its caller wrote it.
#[derive(Clone, Debug, FromQueryResult)]
pub struct PendingTestAlert {
    /// What it is known by.
    pub name: String,
    /// What is to be done, as JSON.
    pub value: String,
}

/// Notes what is to be done for a test alert; `id` is its own.
///
/// # Errors
/// Whatever the database answers.
pub async fn insert(db: &Db, id: &str, value: &str) -> Result<(), StorageError> {
    let tx = db.begin().await?;
    let sql = "INSERT INTO meta (name, value) VALUES (?, ?)";
    let name = format!("{PREFIX}{id}");
    tx.execute(sql, vec![name.into(), value.into()]).await?;
    tx.commit().await
}

/// All that wait.
///
/// # Errors
/// Whatever the database answers.
pub async fn pending(db: &impl Reads) -> Result<Vec<PendingTestAlert>, StorageError> {
    let sql = "SELECT name, value FROM meta WHERE name LIKE 'test!_alert.%' ESCAPE '!' \
               ORDER BY name";
    query::all(db, sql, vec![]).await
}

/// Forgets one that is done.
///
/// # Errors
/// Whatever the database answers.
pub async fn delete(db: &Db, waiting: &PendingTestAlert) -> Result<(), StorageError> {
    let tx = db.begin().await?;
    let sql = "DELETE FROM meta WHERE name = ?";
    tx.execute(sql, vec![waiting.name.as_str().into()]).await?;
    tx.commit().await
}
