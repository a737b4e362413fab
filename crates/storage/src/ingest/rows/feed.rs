//! Rows of the change feed.

use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::enums::Coded;
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::{StorageError, Tx};

const CHANGES: Columns = &[
    ("at", Type::Big),
    ("kind", Type::Small),
    ("object_id", Type::Big),
    ("data", Type::Text),
];

/// Appends changes of objects to the change feed.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_changes(
    tx: &Tx,
    now: Timestamp,
    changes: &[(i64, Change)],
) -> Result<(), StorageError> {
    let mut rows = Rows::new(CHANGES, changes.len());
    for (object_id, change) in changes {
        rows.push([
            now.as_micros().into(),
            change.kind().code().into(),
            (*object_id).into(),
            change.to_json().into(),
        ]);
    }
    let statement = format!(
        "INSERT INTO changes (transaction_id, at, kind, object_id, data) \
         SELECT {}, at, kind, object_id, data FROM happened",
        changes::transaction_id(tx.backend)
    );
    bulk::with(tx, "happened", &statement, rows).await
}
