//! The alerts that a batch speaks of: their identity (source, fingerprint),
//! their latest episode, and what each sender last said.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::judge::{Episode, Memory, State};
use tocsin_core::time::Timestamp;

use super::bulk::{self, Content};
use crate::codes::Coded;
use crate::{Backend, StorageError, Tx};

/// An alert's identity: its source, and its fingerprint as 16 hex digits.
pub type SeriesKey = (String, String);

/// A series and a sender, by their ids.
pub type MemoryKey = (i64, i64);

/// Where an alert stands.
#[derive(Clone, Debug)]
pub struct SeriesState {
    /// Its latest episode.
    pub episode: Episode,
    /// Whether a person acknowledged that.
    pub acknowledged: bool,
    /// The label set that it was last told with.
    pub label_set_id: i64,
    /// The annotations that it was last told with.
    pub annotation_set_id: i64,
}

#[derive(FromQueryResult)]
struct SeriesRow {
    id: i64,
    fingerprint: String,
}

/// Stores the series that are not stored yet, and answers the ids of all.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_series(
    tx: &Tx,
    wanted: Vec<SeriesKey>,
) -> Result<HashMap<SeriesKey, i64>, StorageError> {
    let mut by_source: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (source, fingerprint) in wanted {
        by_source.entry(source).or_default().push(fingerprint);
    }
    let mut ids = HashMap::new();
    for (source, fingerprints) in by_source {
        let found = bulk::find_or_store(
            &SeriesOf {
                tx,
                source: &source,
            },
            fingerprints,
        )
        .await?;
        ids.extend(found.into_iter().map(|(f, id)| ((source.clone(), f), id)));
    }
    Ok(ids)
}

/// The series of one source.
struct SeriesOf<'a> {
    tx: &'a Tx,
    source: &'a str,
}

impl Content for SeriesOf<'_> {
    type Key = String;
    const TABLE: &'static str = "series";

    async fn find(&self, wanted: &[String]) -> Result<Vec<(String, i64)>, StorageError> {
        let keys: Vec<Value> = wanted.iter().map(|f| f.clone().into()).collect();
        let head = "SELECT id, fingerprint FROM series WHERE source = ? AND fingerprint IN ";
        let fixed = [self.source.into()];
        Ok(pairs(
            bulk::select_in(self.tx, head, &fixed, &keys, "").await?,
        ))
    }

    async fn store(&self, missing: &[String]) -> Result<Vec<(String, i64)>, StorageError> {
        let values = missing
            .iter()
            .flat_map(|f| [self.source.into(), f.clone().into()]);
        let head = "INSERT INTO series (source, fingerprint) VALUES ";
        let tail = "ON CONFLICT (source, fingerprint) DO NOTHING RETURNING id, fingerprint";
        Ok(pairs(
            bulk::insert_returning(self.tx, head, 2, tail, values.collect()).await?,
        ))
    }
}

fn pairs(rows: Vec<SeriesRow>) -> Vec<(String, i64)> {
    rows.into_iter()
        .map(|row| (row.fingerprint, row.id))
        .collect()
}

#[derive(FromQueryResult)]
struct LockedRow {
    last_incident_id: Option<i64>,
}

#[derive(FromQueryResult)]
struct EpisodeRow {
    id: i64,
    series_id: i64,
    state: i16,
    starts_at: i64,
    ends_at: Option<i64>,
    not_before: Option<i64>,
    first_seen_at: i64,
    last_seen_at: i64,
    last_entry_at: i64,
    occurrences: i64,
    senders: i64,
    previous_id: Option<i64>,
    label_set_id: i64,
    annotation_set_id: i64,
    known_at: Option<i64>,
}

/// Locks the series against other writers until the transaction ends, in the
/// order of their keys, and answers where each of them stands; one that never
/// had an episode is left out.
///
/// # Errors
/// Whatever the database answers.
pub async fn lock_series(
    tx: &Tx,
    series: &HashMap<SeriesKey, i64>,
) -> Result<HashMap<i64, SeriesState>, StorageError> {
    let mut sorted: Vec<(&SeriesKey, i64)> = series.iter().map(|(key, id)| (key, *id)).collect();
    sorted.sort_unstable();
    let keys: Vec<Value> = sorted.into_iter().map(|(_, id)| Value::from(id)).collect();
    let lock = match tx.backend {
        Backend::Sqlite => "",
        Backend::Postgres => "ORDER BY source COLLATE \"C\", fingerprint COLLATE \"C\" FOR UPDATE",
    };
    let head = "SELECT last_incident_id FROM series WHERE id IN ";
    let locked: Vec<LockedRow> = bulk::select_in(tx, head, &[], &keys, lock).await?;
    // A statement of its own: on PostgreSQL a join would read the incidents as
    // they were before this transaction had waited for the lock.
    let latest: Vec<Value> = locked
        .iter()
        .filter_map(|row| row.last_incident_id.map(Value::from))
        .collect();
    let head = "SELECT id, series_id, state, starts_at, ends_at, not_before, first_seen_at, \
                last_seen_at, last_entry_at, occurrences, senders, previous_id, label_set_id, \
                annotation_set_id, known_at FROM incidents WHERE id IN ";
    let rows: Vec<EpisodeRow> = bulk::select_in(tx, head, &[], &latest, "").await?;
    rows.into_iter()
        .map(|row| Ok((row.series_id, row.read()?)))
        .collect()
}

