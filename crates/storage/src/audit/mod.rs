//! The audit log: who did what to what, when and from where.
//!
//! A line is written in the transaction that makes the change, so that neither
//! is there without the other. Nothing here changes a line, and only retention
//! takes lines out.

mod read;

use sea_orm::Value;
use tocsin_core::time::Timestamp;

use crate::enums::{ActorKind, Coded};
use crate::query;
use crate::{StorageError, Tx};

pub use read::{AuditFilter, AuditView, AuditWalk, ByAudit, Who, get, list, list_within};

/// What a new line says.
#[derive(Clone, Debug)]
pub struct AuditRow<'a> {
    /// When.
    pub at: Timestamp,
    /// Who: what kind,
    pub actor_kind: ActorKind,
    /// the user's or token's number,
    pub actor_id: Option<i64>,
    /// and what they were called.
    pub actor_name: &'a str,
    /// The network address that they came from.
    pub address: Option<&'a str>,
    /// What was done, such as `recipient.update`.
    pub action: &'a str,
    /// To what kind of object,
    pub object_kind: &'a str,
    /// its number where it is one object,
    pub object_id: Option<i64>,
    /// and what it was called.
    pub object_name: &'a str,
    /// What it was like before, as JSON without secrets.
    pub before: Option<&'a serde_json::Value>,
    /// What it was like after.
    pub after: Option<&'a serde_json::Value>,
}

/// Writes one line.
///
/// # Errors
/// Whatever the database answers.
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

/// Deletes up to `limit` lines of before `before`, the oldest first, and answers
/// how many it deleted.
///
/// # Errors
/// Whatever the database answers.
pub async fn delete_before(tx: &Tx, before: Timestamp, limit: u32) -> Result<u64, StorageError> {
    tx.execute(
        "DELETE FROM audit_entries WHERE id IN (SELECT id FROM audit_entries WHERE at < ? \
         ORDER BY at, id LIMIT ?)",
        vec![before.as_micros().into(), i64::from(limit).into()],
    )
    .await
}
