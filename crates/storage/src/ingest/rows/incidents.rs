//! Incident rows of a batch.

use tocsin_core::digest::Digest;
use tocsin_core::lifecycle::{Incident, SenderState};

use super::micros;
use crate::enums::Coded;
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::ingest::sender_states;
use crate::{StorageError, Tx};

/// State of an incident after a batch.
#[derive(Clone, Copy, Debug)]
pub struct IncidentRow<'a> {
    /// The part that a transition changes.
    pub incident: &'a Incident,
    /// Alert ID.
    pub alert_id: i64,
    /// Sequence number of the incident within its alert, from 1.
    pub sequence: i64,
    /// ID of the content version; `None` for the first content of the alert.
    pub content_id: Option<i64>,
    /// Digest of that content.
    pub content_digest: Option<Digest>,
    /// State per sender ID; empty if a later incident exists.
    pub sender_states: &'a [(i64, SenderState)],
}

const INCIDENTS: Columns = &[
    ("id", Type::Big),
    ("series_id", Type::Big),
    ("episode", Type::Big),
    ("state", Type::Small),
    ("starts_at", Type::Big),
    ("ends_at", Type::Big),
    ("reported_end", Type::Big),
    ("closed_at", Type::Big),
    ("end_reason", Type::Small),
    ("latest_start", Type::Big),
    ("previous_end", Type::Big),
    ("first_seen_at", Type::Big),
    ("last_seen_at", Type::Big),
    ("last_entry_at", Type::Big),
    ("updated_at", Type::Big),
    ("occurrences", Type::Big),
    ("senders", Type::Big),
    ("previous_id", Type::Big),
    ("telling_id", Type::Big),
    ("content", Type::Bytes),
    ("told", Type::Text),
];

/// Stores changed incidents, then new ones: an incident ends before the next one of its
/// alert opens.
///
/// # Errors
/// [`StorageError::Conflict`] if an alert would have two open incidents.
pub async fn insert_incidents(
    tx: &Tx,
    changed: &[IncidentRow<'_>],
    new: &[IncidentRow<'_>],
) -> Result<(), StorageError> {
    bulk::with(
        tx,
        "now_is",
        "UPDATE incidents SET state = now_is.state, starts_at = now_is.starts_at, \
         ends_at = now_is.ends_at, reported_end = now_is.reported_end, \
         closed_at = now_is.closed_at, end_reason = now_is.end_reason, \
         latest_start = now_is.latest_start, last_seen_at = now_is.last_seen_at, \
         last_entry_at = now_is.last_entry_at, updated_at = now_is.updated_at, occurrences = now_is.occurrences, \
         senders = now_is.senders, telling_id = now_is.telling_id, content = now_is.content, \
         told = now_is.told FROM now_is WHERE incidents.id = now_is.id",
        incident_rows(changed),
    )
    .await?;
    bulk::insert(tx, "incidents", "", incident_rows(new)).await
}

fn incident_rows(incidents: &[IncidentRow<'_>]) -> Rows {
    let mut rows = Rows::new(INCIDENTS, incidents.len());
    for row in incidents {
        let incident = row.incident;
        rows.push([
            incident.id.into(),
            row.alert_id.into(),
            row.sequence.into(),
            incident.state.code().into(),
            incident.starts_at.as_micros().into(),
            micros(incident.ends_at),
            micros(incident.reported_end),
            micros(incident.closed_at),
            incident.end_reason.map(Coded::code).into(),
            micros(incident.latest_start),
            micros(incident.previous_end),
            incident.first_seen_at.as_micros().into(),
            incident.last_seen_at.as_micros().into(),
            incident.last_entry_at.as_micros().into(),
            micros(incident.updated_at),
            incident.times_received.into(),
            incident.senders.into(),
            incident.previous.into(),
            row.content_id.into(),
            row.content_digest
                .map_or(Vec::new(), |it| it.0.to_vec())
                .into(),
            sender_states::write(row.sender_states).into(),
        ]);
    }
    rows
}

const SEEN: Columns = &[
    ("id", Type::Big),
    ("last_seen_at", Type::Big),
    ("senders", Type::Big),
    ("told", Type::Text),
];

/// Stores incidents that were only seen again. It writes only the columns that this
/// changes, and so updates a single index.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn touch_incidents(tx: &Tx, seen: &[IncidentRow<'_>]) -> Result<(), StorageError> {
    let mut rows = Rows::new(SEEN, seen.len());
    for row in seen {
        rows.push([
            row.incident.id.into(),
            row.incident.last_seen_at.as_micros().into(),
            row.incident.senders.into(),
            sender_states::write(row.sender_states).into(),
        ]);
    }
    bulk::with(
        tx,
        "now_is",
        "UPDATE incidents SET last_seen_at = now_is.last_seen_at, senders = now_is.senders, \
         told = now_is.told FROM now_is WHERE incidents.id = now_is.id",
        rows,
    )
    .await
}
