//! What happened to an incident.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use crate::StorageError;
use crate::alert_log;
use crate::enums::{Coded, EntryKind, EventKind};
use crate::query::{self, Reads};

/// What happened to an incident, for its timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentEventView {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The delivery that told it; none for what a person did.
    pub delivery_id: Option<i64>,
    /// The log entry that told it.
    pub entry_id: Option<i64>,
    /// The person who did it.
    pub person: Option<String>,
    /// What that person wrote.
    pub memo: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    kind: i16,
    at: i64,
    delivery_id: Option<i64>,
    entry_id: Option<i64>,
    person: Option<String>,
    memo: Option<String>,
}

/// What happened to an incident, newest first, at most `limit` events: what
/// deliveries told of it is in the log, the rest in rows of its own.
///
/// # Errors
/// Whatever the database answers.
pub async fn events(
    db: &impl Reads,
    incident_id: i64,
    limit: u32,
) -> Result<Vec<IncidentEventView>, StorageError> {
    let rows: Vec<Row> = query::all(
        db,
        "SELECT id, kind, at, delivery_id, entry_id, person, memo FROM incident_events \
         WHERE incident_id = ? ORDER BY at DESC, id DESC LIMIT ?",
        vec![incident_id.into(), i64::from(limit).into()],
    )
    .await?;
    let mut events = Vec::new();
    for row in rows {
        events.push(IncidentEventView {
            kind: EventKind::read(row.kind, "incident_events", "kind", row.id)?,
            at: query::time(row.at),
            delivery_id: row.delivery_id,
            entry_id: row.entry_id,
            person: row.person,
            memo: row.memo,
        });
    }
    let kinds = [EntryKind::Opened, EntryKind::Resolved, EntryKind::Refreshed];
    let limit = limit as usize;
    for entry in alert_log::last_of_incident(db, incident_id, &kinds, limit).await? {
        events.push(IncidentEventView {
            kind: match entry.kind {
                EntryKind::Opened => EventKind::Opened,
                EntryKind::Resolved => EventKind::Resolved,
                EntryKind::Refreshed | EntryKind::Late | EntryKind::Updated => EventKind::Refreshed,
            },
            at: entry.received_at,
            delivery_id: Some(entry.delivery_id),
            entry_id: Some(entry.id),
            person: None,
            memo: None,
        });
    }
    // Both are in order already, which a stable sort keeps among equals.
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.truncate(limit);
    Ok(events)
}
