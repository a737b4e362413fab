//! Log entries, and incident events without expiry.

use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;

use super::micros;
use crate::enums::{Coded, EntryKind, EventKind};
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::{StorageError, Tx};

/// A log entry.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Database ID.
    pub id: i64,
    /// ID of the delivery that reported it.
    pub delivery_id: i64,
    /// ID of its incident.
    pub incident_id: i64,
    /// Alert ID.
    pub alert_id: i64,
    /// ID of the content version; `None` for the first content of the alert.
    pub content_id: Option<i64>,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// Reported status.
    pub status: Status,
    /// Effect on the incident.
    pub kind: EntryKind,
    /// Reported start, or the time of receipt if none was reported.
    pub starts_at: Timestamp,
    /// Reported end.
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
/// [`StorageError`] from the database.
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

/// An incident that expired without a resolution.
#[derive(Clone, Copy, Debug)]
pub struct NewExpiry {
    /// Incident ID.
    pub incident_id: i64,
    /// Time at which the expiry was detected.
    pub at: Timestamp,
    /// ID of the delivery that revealed it.
    pub delivery_id: i64,
    /// ID of the log entry that revealed it, of the following incident.
    pub entry_id: i64,
}

const EXPIRED: Columns = &[
    ("incident_id", Type::Big),
    ("kind", Type::Small),
    ("at", Type::Big),
    ("delivery_id", Type::Big),
    ("entry_id", Type::Big),
];

/// Stores expiries, which have no log entry.
///
/// # Errors
/// [`StorageError::Conflict`] for a second expiry of an incident.
pub async fn insert_expired(tx: &Tx, expired: &[NewExpiry]) -> Result<(), StorageError> {
    let mut rows = Rows::new(EXPIRED, expired.len());
    for expiry in expired {
        rows.push([
            expiry.incident_id.into(),
            EventKind::Expired.code().into(),
            expiry.at.as_micros().into(),
            expiry.delivery_id.into(),
            expiry.entry_id.into(),
        ]);
    }
    bulk::insert(tx, "incident_events", "", rows).await
}
