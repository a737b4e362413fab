//! Work that one replica does at a time.

use crate::{Backend, StorageError, Tx, query};

/// Takes the lock for the job `name` until the transaction ends, unless another replica
/// holds it. On SQLite there is one program, whose writers are serialized anyway.
///
/// The lock only saves work: the job must also be correct if two replicas run it.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn try_lock(tx: &Tx, name: &str) -> Result<bool, StorageError> {
    if tx.backend == Backend::Sqlite {
        return Ok(true);
    }
    let row = format!("turn.{name}");
    let sql = "SELECT CAST(1 AS BIGINT) AS n FROM meta WHERE name = ? FOR UPDATE SKIP LOCKED";
    if !query::numbers(tx, sql, vec![row.as_str().into()])
        .await?
        .is_empty()
    {
        return Ok(true);
    }
    // Another replica holds it, or the row does not exist yet.
    tx.execute(
        "INSERT INTO meta (name, value) VALUES (?, '') ON CONFLICT (name) DO NOTHING",
        vec![row.as_str().into()],
    )
    .await?;
    Ok(!query::numbers(tx, sql, vec![row.into()]).await?.is_empty())
}
