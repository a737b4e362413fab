//! Work that one replica does at a time.

use crate::{Backend, StorageError, Tx, query};

/// Takes the turn for the job `name` until the transaction ends, if no other
/// replica has it. On SQLite there is one program, and writers take turns
/// anyway.
///
/// The turn only saves work: whatever is done under it must be right when two
/// do it.
///
/// # Errors
/// Whatever the database answers.
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
    // Somebody has it, or it was never taken.
    tx.execute(
        "INSERT INTO meta (name, value) VALUES (?, '') ON CONFLICT (name) DO NOTHING",
        vec![row.as_str().into()],
    )
    .await?;
    Ok(!query::numbers(tx, sql, vec![row.into()]).await?.is_empty())
}
