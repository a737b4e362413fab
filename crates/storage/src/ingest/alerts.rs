//! Alerts of a batch: identity (source, fingerprint), content, and the latest incident with
//! the state of each sender.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_core::lifecycle::{Incident, IncidentState, SenderState};
use tocsin_core::time::Timestamp;

use super::bulk::{self, Columns, Rows, Type};
use super::sender_states;
use crate::enums::{self, Coded};
use crate::query;
use crate::{Backend, StorageError, Tx};

/// Alert content as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAlertContent {
    /// Digest of the content; equal digests mean equal contents.
    pub digest: Digest,
    /// All labels, as JSON sorted by name.
    pub labels: String,
    /// All annotations, as JSON sorted by name.
    pub annotations: String,
    /// Link to the alert in the sender (`generatorURL`).
    pub generator_url: String,
    /// Message taken from the annotations.
    pub message: String,
    /// Fields for filters and statistics.
    pub fields: FilterFields,
}

/// Fields that alerts are counted and filtered by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterFields {
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// Value of the team label, or empty.
    pub team: String,
}

/// An alert that is not stored yet.
#[derive(Clone, Debug)]
pub struct NewAlert {
    /// Database ID.
    pub id: i64,
    /// Source.
    pub source: String,
    /// Fingerprint.
    pub fingerprint: Fingerprint,
    /// First content.
    pub content: NewAlertContent,
}

/// A stored alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    /// Database ID.
    pub id: i64,
    /// Source.
    pub source: String,
    /// Fingerprint.
    pub fingerprint: Fingerprint,
    /// Digest of the first content; `None` if it was never computed.
    pub content: Option<Digest>,
}

/// The latest incident of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestIncident {
    /// The part that a transition changes.
    pub incident: Incident,
    /// Sequence number of the incident within its alert, from 1.
    pub sequence: i64,
    /// ID of the content version; `None` for the first content of the alert.
    pub content_id: Option<i64>,
    /// Digest of that content; `None` if it was never computed.
    pub content: Option<Digest>,
    /// State per sender ID.
    pub sender_states: Vec<(i64, SenderState)>,
    /// Whether the incident is acknowledged.
    pub acknowledged: bool,
}

impl LatestIncident {
    /// Whether it is open, stale or not.
    pub fn is_open(&self) -> bool {
        self.incident.is_open()
    }
}

#[derive(FromQueryResult)]
struct AlertRow {
    id: i64,
    source: String,
    fingerprint: Vec<u8>,
    content: Vec<u8>,
}

/// Finds the stored alerts with one of these fingerprints, of any source.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn find_alerts(
    tx: &Tx,
    fingerprints: &[Fingerprint],
) -> Result<Vec<StoredAlert>, StorageError> {
    let keys = fingerprints.iter().map(|key| bytes(*key)).collect();
    let head = "SELECT id, source, fingerprint, content FROM series WHERE fingerprint";
    let rows: Vec<AlertRow> = bulk::select_in(tx, head, Type::Bytes, keys, "").await?;
    rows.into_iter()
        .map(|row| {
            let corrupt = |_| StorageError::Corrupt {
                table: "series",
                column: "fingerprint",
                id: row.id,
            };
            let fingerprint = <[u8; 8]>::try_from(row.fingerprint.as_slice()).map_err(corrupt)?;
            Ok(StoredAlert {
                id: row.id,
                source: row.source,
                fingerprint: Fingerprint(u64::from_be_bytes(fingerprint)),
                content: digest(&row.content),
            })
        })
        .collect()
}

const ALERTS: Columns = &[
    ("id", Type::Big),
    ("source", Type::Text),
    ("fingerprint", Type::Bytes),
    ("content", Type::Bytes),
    ("labels", Type::Text),
    ("annotations", Type::Text),
    ("generator_url", Type::Text),
    ("message", Type::Text),
    ("alertname", Type::Text),
    ("instance", Type::Text),
    ("severity", Type::Text),
    ("team", Type::Text),
];

