//! Events of an incident.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use crate::StorageError;
use crate::alert_log;
use crate::enums::{Coded, EntryKind, EventKind};
use crate::query::{self, Reads};

/// An incident event, for the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentEventView {
    /// Kind of the event.
    pub kind: EventKind,
    /// Time of the event.
    pub at: Timestamp,
    /// ID of the delivery that reported it; `None` for an action of a person.
    pub delivery_id: Option<i64>,
    /// ID of its log entry.
    pub entry_id: Option<i64>,
    /// Name of the person.
    pub person: Option<String>,
    /// Note of the person.
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

/// Returns the events of an incident, newest first, at most `limit`. Events reported by
/// deliveries come from the alert log, all others from `incident_events`.
///
/// # Errors
/// [`StorageError`] from the database.
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
    // Both lists are in order already; a stable sort keeps that order for equal times.
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.truncate(limit);
    Ok(events)
}
