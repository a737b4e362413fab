//! Ends incidents without a delivery: a person closes them, or they are no longer updated.
//! The caller computes their new state; here they are loaded and stored.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::lifecycle::Incident;
use tocsin_core::stats::{Delta, StatsKey};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use crate::acknowledge::lock;
use crate::changes::{self, Change};
use crate::enums::{Coded, EventKind, IncidentState, NotificationState};
use crate::events::{self, Event};
use crate::ingest::{self, IncidentRow, LatestIncident};
use crate::query::{self, Reads};
use crate::{StorageError, Tx, incidents, projection_queue};

/// Number of incidents ended by one statement.
const CHUNK: usize = 1_000;

/// Returns the new state of an open incident; `None` leaves it open.
pub type Ends<'a> = &'a (dyn Fn(&Incident) -> Option<Incident> + Sync);

/// How incidents are ended.
#[derive(Clone, Copy)]
pub struct Ending<'a> {
    /// Computes the new state of each.
    pub ends: Ends<'a>,
    /// Event for their timelines.
    pub event: EventKind,
    /// Name of the person, if a person ends them.
    pub by: Option<&'a str>,
    /// Note of that person.
    pub note: Option<&'a str>,
    /// Visibility of that person: other incidents are not changed.
    pub visible: &'a Visibility,
    /// Time of the end.
    pub now: Timestamp,
}

/// Ends those of the incidents that are open and returns their IDs. Each gets an event, a
/// row in the change feed and its part in the statistics. The sender states are kept, so
/// that copies of earlier deliveries are recognized.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn end(tx: &Tx, ids: &[i64], ending: &Ending<'_>) -> Result<Vec<i64>, StorageError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    lock(tx, &ids).await?;
    let mut ended = Vec::new();
    let mut stats = Delta::default();
    for chunk in ids.chunks(CHUNK) {
        // Under the lock, so that no delivery changes their visibility in the meantime.
        let chunk = incidents::visible(tx, chunk, ending.visible).await?;
        ended.extend(end_chunk(tx, &chunk, ending, &mut stats).await?);
    }
    projection_queue::enqueue_stats(tx, &stats).await?;
    Ok(ended)
}

async fn end_chunk(
    tx: &Tx,
    ids: &[i64],
    ending: &Ending<'_>,
    stats: &mut Delta,
) -> Result<Vec<i64>, StorageError> {
    let alert_ids = alerts_with_open_incident(tx, ids).await?;
    let mut latest: Vec<(i64, LatestIncident)> = ingest::latest_incidents(tx, &alert_ids).await?;
    // An open incident is the latest of its alert.
    latest.retain(|(_, latest)| latest.is_open() && ids.contains(&latest.incident.id));
    let ended: Vec<(i64, Incident, &LatestIncident)> = latest
        .iter()
        .filter_map(|(alert_id, latest)| {
            Some((*alert_id, (ending.ends)(&latest.incident)?, latest))
        })
        .collect();
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<IncidentRow<'_>> = ended
        .iter()
        .map(|(alert_id, incident, latest)| IncidentRow {
            incident,
            alert_id: *alert_id,
            sequence: latest.sequence,
            content_id: latest.content_id,
            content_digest: latest.content,
            sender_states: &latest.sender_states,
        })
        .collect();
    ingest::insert_incidents(tx, &rows, &[]).await?;
    let ids: Vec<i64> = ended.iter().map(|(_, incident, _)| incident.id).collect();
    record(tx, &ids, ending).await?;
    let change = Change::Incident {
        event: ending.event,
    };
    changes::insert_many(tx, &ids, &change, ending.now).await?;
    let keys = stats_keys(tx, ended.iter().map(|(alert_id, ..)| *alert_id)).await?;
    for key in keys.values() {
        stats.ended(ending.now, &key.as_key());
    }
    Ok(ids)
}

async fn alerts_with_open_incident(tx: &Tx, ids: &[i64]) -> Result<Vec<i64>, StorageError> {
    let sql = format!(
        "SELECT DISTINCT series_id AS n FROM incidents WHERE state = ? AND id IN ({})",
        query::id_list(tx.backend)
    );
    let open = IncidentState::Open.code();
    query::numbers(tx, &sql, vec![open.into(), query::ids(ids)]).await
}

async fn record(tx: &Tx, ids: &[i64], ending: &Ending<'_>) -> Result<(), StorageError> {
    let event = Event {
        kind: ending.event,
        at: ending.now,
        by: ending.by,
        note: ending.note,
    };
    events::record(tx, ids, event).await?;
    if let Some(note) = ending.note.filter(|note| !note.is_empty()) {
        let sql = format!(
            "UPDATE incidents SET memo = ? WHERE id IN ({})",
            query::id_list(tx.backend)
        );
        let values = vec![query::without_nul(note).into(), query::ids(ids)];
        tx.execute(&sql, values).await?;
    }
    Ok(())
}

/// Statistics key of an alert.
#[derive(FromQueryResult)]
struct StatsKeyRow {
    id: i64,
    source: String,
    severity: String,
    team: String,
    alertname: String,
    instance: String,
}

