//! The alerts that a batch speaks of: their identity (source, fingerprint),
//! what they were told with, and their latest episode with what each sender
//! last said.

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

/// What an alert was told with: texts as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewAlertContent {
    /// Says whether two contents are the same.
    pub digest: Digest,
    /// All labels, as JSON in the order of their names.
    pub labels: String,
    /// All annotations, likewise.
    pub annotations: String,
    /// The sender's link.
    pub generator_url: String,
    /// The message taken out of the annotations.
    pub message: String,
    /// What the alert is, as people filter it.
    pub fields: FilterFields,
}

/// What an alert is counted and filtered by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterFields {
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// The team label, or empty.
    pub team: String,
}

/// An alert that was never told before.
#[derive(Clone, Debug)]
pub struct NewAlert {
    /// Its number.
    pub id: i64,
    /// Its source.
    pub source: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What it is first told with.
    pub content: NewAlertContent,
}

/// A stored series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlert {
    /// Its number.
    pub id: i64,
    /// Its source.
    pub source: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What it was first told with; `None` where that was never reckoned.
    pub content: Option<Digest>,
}

/// Where an alert stands: its latest episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestIncident {
    /// The part that judging moves.
    pub incident: Incident,
    /// Which episode of its series it is, from 1.
    pub sequence: i64,
    /// What it was last told with; `None`: what its series was first told with.
    pub content_id: Option<i64>,
    /// The digest of that; `None` where it was never reckoned.
    pub content: Option<Digest>,
    /// What each sender last said.
    pub sender_states: Vec<(i64, SenderState)>,
    /// Whether a person acknowledged it.
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

/// The stored series with one of these fingerprints, of whichever source.
///
/// # Errors
/// Whatever the database answers.
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

const SERIES: Columns = &[
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

/// Stores series in the order given, which must be that of (source,
/// fingerprint), and answers the numbers of those that were stored: on PostgreSQL
/// another writer may have stored the same ones meanwhile. Whoever stored one
/// has it to itself until the transaction ends.
///
/// # Errors
/// Whatever the database answers.
pub async fn insert_alerts(tx: &Tx, series: Vec<NewAlert>) -> Result<Vec<i64>, StorageError> {
    let mut rows = Rows::new(SERIES, series.len());
    let mut ids = Vec::with_capacity(series.len());
    for one in series {
        ids.push(one.id);
        let NewAlertContent {
            digest,
            labels,
            annotations,
            generator_url,
            message,
            fields: facts,
        } = one.content;
        rows.push([
            one.id.into(),
            one.source.into(),
            bytes(one.fingerprint),
            digest.0.to_vec().into(),
            labels.into(),
            annotations.into(),
            generator_url.into(),
            message.into(),
            facts.alertname.into(),
            facts.instance.into(),
            facts.severity.into(),
            facts.team.into(),
        ]);
    }
    match tx.backend {
        Backend::Sqlite => {
            bulk::insert(tx, "series", "", rows).await?;
            Ok(ids)
        }
        Backend::Postgres => {
            let tail = "ON CONFLICT (fingerprint, source) DO NOTHING RETURNING id AS n";
            let stored: Vec<Number> = bulk::insert_returning(tx, "series", tail, rows).await?;
            Ok(stored.into_iter().map(|row| row.n).collect())
        }
    }
}

#[derive(FromQueryResult)]
struct Number {
    n: i64,
}

/// Locks series against other writers until the transaction ends, in the order
/// of their keys, and answers which of them still exist. On SQLite, where the
/// transaction has everything to itself, there is nothing to lock.
///
/// # Errors
/// Whatever the database answers.
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

/// Where the series stand, by their numbers; one that has no episode is left
/// out. They must be locked, by a statement of its own: on PostgreSQL the same
/// one would read the incidents as they were before it waited for the lock.
///
/// # Errors
/// Whatever the database answers.
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
        let told = sender_states::read(&self.told).ok_or(StorageError::Corrupt {
            table: "incidents",
            column: "told",
            id: self.id,
        })?;
        Ok(LatestIncident {
            sequence: self.episode,
            content_id: self.telling_id,
            content: digest(&self.content),
            sender_states: told,
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

/// A fingerprint as it is stored.
fn bytes(fingerprint: Fingerprint) -> Value {
    fingerprint.0.to_be_bytes().to_vec().into()
}

fn digest(stored: &[u8]) -> Option<Digest> {
    stored.try_into().ok().map(Digest)
}
