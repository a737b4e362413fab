//! What keeps the database in shape: its name, and retention.
//!
//! Each function does one small step in the caller's transaction, so that a
//! writer never waits for more than that. Who calls them, and how often, is the
//! pipeline's.

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

/// The database's name: `candidate`, unless it has one already.
///
/// # Errors
/// Whatever the database answers.
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

/// Deletes up to `limit` raw bodies that arrived before `before`, and answers
/// how many it deleted. The deliveries and the log stay.
///
/// # Errors
/// Whatever the database answers.
pub async fn prune_bodies(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM delivery_bodies WHERE delivery_id IN (SELECT delivery_id \
         FROM delivery_bodies WHERE received_at < ? ORDER BY received_at LIMIT ?)",
        vec![before.as_micros().into(), i64::from(limit).into()],
    )
    .await
}

/// Deletes up to `limit` rows of the change feed that were written before
/// `before`, and answers how many it deleted.
///
/// # Errors
/// Whatever the database answers.
pub async fn prune_changes(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM changes WHERE id IN (SELECT id FROM changes WHERE at < ? \
         ORDER BY at LIMIT ?)",
        vec![before.as_micros().into(), i64::from(limit).into()],
    )
    .await
}
