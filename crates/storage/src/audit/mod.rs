//! The audit log: the actor, action, object, time and address of every change.
//!
//! An entry is written in the transaction of its change, so that neither exists without the
//! other. Entries are never changed, and only retention deletes them.

mod read;

use sea_orm::Value;
use tocsin_core::time::Timestamp;

use crate::enums::{ActorKind, Coded};
use crate::query;
use crate::{StorageError, Tx};

pub use read::{AuditFilter, AuditView, AuditWalk, ByAudit, Who, get, list, list_within};

/// A new entry.
#[derive(Clone, Debug)]
pub struct AuditRow<'a> {
    /// Time.
    pub at: Timestamp,
    /// Kind of actor.
    pub actor_kind: ActorKind,
    /// ID of the user or token.
    pub actor_id: Option<i64>,
    /// Name of the actor.
    pub actor_name: &'a str,
    /// Network address of the request.
    pub address: Option<&'a str>,
    /// Action, such as `recipient.update`.
    pub action: &'a str,
    /// Kind of object.
    pub object_kind: &'a str,
    /// ID of the object, if the action concerns a single one.
    pub object_id: Option<i64>,
    /// Name of the object.
    pub object_name: &'a str,
    /// State before the change, as JSON without secrets.
    pub before: Option<&'a serde_json::Value>,
    /// State after the change.
    pub after: Option<&'a serde_json::Value>,
}

/// Writes one entry.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn record(tx: &Tx, row: &AuditRow<'_>) -> Result<(), StorageError> {
    let sql = "INSERT INTO audit_entries (at, actor_kind, actor_id, actor_name, address, action, \
               object_kind, object_id, object_name, before, after) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let json = |value: Option<&serde_json::Value>| -> Value {
        value
            .map(|value| query::without_nul(&value.to_string()))
            .into()
    };
    let values = vec![
        row.at.as_micros().into(),
        row.actor_kind.code().into(),
        row.actor_id.into(),
        query::text(row.actor_name),
        row.address.map(query::without_nul).into(),
        query::text(row.action),
        query::text(row.object_kind),
        row.object_id.into(),
        query::text(row.object_name),
        json(row.before),
        json(row.after),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Deletes at most `limit` entries from before `before`, oldest first, and returns how
/// many.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_before(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM audit_entries WHERE id IN (SELECT id FROM audit_entries WHERE at < ? \
         ORDER BY at, id LIMIT ?)",
        vec![before.as_micros().into(), i64::from(limit).into()],
    )
    .await
}
