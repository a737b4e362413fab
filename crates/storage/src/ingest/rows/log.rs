//! The log, and what it does not say of incidents.

use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;

use super::micros;
use crate::enums::{Coded, EntryKind, EventKind};
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::{StorageError, Tx};

/// A log entry.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its number.
    pub id: i64,
    /// The delivery that told it.
    pub delivery_id: i64,
    /// The incident that it is filed under.
    pub incident_id: i64,
    /// The alert.
    pub alert_id: i64,
    /// What it was told with; `None`: what its series was first told with.
    pub content_id: Option<i64>,
    /// When the delivery arrived.
    pub received_at: Timestamp,
    /// What was said.
    pub status: Status,
    /// What it did to the incident.
    pub kind: EntryKind,
    /// The start as told, or the arrival where none was.
    pub starts_at: Timestamp,
    /// The end as told.
    pub ends_at: Option<Timestamp>,
}

const ENTRIES: Columns = &[
    ("id", Type::Big),
    ("delivery_id", Type::Big),
    ("incident_id", Type::Big),
    ("series_id", Type::Big),
    ("telling_id", Type::Big),
    ("received_at", Type::Big),
    ("status", Type::Small),
    ("kind", Type::Small),
    ("starts_at", Type::Big),
    ("ends_at", Type::Big),
];

/// Stores log entries.
///
/// # Errors
/// Whatever the database answers.
pub async fn insert_entries(tx: &Tx, entries: &[NewEntry]) -> Result<(), StorageError> {
    let mut rows = Rows::new(ENTRIES, entries.len());
    for entry in entries {
        rows.push([
            entry.id.into(),
            entry.delivery_id.into(),
            entry.incident_id.into(),
            entry.alert_id.into(),
            entry.content_id.into(),
            entry.received_at.as_micros().into(),
            entry.status.code().into(),
            entry.kind.code().into(),
            entry.starts_at.as_micros().into(),
            micros(entry.ends_at),
        ]);
    }
    bulk::insert(tx, "log_entries", "", rows).await
}

/// The end of an incident whose resolution never came.
#[derive(Clone, Copy, Debug)]
pub struct NewExpiry {
    /// Whose end it is.
    pub incident_id: i64,
    /// When we heard of it.
    pub at: Timestamp,
    /// The delivery that showed it.
    pub delivery_id: i64,
    /// The log entry that showed it, of the incident that followed.
    pub entry_id: i64,
}

const EXPIRED: Columns = &[
    ("incident_id", Type::Big),
    ("kind", Type::Small),
    ("at", Type::Big),
    ("delivery_id", Type::Big),
    ("entry_id", Type::Big),
];

/// Stores the ends that no entry tells.
///
/// # Errors
/// [`StorageError::Conflict`] for a second such end of an incident.
pub async fn insert_expired(tx: &Tx, expired: &[NewExpiry]) -> Result<(), StorageError> {
    let mut rows = Rows::new(EXPIRED, expired.len());
    for one in expired {
        rows.push([
            one.incident_id.into(),
            EventKind::Expired.code().into(),
            one.at.as_micros().into(),
            one.delivery_id.into(),
            one.entry_id.into(),
        ]);
    }
    bulk::insert(tx, "incident_events", "", rows).await
}
