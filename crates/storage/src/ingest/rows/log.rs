//! The log, and what it says of incidents.

use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;

use super::micros;
use crate::codes::{Coded, EntryKind, EventKind};
use crate::ingest::bulk;
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
    /// The alert's labels.
    pub label_set_id: i64,
    /// The alert's annotations.
    pub annotation_set_id: i64,
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

/// Stores log entries.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_entries(tx: &Tx, entries: &[NewEntry]) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(entries.len() * 10);
    for entry in entries {
        values.extend([
            entry.id.into(),
            entry.delivery_id.into(),
            entry.incident_id.into(),
            entry.label_set_id.into(),
            entry.annotation_set_id.into(),
            entry.received_at.as_micros().into(),
            entry.status.code().into(),
            entry.kind.code().into(),
            entry.starts_at.as_micros().into(),
            micros(entry.ends_at),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO log_entries (id, delivery_id, incident_id, label_set_id, annotation_set_id, \
         received_at, status, kind, starts_at, ends_at) VALUES ",
        10,
        "",
        values,
    )
    .await
}

/// What happened to an incident.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its number.
    pub id: i64,
    /// Whose event it is.
    pub incident_id: i64,
    /// What happened.
    pub kind: EventKind,
    /// When we heard of it.
    pub at: Timestamp,
    /// The delivery that told it.
    pub delivery_id: i64,
    /// The log entry that told it.
    pub entry_id: i64,
}

/// Stores incident events.
///
/// # Errors
/// [`StorageError::Conflict`] for a second opening or end of an incident.
pub async fn put_events(tx: &Tx, events: &[NewEvent]) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(events.len() * 6);
    for event in events {
        values.extend([
            event.id.into(),
            event.incident_id.into(),
            event.kind.code().into(),
            event.at.as_micros().into(),
            event.delivery_id.into(),
            event.entry_id.into(),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO incident_events (id, incident_id, kind, at, delivery_id, entry_id) VALUES ",
        6,
        "",
        values,
    )
    .await
}
