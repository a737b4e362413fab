//! Log entries as lines of an archive.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;

use super::record::{
    ArchivedContent, ArchivedDelivery, ArchivedEntry, ArchivedEvent, ArchivedIncident, VERSION,
};
use crate::enums::{self, Coded, EntryKind, EventKind, IncidentState};
use crate::query::{self, Reads};
use crate::{Backend, StorageError};

/// Lines for an archive, and the state of their incidents.
#[derive(Clone, Debug, Default)]
pub struct Archived {
    /// One line per entry, in order of receipt.
    pub entries: Vec<ArchivedEntry>,
    /// Their incidents, by ID.
    pub incidents: BTreeMap<i64, ArchivedIncident>,
}

/// Content of a row `t` of `tellings`, or else of its alert `s`.
const CONTENT: &str = "COALESCE(t.labels, s.labels) AS labels, \
    COALESCE(t.annotations, s.annotations) AS annotations, \
    COALESCE(t.generator_url, s.generator_url) AS generator_url, \
    COALESCE(t.message, s.message) AS message, \
    COALESCE(t.alertname, s.alertname) AS alertname, \
    COALESCE(t.instance, s.instance) AS instance, \
    COALESCE(t.severity, s.severity) AS severity, COALESCE(t.team, s.team) AS team";

/// Reads entries with everything they refer to; `database` is the name of this database.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn read(
    db: &impl Reads,
    database: &str,
    entries: &[i64],
) -> Result<Archived, StorageError> {
    if entries.is_empty() {
        return Ok(Archived::default());
    }
    let sql = format!(
        "SELECT e.id, e.delivery_id, e.incident_id, e.series_id, e.received_at, e.status, e.kind, \
         e.starts_at, e.ends_at, s.source, {} AS fingerprint, {CONTENT}, d.id AS stored_delivery_id, \
         n.external_url, d.receiver, d.group_key, d.status AS group_status, d.version, d.alerts, \
         d.truncated_alerts, d.opened, d.resolved, d.refreshed, d.seen_again, d.updated, d.late, d.rejected, \
         d.unrouted, d.body_bytes FROM log_entries e JOIN series s ON s.id = e.series_id \
         LEFT JOIN tellings t ON t.id = e.telling_id \
         LEFT JOIN deliveries d ON d.id = e.delivery_id LEFT JOIN senders n ON n.id = d.sender_id \
         WHERE e.id IN ({}) ORDER BY e.received_at, e.id",
        hex(db.backend(), "s.fingerprint"),
        query::id_list(db.backend()),
    );
    let rows: Vec<EntryRow> = query::all(db, &sql, vec![query::ids(entries)]).await?;
    let mut ids: Vec<i64> = rows.iter().map(|row| row.incident_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let incidents = incidents(db, &ids).await?;
    let entries: Result<Vec<ArchivedEntry>, StorageError> = rows
        .into_iter()
        .map(|row| row.into_line(database, &incidents))
        .collect();
    Ok(Archived {
        entries: entries?,
        incidents,
    })
}

/// Loads incidents with their events.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn incidents(
    db: &impl Reads,
    ids: &[i64],
) -> Result<BTreeMap<i64, ArchivedIncident>, StorageError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let list = query::id_list(db.backend());
    let sql = format!(
        "SELECT i.id, i.series_id, i.episode, i.state, i.starts_at, i.ends_at, i.reported_end, \
         i.closed_at, i.end_reason, i.latest_start, i.previous_end, i.first_seen_at, i.last_seen_at, i.last_entry_at, i.occurrences, i.senders, i.known_at, \
         i.known_by, i.memo, {CONTENT} FROM incidents i JOIN series s ON s.id = i.series_id \
         LEFT JOIN tellings t ON t.id = i.telling_id WHERE i.id IN ({list})"
    );
    let rows: Vec<IncidentRow> = query::all(db, &sql, vec![query::ids(ids)]).await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let incident = row.read()?;
        found.insert(incident.id, incident);
    }
    let sql = format!(
        "SELECT id, incident_id, kind, at, delivery_id, entry_id, person, memo \
         FROM incident_events WHERE incident_id IN ({list}) ORDER BY at, id"
    );
    let rows: Vec<EventRow> = query::all(db, &sql, vec![query::ids(ids)]).await?;
    for row in rows {
        if let Some(incident) = found.get_mut(&row.incident_id) {
            incident.events.push(ArchivedEvent {
                kind: EventKind::read(row.kind, "incident_events", "kind", row.id)?,
                at: query::time(row.at),
                entry: row.entry_id,
                delivery: row.delivery_id,
                person: row.person,
                memo: row.memo,
            });
        }
    }
    Ok(found)
}

/// Bytes as lower-case hex digits.
fn hex(backend: Backend, column: &str) -> String {
    match backend {
        Backend::Sqlite => format!("lower(hex({column}))"),
        Backend::Postgres => format!("encode({column}, 'hex')"),
    }
}

#[derive(FromQueryResult)]
struct ContentRow {
    labels: String,
    annotations: String,
    generator_url: String,
    message: String,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
}

impl ContentRow {
    fn read(self, alert_id: i64) -> Result<ArchivedContent, StorageError> {
        Ok(ArchivedContent {
            labels: query::labels(&self.labels, "series", "labels", alert_id)?,
            annotations: query::labels(&self.annotations, "series", "annotations", alert_id)?,
            generator_url: self.generator_url,
            message: self.message,
            alertname: self.alertname,
            instance: self.instance,
            severity: self.severity,
            team: self.team,
        })
    }
}