impl StatsKeyRow {
    fn as_key(&self) -> StatsKey<'_> {
        StatsKey {
            source: &self.source,
            severity: &self.severity,
            team: &self.team,
            alertname: &self.alertname,
            instance: &self.instance,
        }
    }
}

async fn stats_keys(
    tx: &Tx,
    alert_ids: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, StatsKeyRow>, StorageError> {
    let alert_ids: Vec<i64> = alert_ids.collect();
    let sql = format!(
        "SELECT id, source, severity, team, alertname, instance FROM series WHERE id IN ({})",
        query::id_list(tx.backend)
    );
    let rows: Vec<StatsKeyRow> = query::all(tx, &sql, vec![query::ids(&alert_ids)]).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Returns open incidents last seen before `before`, the longest unseen first.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn stale_incidents(
    db: &impl Reads,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<i64>, StorageError> {
    let sql = "SELECT id AS n FROM incidents WHERE state = ? AND last_seen_at < ? \
               ORDER BY last_seen_at, id LIMIT ?";
    let values = vec![
        IncidentState::Open.code().into(),
        before.as_micros().into(),
        i64::from(limit).into(),
    ];
    query::numbers(db, sql, values).await
}

#[derive(FromQueryResult)]
struct NotifiedRow {
    incident_id: i64,
    entry_id: i64,
    notification_id: i64,
    recipient_id: i64,
    thread_id: String,
}

/// Incidents of which a recipient was notified in one thread.
struct Notified {
    /// ID of the latest notification.
    latest: i64,
    /// Latest log entry ID by incident ID.
    incidents: BTreeMap<i64, i64>,
}

/// Queues a notification of the end for all recipients that were notified of the incidents,
/// one per thread, and returns how many. Notifications that are still held are withdrawn
/// instead.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn notify(
    tx: &Tx,
    ids: &[i64],
    event: EventKind,
    now: Timestamp,
    message_id: &(dyn Fn() -> String + Sync),
) -> Result<usize, StorageError> {
    let mut queued = 0;
    ingest::withdraw_held(tx, ids, now).await?;
    for chunk in ids.chunks(CHUNK) {
        let sql = format!(
            "SELECT e.incident_id, MAX(e.entry_id) AS entry_id, MAX(n.id) AS notification_id, \
             n.recipient_id, n.thread_id FROM notification_events e \
             JOIN notifications n ON n.id = e.notification_id \
             JOIN recipients r ON r.id = n.recipient_id AND r.enabled \
             WHERE e.incident_id IN ({}) AND NOT e.resend AND n.state <> ? \
             GROUP BY e.incident_id, n.recipient_id, n.thread_id",
            query::id_list(tx.backend)
        );
        let values = vec![query::ids(chunk), NotificationState::Canceled.code().into()];
        let rows: Vec<NotifiedRow> = query::all(tx, &sql, values).await?;
        let mut notified: BTreeMap<(i64, String), Notified> = BTreeMap::new();
        for row in rows {
            let thread = notified
                .entry((row.recipient_id, row.thread_id))
                .or_insert_with(|| Notified {
                    latest: 0,
                    incidents: BTreeMap::new(),
                });
            thread.latest = thread.latest.max(row.notification_id);
            thread.incidents.insert(row.incident_id, row.entry_id);
        }
        for ((recipient, _), notified) in notified {
            queue(tx, recipient, &notified, event, now, message_id()).await?;
            queued += 1;
        }
    }
    Ok(queued)
}

async fn queue(
    tx: &Tx,
    recipient: i64,
    notified: &Notified,
    event: EventKind,
    now: Timestamp,
    message_id: String,
) -> Result<(), StorageError> {
    let state = NotificationState::Queued;
    let sql = "INSERT INTO notifications (state, delivery_id, recipient_id, to_name, to_email, \
               language, time_zone, message_id, thread_id, subject, reasons, still_firing, \
               still_firing_names, truncated_alerts, created_at, next_attempt_at, tries) \
               SELECT CAST(? AS SMALLINT), n.delivery_id, r.id, r.name, r.email, r.language, \
               r.time_zone, CAST(? AS TEXT), n.thread_id, n.subject, n.reasons, 0, '[]', 0, \
               CAST(? AS BIGINT), CAST(? AS BIGINT), 0 \
               FROM notifications n JOIN recipients r ON r.id = n.recipient_id \
               WHERE n.id = ? RETURNING id AS n";
    let values = vec![
        state.code().into(),
        message_id.into(),
        now.as_micros().into(),
        now.as_micros().into(),
        notified.latest.into(),
    ];
    let new = query::numbers(tx, sql, values).await?;
    let id = *new.first().ok_or(StorageError::Stale("notification"))?;
    for (incident, entry) in &notified.incidents {
        let sql = "INSERT INTO notification_events (notification_id, entry_id, kind, \
                   incident_id, recipient_id, resend) VALUES (?, ?, ?, ?, ?, FALSE)";
        let values: Vec<Value> = vec![
            id.into(),
            (*entry).into(),
            event.code().into(),
            (*incident).into(),
            recipient.into(),
        ];
        tx.execute(sql, values).await?;
    }
    changes::insert(tx, id, &Change::Notification { state }, now).await
}