impl EpisodeRow {
    fn read(self) -> Result<SeriesState, StorageError> {
        let time = Timestamp::from_micros;
        Ok(SeriesState {
            acknowledged: self.known_at.is_some(),
            label_set_id: self.label_set_id,
            annotation_set_id: self.annotation_set_id,
            episode: Episode {
                id: self.id,
                state: State::read(self.state, "incidents", "state", self.id)?,
                starts_at: time(self.starts_at),
                ends_at: self.ends_at.map(time),
                not_before: self.not_before.map(time),
                first_seen_at: time(self.first_seen_at),
                last_seen_at: time(self.last_seen_at),
                last_entry_at: time(self.last_entry_at),
                occurrences: self.occurrences,
                senders: self.senders,
                previous: self.previous_id,
            },
        })
    }
}

/// Notes the latest incident of each series: pairs of their ids.
///
/// # Errors
/// Whatever the database answers.
pub async fn save_last_incidents(tx: &Tx, latest: &[(i64, i64)]) -> Result<(), StorageError> {
    let values = latest
        .iter()
        .flat_map(|(series, incident)| [(*series).into(), (*incident).into()]);
    bulk::insert(
        tx,
        "WITH latest (series, incident) AS (VALUES ",
        2,
        ") UPDATE series SET last_incident_id = latest.incident FROM latest \
         WHERE series.id = latest.series",
        values.collect(),
    )
    .await
}

#[derive(FromQueryResult)]
struct MemoryRow {
    series_id: i64,
    sender_id: i64,
    status: i16,
    starts_at: Option<i64>,
    ends_at: Option<i64>,
    said_at: i64,
    late: bool,
    incident_id: Option<i64>,
    closed_incident_id: Option<i64>,
}

/// What one sender last said of each series. The series must be locked.
///
/// # Errors
/// Whatever the database answers.
pub async fn load_memories(
    tx: &Tx,
    sender: i64,
    series: &[i64],
) -> Result<HashMap<MemoryKey, Memory>, StorageError> {
    let keys: Vec<Value> = series.iter().map(|id| Value::from(*id)).collect();
    let head = "SELECT series_id, sender_id, status, starts_at, ends_at, said_at, late, \
                incident_id, closed_incident_id FROM sender_states \
                WHERE sender_id = ? AND series_id IN ";
    let rows: Vec<MemoryRow> = bulk::select_in(tx, head, &[sender.into()], &keys, "").await?;
    let time = Timestamp::from_micros;
    rows.into_iter()
        .map(|row| {
            let memory = Memory {
                status: Coded::read(row.status, "sender_states", "status", row.series_id)?,
                starts_at: row.starts_at.map(time),
                ends_at: row.ends_at.map(time),
                said_at: time(row.said_at),
                late: row.late,
                episode: row.incident_id,
                closed: row.closed_incident_id,
            };
            Ok(((row.series_id, row.sender_id), memory))
        })
        .collect()
}

/// Remembers what the senders said.
///
/// # Errors
/// Whatever the database answers.
pub async fn save_memories(tx: &Tx, memories: &[(MemoryKey, Memory)]) -> Result<(), StorageError> {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::as_micros);
    let mut values = Vec::with_capacity(memories.len() * 9);
    for ((series, sender), memory) in memories {
        values.extend([
            (*series).into(),
            (*sender).into(),
            memory.status.code().into(),
            micros(memory.starts_at).into(),
            micros(memory.ends_at).into(),
            memory.said_at.as_micros().into(),
            memory.late.into(),
            memory.episode.into(),
            memory.closed.into(),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO sender_states (series_id, sender_id, status, starts_at, ends_at, said_at, \
         late, incident_id, closed_incident_id) VALUES ",
        9,
        "ON CONFLICT (series_id, sender_id) DO UPDATE SET status = excluded.status, \
         starts_at = excluded.starts_at, ends_at = excluded.ends_at, said_at = excluded.said_at, \
         late = excluded.late, incident_id = excluded.incident_id, \
         closed_incident_id = excluded.closed_incident_id",
        values,
    )
    .await
}
