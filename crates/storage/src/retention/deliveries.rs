//! Taking deliveries out: those of which the log holds nothing.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use super::log::by_ids;
use super::walk::LogPosition;
use crate::query::{self, Reads};
use crate::{StorageError, Tx, rollups};

/// An entry is received when its delivery is, which has an index.
const TELLS_NOTHING: &str = "NOT EXISTS (SELECT 1 FROM log_entries e \
                             WHERE e.received_at = d.received_at AND e.delivery_id = d.id)";

/// The deliveries that come after `after` and arrived before `before`, `limit`
/// at most, as the place of the last one (`None`: there is none), and those of
/// them of which the log holds nothing.
///
/// # Errors
/// Whatever the database answers.
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
        silent: bool,
    }
    let sql = format!(
        "SELECT d.id, d.received_at, {TELLS_NOTHING} AS silent FROM deliveries d \
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
    let silent = rows.iter().filter(|row| row.silent).map(|row| row.id);
    Ok((last, silent.collect()))
}

/// Deletes deliveries, all of which arrived before `before`, with their bodies.
///
/// # Errors
/// Whatever the database answers.
pub async fn delete_deliveries(
    tx: &Tx,
    ids: &[i64],
    before: Timestamp,
) -> Result<u64, StorageError> {
    if ids.is_empty() {
        return Ok(0);
    }
    // Statistics of part of an hour are asked of the deliveries.
    rollups::note_pruned(tx, before).await?;
    by_ids(
        tx,
        "DELETE FROM delivery_bodies WHERE delivery_id IN ({list})",
        ids,
    )
    .await?;
    by_ids(tx, "DELETE FROM deliveries WHERE id IN ({list})", ids).await
}

/// Deletes those of the deliveries that arrived before `before` and of which
/// the log holds nothing any more.
pub(super) async fn delete_events(
    tx: &Tx,
    ids: &[i64],
    before: Timestamp,
) -> Result<u64, StorageError> {
    let sql = format!(
        "SELECT d.id AS n FROM deliveries d WHERE d.id IN ({}) AND d.received_at < ? \
         AND {TELLS_NOTHING}",
        query::id_list(tx.backend),
    );
    let values = vec![query::ids(ids), before.as_micros().into()];
    let silent = query::numbers(tx, &sql, values).await?;
    delete_deliveries(tx, &silent, before).await
}