/// Stores alerts and returns the IDs of those that were stored. They must be sorted by
/// (source, fingerprint). On PostgreSQL another writer may have stored some of them first;
/// those are left out. A stored alert stays locked until the transaction ends.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_alerts(tx: &Tx, alerts: Vec<NewAlert>) -> Result<Vec<i64>, StorageError> {
    let mut rows = Rows::new(ALERTS, alerts.len());
    let mut ids = Vec::with_capacity(alerts.len());
    for alert in alerts {
        ids.push(alert.id);
        let NewAlertContent {
            digest,
            labels,
            annotations,
            generator_url,
            message,
            fields,
        } = alert.content;
        rows.push([
            alert.id.into(),
            alert.source.into(),
            bytes(alert.fingerprint),
            digest.0.to_vec().into(),
            labels.into(),
            annotations.into(),
            generator_url.into(),
            message.into(),
            fields.alertname.into(),
            fields.instance.into(),
            fields.severity.into(),
            fields.team.into(),
        ]);
    }
    match tx.backend {
        Backend::Sqlite => {
            bulk::insert(tx, "series", "", rows).await?;
            Ok(ids)
        }
        Backend::Postgres => {
            let tail = "ON CONFLICT (fingerprint, source) DO NOTHING RETURNING id AS n";
            let stored: Vec<IdRow> = bulk::insert_returning(tx, "series", tail, rows).await?;
            Ok(stored.into_iter().map(|row| row.n).collect())
        }
    }
}

#[derive(FromQueryResult)]
struct IdRow {
    n: i64,
}

/// Locks alerts against other writers until the transaction ends, in key order, and returns
/// the IDs that still exist. On SQLite the write transaction is exclusive, so nothing is
/// locked.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn lock_alerts(tx: &Tx, ids: &[i64]) -> Result<Vec<i64>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = match tx.backend {
        Backend::Sqlite => format!("SELECT id AS n FROM series WHERE id IN ({})", list(tx)),
        Backend::Postgres => format!(
            "SELECT id AS n FROM series WHERE id IN ({}) \
             ORDER BY source COLLATE \"C\", fingerprint FOR NO KEY UPDATE",
            list(tx)
        ),
    };
    query::numbers(tx, &sql, vec![query::ids(ids)]).await
}

fn list(tx: &Tx) -> &'static str {
    query::id_list(tx.backend)
}

#[derive(FromQueryResult)]
struct LatestRow {
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
    updated_at: Option<i64>,
    occurrences: i64,
    senders: i64,
    previous_id: Option<i64>,
    telling_id: Option<i64>,
    content: Vec<u8>,
    told: String,
    known_at: Option<i64>,
}

/// Loads the latest incident per alert ID; alerts without an incident are left out.
///
/// The alerts must be locked by a separate statement: on PostgreSQL a combined one would
/// read the incidents as they were before it waited for the lock.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn latest_incidents(
    tx: &Tx,
    ids: &[i64],
) -> Result<Vec<(i64, LatestIncident)>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT i.id, i.series_id, i.episode, i.state, i.starts_at, i.ends_at, i.reported_end, \
         i.closed_at, i.end_reason, i.latest_start, i.previous_end, i.first_seen_at, \
         i.last_seen_at, i.last_entry_at, i.updated_at, i.occurrences, i.senders, \
         i.previous_id, i.telling_id, i.content, i.told, i.known_at \
         FROM ({}) s JOIN incidents i ON i.series_id = s.value AND i.episode = \
         (SELECT MAX(o.episode) FROM incidents o WHERE o.series_id = s.value)",
        list(tx)
    );
    let rows: Vec<LatestRow> = query::all(tx, &sql, vec![query::ids(ids)]).await?;
    rows.into_iter()
        .map(|row| Ok((row.series_id, row.read()?)))
        .collect()
}

impl LatestRow {
    fn read(self) -> Result<LatestIncident, StorageError> {
        let time = Timestamp::from_micros;
        let sender_states = sender_states::read(&self.told).ok_or(StorageError::Corrupt {
            table: "incidents",
            column: "told",
            id: self.id,
        })?;
        Ok(LatestIncident {
            sequence: self.episode,
            content_id: self.telling_id,
            content: digest(&self.content),
            sender_states,
            acknowledged: self.known_at.is_some(),
            incident: Incident {
                id: self.id,
                state: IncidentState::read(self.state, "incidents", "state", self.id)?,
                starts_at: time(self.starts_at),
                ends_at: self.ends_at.map(time),
                reported_end: self.reported_end.map(time),
                closed_at: self.closed_at.map(time),
                end_reason: enums::read(self.end_reason, "incidents", "end_reason", self.id)?,
                latest_start: self.latest_start.map(time),
                previous_end: self.previous_end.map(time),
                first_seen_at: time(self.first_seen_at),
                last_seen_at: time(self.last_seen_at),
                last_entry_at: time(self.last_entry_at),
                updated_at: self.updated_at.map(time),
                times_received: self.occurrences,
                senders: self.senders,
                previous: self.previous_id,
            },
        })
    }
}

/// The stored form of a fingerprint.
fn bytes(fingerprint: Fingerprint) -> Value {
    fingerprint.0.to_be_bytes().to_vec().into()
}

fn digest(stored: &[u8]) -> Option<Digest> {
    stored.try_into().ok().map(Digest)
}
