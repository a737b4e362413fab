//! Ending incidents without a delivery: a person closes them, or they are not seen any
//! more. What they become is the caller's to say; here they are read and stored.

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

/// Incidents that are ended by one statement.
const CHUNK: usize = 1_000;

/// How an incident that is open ends; `None` leaves it open.
pub type Ends<'a> = &'a (dyn Fn(&Incident) -> Option<Incident> + Sync);

/// What ends incidents.
#[derive(Clone, Copy)]
pub struct Ending<'a> {
    /// What becomes of each.
    pub ends: Ends<'a>,
    /// What their timelines say.
    pub event: EventKind,
    /// The person who does it.
    pub by: Option<&'a str>,
    /// What that person writes.
    pub note: Option<&'a str>,
    /// What that person may see: other incidents stay as they are.
    pub visible: &'a Visibility,
    /// When.
    pub now: Timestamp,
}

/// Ends those of the incidents that are open, each with its event, its row in the
/// change feed and its part in the statistics, and returns their IDs. What deliveries
/// said of them is kept, so that a copy of it is known again.
///
/// # Errors
/// Whatever the database answers.
pub async fn end(tx: &Tx, ids: &[i64], ending: &Ending<'_>) -> Result<Vec<i64>, StorageError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    lock(tx, &ids).await?;
    let mut ended = Vec::new();
    let mut tallies = Delta::default();
    for chunk in ids.chunks(CHUNK) {
        // Behind the lock: no delivery moves them out of sight meanwhile.
        let chunk = incidents::visible(tx, chunk, ending.visible).await?;
        ended.extend(end_chunk(tx, &chunk, ending, &mut tallies).await?);
    }
    projection_queue::enqueue_stats(tx, &tallies).await?;
    Ok(ended)
}

async fn end_chunk(
    tx: &Tx,
    ids: &[i64],
    ending: &Ending<'_>,
    tallies: &mut Delta,
) -> Result<Vec<i64>, StorageError> {
    let series = alerts_with_open_incident(tx, ids).await?;
    let mut latest: Vec<(i64, LatestIncident)> = ingest::latest_incidents(tx, &series).await?;
    // An open incident is the latest of its series.
    latest.retain(|(_, latest)| latest.is_open() && ids.contains(&latest.incident.id));
    let ended: Vec<(i64, Incident, &LatestIncident)> = latest
        .iter()
        .filter_map(|(series, latest)| Some((*series, (ending.ends)(&latest.incident)?, latest)))
        .collect();
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<IncidentRow<'_>> = ended
        .iter()
        .map(|(series, episode, latest)| IncidentRow {
            incident: episode,
            alert_id: *series,
            sequence: latest.sequence,
            content_id: latest.content_id,
            content_digest: latest.content,
            sender_states: &latest.sender_states,
        })
        .collect();
    ingest::insert_incidents(tx, &rows, &[]).await?;
    let ids: Vec<i64> = ended.iter().map(|(_, episode, _)| episode.id).collect();
    record(tx, &ids, ending).await?;
    let change = Change::Incident {
        event: ending.event,
    };
    changes::insert_many(tx, &ids, &change, ending.now).await?;
    let subjects = subjects(tx, ended.iter().map(|(series, ..)| *series)).await?;
    for subject in subjects.values() {
        tallies.ended(ending.now, &subject.of());
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
        memo: ending.note,
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

/// What a series is counted under.
#[derive(FromQueryResult)]
struct SubjectRow {
    id: i64,
    source: String,
    severity: String,
    team: String,
    alertname: String,
    instance: String,
}

impl SubjectRow {
    fn of(&self) -> StatsKey<'_> {
        StatsKey {
            source: &self.source,
            severity: &self.severity,
            team: &self.team,
            alertname: &self.alertname,
            instance: &self.instance,
        }
    }
}

async fn subjects(
    tx: &Tx,
    series: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, SubjectRow>, StorageError> {
    let series: Vec<i64> = series.collect();
    let sql = format!(
        "SELECT id, source, severity, team, alertname, instance FROM series WHERE id IN ({})",
        query::id_list(tx.backend)
    );
    let rows: Vec<SubjectRow> = query::all(tx, &sql, vec![query::ids(&series)]).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Open incidents that were last seen before `before`, the longest unseen first.
///
/// # Errors
/// Whatever the database answers.
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

/// Who was notified of which of the incidents, in one thread.
struct Notified {
    /// The latest notification.
    latest: i64,
    /// With the latest log entry that it spoke of.
    incidents: BTreeMap<i64, i64>,
}

/// Queues a notification of the end for everybody who was notified of the incidents:
/// one for each thread. Nothing is said of what was held back until now, which is
/// withdrawn. Answers how many are queued.
///
/// # Errors
/// Whatever the database answers.
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
            let known = notified
                .entry((row.recipient_id, row.thread_id))
                .or_insert_with(|| Notified {
                    latest: 0,
                    incidents: BTreeMap::new(),
                });
            known.latest = known.latest.max(row.notification_id);
            known.incidents.insert(row.incident_id, row.entry_id);
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