#[derive(FromQueryResult)]
struct EntryRow {
    id: i64,
    incident_id: i64,
    series_id: i64,
    received_at: i64,
    status: i16,
    kind: i16,
    starts_at: i64,
    ends_at: Option<i64>,
    source: String,
    fingerprint: String,
    #[sea_orm(nested)]
    content: ContentRow,
    stored_delivery_id: Option<i64>,
    external_url: Option<String>,
    receiver: Option<String>,
    group_key: Option<String>,
    group_status: Option<i16>,
    version: Option<String>,
    alerts: Option<i64>,
    truncated_alerts: Option<i64>,
    opened: Option<i64>,
    resolved: Option<i64>,
    refreshed: Option<i64>,
    seen_again: Option<i64>,
    updated: Option<i64>,
    late: Option<i64>,
    rejected: Option<String>,
    unrouted: Option<i64>,
    body_bytes: Option<i64>,
}

impl EntryRow {
    fn into_line(
        mut self,
        database: &str,
        incidents: &BTreeMap<i64, ArchivedIncident>,
    ) -> Result<ArchivedEntry, StorageError> {
        let table = "log_entries";
        let delivery = self.delivery()?;
        let content = self.content.read(self.series_id)?;
        let mut incident =
            incidents
                .get(&self.incident_id)
                .cloned()
                .ok_or(StorageError::Corrupt {
                    table,
                    column: "incident_id",
                    id: self.id,
                })?;
        if incident.said.as_ref() == Some(&content) {
            incident.said = None;
        }
        Ok(ArchivedEntry {
            v: VERSION,
            database: database.to_owned(),
            id: self.id,
            received_at: query::time(self.received_at),
            status: Status::read(self.status, table, "status", self.id)?,
            kind: EntryKind::read(self.kind, table, "kind", self.id)?,
            starts_at: query::time(self.starts_at),
            ends_at: self.ends_at.map(query::time),
            source: self.source,
            fingerprint: self.fingerprint,
            said: content,
            incident,
            delivery,
        })
    }

    fn delivery(&mut self) -> Result<Option<ArchivedDelivery>, StorageError> {
        let Some(id) = self.stored_delivery_id else {
            return Ok(None);
        };
        let rejected = self.rejected.take().unwrap_or_default();
        let status = self.group_status;
        Ok(Some(ArchivedDelivery {
            id,
            sender: self.external_url.take(),
            receiver: self.receiver.take().unwrap_or_default(),
            group_key: self.group_key.take().unwrap_or_default(),
            status: status
                .map(|code| Status::read(code, "deliveries", "status", id))
                .transpose()?,
            version: self.version.take().unwrap_or_default(),
            alerts: self.alerts.unwrap_or_default(),
            truncated_alerts: self.truncated_alerts.unwrap_or_default(),
            opened: self.opened.unwrap_or_default(),
            resolved: self.resolved.unwrap_or_default(),
            refreshed: self.refreshed.unwrap_or_default(),
            seen_again: self.seen_again.unwrap_or_default(),
            updated: self.updated.unwrap_or_default(),
            late: self.late.unwrap_or_default(),
            rejected: serde_json::from_str(&rejected).map_err(|_| StorageError::Corrupt {
                table: "deliveries",
                column: "rejected",
                id,
            })?,
            unrouted: self.unrouted.unwrap_or_default(),
            body_bytes: self.body_bytes.unwrap_or_default(),
        }))
    }
}

#[derive(FromQueryResult)]
struct IncidentRow {
    id: i64,
    series_id: i64,
    episode: i64,
    state: i16,
    starts_at: i64,
    ends_at: Option<i64>,
    reported_end: Option<i64>,
    closed_at: Option<i64>,
    end_reason: Option<i16>,
    latest_start: Option<i64>,
    previous_end: Option<i64>,
    first_seen_at: i64,
    last_seen_at: i64,
    last_entry_at: i64,
    occurrences: i64,
    senders: i64,
    known_at: Option<i64>,
    known_by: Option<String>,
    memo: String,
    #[sea_orm(nested)]
    content: ContentRow,
}

impl IncidentRow {
    fn read(self) -> Result<ArchivedIncident, StorageError> {
        Ok(ArchivedIncident {
            id: self.id,
            episode: self.episode,
            state: IncidentState::read(self.state, "incidents", "state", self.id)?,
            starts_at: query::time(self.starts_at),
            ends_at: self.ends_at.map(query::time),
            reported_end: self.reported_end.map(query::time),
            closed_at: self.closed_at.map(query::time),
            end_reason: enums::read(self.end_reason, "incidents", "end_reason", self.id)?,
            latest_start: self.latest_start.map(query::time),
            previous_end: self.previous_end.map(query::time),
            first_seen_at: query::time(self.first_seen_at),
            last_seen_at: query::time(self.last_seen_at),
            last_entry_at: query::time(self.last_entry_at),
            occurrences: self.occurrences,
            senders: self.senders,
            known_at: self.known_at.map(query::time),
            known_by: self.known_by,
            memo: self.memo,
            said: Some(self.content.read(self.series_id)?),
            events: Vec::new(),
        })
    }
}

#[derive(FromQueryResult)]
struct EventRow {
    id: i64,
    incident_id: i64,
    kind: i16,
    at: i64,
    delivery_id: Option<i64>,
    entry_id: Option<i64>,
    person: Option<String>,
    memo: Option<String>,
}
