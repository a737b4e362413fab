//! The actor of a change, and its audit log entry.

use std::net::IpAddr;

use serde_json::Value;
use tocsin_core::time::Timestamp;
use tocsin_storage::audit::{self, AuditRow};
use tocsin_storage::enums::ActorKind;
use tocsin_storage::{Db, StorageError, Tx};

/// The actor of a change, as recorded in the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// User, token, command line or anonymous.
    pub kind: ActorKind,
    /// ID of the user or token.
    pub id: Option<i64>,
    /// Display name.
    pub name: String,
    /// Client IP address.
    pub address: Option<IpAddr>,
}

/// An entry of the audit log.
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    /// `OBJECT.VERB`, such as `recipient.update`.
    pub action: &'a str,
    /// Kind of object, such as `recipient`.
    pub kind: &'a str,
    /// ID of the object; `None` if the entry is about several.
    pub id: Option<i64>,
    /// Name of the object.
    pub name: &'a str,
    /// Snapshot before the change, without secrets.
    pub before: Option<&'a Value>,
    /// Snapshot after the change, without secrets.
    pub after: Option<&'a Value>,
}

impl Actor {
    /// The command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            kind: ActorKind::CommandLine,
            id: None,
            name: "command line".to_owned(),
            address: None,
        }
    }

    /// A client that is not signed in.
    #[must_use]
    pub fn anonymous(address: Option<IpAddr>) -> Self {
        Self {
            kind: ActorKind::Anonymous,
            id: None,
            name: String::new(),
            address,
        }
    }

    /// Writes an audit log entry in a transaction of its own.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn note(
        &self,
        db: &Db,
        entry: &AuditEntry<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let tx = db.begin().await?;
        self.record(&tx, entry, now).await?;
        tx.commit().await
    }

    /// Writes an audit log entry in the transaction of the change.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn record(
        &self,
        tx: &Tx,
        entry: &AuditEntry<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let address = self
            .address
            .map(|address| address.to_canonical().to_string());
        audit::record(
            tx,
            &AuditRow {
                at: now,
                actor_kind: self.kind,
                actor_id: self.id,
                actor_name: &self.name,
                address: address.as_deref(),
                action: entry.action,
                object_kind: entry.kind,
                object_id: entry.id,
                object_name: entry.name,
                before: entry.before,
                after: entry.after,
            },
        )
        .await
    }
}
