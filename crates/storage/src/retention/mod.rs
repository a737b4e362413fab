//! Retention, and the name of the database.
//!
//! Each function is one small step in the transaction of the caller, so that a writer never
//! waits for more than that. The pipeline decides who calls them and how often.

mod deliveries;
mod log;
mod notifications;
mod rules;
mod space;
mod walk;

use tocsin_core::time::Timestamp;

pub use deliveries::{delete_deliveries, visit_deliveries};
pub use log::{Gone, Visited, delete, labels, undelivered, visit};
pub(crate) use log::{by_ids, lock, newest};
pub use notifications::prune_notifications;
pub use rules::{LogRule, LogRules};
pub use space::{FreeSpace, release, space};
pub use walk::{LogPosition, Restored, Walk, load_walk, note_restored, restored, save_walk};
pub(crate) use walk::{load, save};

use crate::{StorageError, Tx, query};

/// Returns the name of the database; `candidate` becomes the name if there is none.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn instance(tx: &Tx, candidate: &str) -> Result<String, StorageError> {
    #[derive(sea_orm::FromQueryResult)]
    struct Row {
        value: String,
    }
    tx.execute(
        "INSERT INTO meta (name, value) VALUES ('instance', ?) ON CONFLICT (name) DO NOTHING",
        vec![candidate.into()],
    )
    .await?;
    let sql = "SELECT value FROM meta WHERE name = 'instance'";
    let row: Option<Row> = query::first(tx, sql, vec![]).await?;
    Ok(row.map_or_else(|| candidate.to_owned(), |row| row.value))
}

/// Deletes at most `limit` raw bodies received before `before` and returns how many.
/// Deliveries and log entries stay.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn prune_bodies(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM delivery_bodies WHERE delivery_id IN (SELECT delivery_id \
         FROM delivery_bodies WHERE received_at < ? ORDER BY received_at LIMIT ?)",
        vec![before.as_micros().into(), i64::from(limit).into()],
    )
    .await
}

/// Deletes at most `limit` rows of the change feed written before `before` and returns how
/// many.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn prune_changes(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM changes WHERE id IN (SELECT id FROM changes WHERE at < ? \
         ORDER BY at LIMIT ?)",
        vec![before.as_micros().into(), i64::from(limit).into()],
    )
    .await
}
