//! Deletes deliveries without log entries.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use super::log::by_ids;
use super::walk::LogPosition;
use crate::query::{self, Reads};
use crate::{StorageError, Tx, rollups};

/// Uses the index on the time of receipt, which a delivery and its entries share.
const WITHOUT_ENTRIES: &str = "NOT EXISTS (SELECT 1 FROM log_entries e \
                             WHERE e.received_at = d.received_at AND e.delivery_id = d.id)";

/// Visits at most `limit` deliveries after position `after` that were received before
/// `before`. Returns the position of the last one (`None` if there is none) and the IDs of
/// those without log entries.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn visit_deliveries(
    db: &impl Reads,
    after: LogPosition,
    before: Timestamp,
    limit: u32,
) -> Result<(Option<LogPosition>, Vec<i64>), StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        received_at: i64,
        unused: bool,
    }
    let sql = format!(
        "SELECT d.id, d.received_at, {WITHOUT_ENTRIES} AS unused FROM deliveries d \
         WHERE d.received_at >= ? AND d.received_at < ? AND (d.received_at > ? OR d.id > ?) \
         ORDER BY d.received_at, d.id LIMIT ?"
    );
    let values = vec![
        after.0.into(),
        before.as_micros().into(),
        after.0.into(),
        after.1.into(),
        i64::from(limit).into(),
    ];
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let last = rows.last().map(|row| (row.received_at, row.id));
    let unused = rows.iter().filter(|row| row.unused).map(|row| row.id);
    Ok((last, unused.collect()))
}

/// Deletes deliveries received before `before`, with their bodies.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_deliveries(
    tx: &Tx,
    ids: &[i64],
    before: Timestamp,
) -> Result<u64, StorageError> {
    if ids.is_empty() {
        return Ok(0);
    }
    // Statistics of partial hours are computed from the deliveries.
    rollups::note_pruned(tx, before).await?;
    by_ids(
        tx,
        "DELETE FROM delivery_bodies WHERE delivery_id IN ({list})",
        ids,
    )
    .await?;
    by_ids(tx, "DELETE FROM deliveries WHERE id IN ({list})", ids).await
}

/// Deletes those of the deliveries that were received before `before` and have no log
/// entries left.
pub(super) async fn delete_events(
    tx: &Tx,
    ids: &[i64],
    before: Timestamp,
) -> Result<u64, StorageError> {
    let sql = format!(
        "SELECT d.id AS n FROM deliveries d WHERE d.id IN ({}) AND d.received_at < ? \
         AND {WITHOUT_ENTRIES}",
        query::id_list(tx.backend),
    );
    let values = vec![query::ids(ids), before.as_micros().into()];
    let unused = query::numbers(tx, &sql, values).await?;
    delete_deliveries(tx, &unused, before).await
}
