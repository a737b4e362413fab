//! What changed, for the feed.

use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::codes::Coded;
use crate::ingest::bulk;
use crate::{StorageError, Tx};

/// Enters changes of objects into the feed.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_changes(
    tx: &Tx,
    now: Timestamp,
    changes: &[(i64, Change)],
) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(changes.len() * 4);
    for (object_id, change) in changes {
        values.extend([
            now.as_micros().into(),
            change.kind().code().into(),
            (*object_id).into(),
            change.to_json().into(),
        ]);
    }
    let head = "WITH happened (at, kind, object_id, data) AS (VALUES ";
    let tail = format!(
        ") INSERT INTO changes (transaction_id, at, kind, object_id, data) \
         SELECT {}, at, kind, object_id, data FROM happened",
        changes::transaction_id(tx.backend)
    );
    bulk::insert(tx, head, 4, &tail, values).await
}
