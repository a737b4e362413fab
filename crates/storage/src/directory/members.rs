//! Memberships of recipients in groups.

use crate::query;
use crate::{StorageError, Tx};

/// Replaces the groups of a recipient.
///
/// # Errors
/// [`StorageError::Conflict`] if one of them does not exist.
pub async fn set_groups_of_recipient(
    tx: &Tx,
    recipient_id: i64,
    group_ids: &[i64],
) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM group_members WHERE recipient_id = ?",
        vec![recipient_id.into()],
    )
    .await?;
    let sql = format!(
        "INSERT INTO group_members (group_id, recipient_id) \
         SELECT DISTINCT o.value, CAST(? AS BIGINT) FROM ({}) o",
        query::id_list(tx.backend)
    );
    tx.execute(&sql, vec![recipient_id.into(), query::ids(group_ids)])
        .await?;
    Ok(())
}

/// Replaces the members of a group.
///
/// # Errors
/// [`StorageError::Conflict`] if one of them does not exist.
pub async fn set_members(
    tx: &Tx,
    group_id: i64,
    recipient_ids: &[i64],
) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM group_members WHERE group_id = ?",
        vec![group_id.into()],
    )
    .await?;
    let sql = format!(
        "INSERT INTO group_members (group_id, recipient_id) \
         SELECT DISTINCT CAST(? AS BIGINT), o.value FROM ({}) o",
        query::id_list(tx.backend)
    );
    tx.execute(&sql, vec![group_id.into(), query::ids(recipient_ids)])
        .await?;
    Ok(())
}
