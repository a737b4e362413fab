//! Deletes old notifications.

use tocsin_core::time::Timestamp;

use super::log::by_ids;
use crate::{StorageError, Tx, query};

/// Deletes at most `limit` finished notifications queued before `before`, with their
/// attempts, and returns how many. A notification that is still to be sent stays, however
/// old.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn prune_notifications(
    tx: &Tx,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StorageError> {
    // The unary plus keeps SQLite from using the index on states, and from sorting.
    let sql = "SELECT id AS n FROM notifications WHERE created_at < ? AND +state IN (2, 3, 4, 5) \
               ORDER BY created_at, id LIMIT ?";
    let values = vec![before.as_micros().into(), i64::from(limit).into()];
    let notifications = query::numbers(tx, sql, values).await?;
    by_ids(
        tx,
        "DELETE FROM notification_events WHERE notification_id IN ({list})",
        &notifications,
    )
    .await?;
    delete(tx, &notifications).await
}

/// Deletes notifications whose events are already deleted.
pub(super) async fn delete(tx: &Tx, notifications: &[i64]) -> Result<u64, StorageError> {
    by_ids(
        tx,
        "DELETE FROM attempts WHERE notification_id IN ({list})",
        notifications,
    )
    .await?;
    by_ids(
        tx,
        "DELETE FROM notifications WHERE id IN ({list})",
        notifications,
    )
    .await
}
