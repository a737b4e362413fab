//! Who does something.

use std::net::IpAddr;

use serde_json::Value;
use tocsin_core::time::Timestamp;
use tocsin_storage::audit::{self, AuditRow};
use tocsin_storage::enums::ActorKind;
use tocsin_storage::{Db, StorageError, Tx};

/// Who does something, and from where: what the audit log says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A person, a token, or somebody else.
    pub kind: ActorKind,
    /// The user's or token's number.
    pub id: Option<i64>,
    /// What they are called.
    pub name: String,
    /// The network address that they came from.
    pub address: Option<IpAddr>,
}

/// What was done, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    /// `OBJECT.VERB`, such as `recipient.update`.
    pub action: &'a str,
    /// The kind of object, such as `recipient`.
    pub kind: &'a str,
    /// Its number, where it is one object.
    pub id: Option<i64>,
    /// What it is called.
    pub name: &'a str,
    /// What it was like before, without secrets.
    pub before: Option<&'a Value>,
    /// What it is like after, without secrets.
    pub after: Option<&'a Value>,
}

impl Actor {
    /// Somebody at the command line.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            kind: ActorKind::CommandLine,
            id: None,
            name: "command line".to_owned(),
            address: None,
        }
    }

    /// Somebody who is not signed in.
    #[must_use]
    pub fn anonymous(address: Option<IpAddr>) -> Self {
        Self {
            kind: ActorKind::Anonymous,
            id: None,
            name: String::new(),
            address,
        }
    }

    /// Writes what was done into the audit log, where what does it has no
    /// transaction that the line could be part of.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn note(
        &self,
        db: &Db,
        deed: &AuditEntry<'_>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let tx = db.begin().await?;
        self.record(&tx, deed, now).await?;
        tx.commit().await
    }

    /// Writes what was done into the audit log, in the transaction that does it.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn record(
        &self,
        tx: &Tx,
        deed: &AuditEntry<'_>,
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
                action: deed.action,
                object_kind: deed.kind,
                object_id: deed.id,
                object_name: deed.name,
                before: deed.before,
                after: deed.after,
            },
        )
        .await
    }
}
