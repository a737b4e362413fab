//! Taking mails out of the outbox's history.

use tocsin_core::time::Timestamp;

use super::log::by_ids;
use crate::{StorageError, Tx, query};

/// Deletes up to `limit` delivered mails that were owed before `before`, with
/// their attempts, and answers how many it deleted. One that is still to be
/// sent stays, however old.
///
/// # Errors
/// Whatever the database answers.
pub async fn prune_notifications(
    tx: &Tx,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StorageError> {
    // The sign keeps SQLite from the index of states, and from sorting.
    let sql = "SELECT id AS n FROM notifications WHERE created_at < ? AND +state IN (2, 3, 4, 5) \
               ORDER BY created_at, id LIMIT ?";
    let values = vec![before.as_micros().into(), i64::from(limit).into()];
    let mails = query::numbers(tx, sql, values).await?;
    by_ids(
        tx,
        "DELETE FROM notification_events WHERE notification_id IN ({list})",
        &mails,
    )
    .await?;
    delete(tx, &mails).await
}

/// Deletes mails whose events are gone already.
pub(super) async fn delete(tx: &Tx, mails: &[i64]) -> Result<u64, StorageError> {
    by_ids(
        tx,
        "DELETE FROM attempts WHERE notification_id IN ({list})",
        mails,
    )
    .await?;
    by_ids(tx, "DELETE FROM notifications WHERE id IN ({list})", mails).await
}
