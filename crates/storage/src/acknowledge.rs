//! Acknowledging incidents and writing notes.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use crate::changes::{self, Change};
use crate::enums::EventKind;
use crate::events::{self, Event};
use crate::incidents;
use crate::query;
use crate::{Backend, StorageError, Tx};

/// Number of incidents changed by one statement.
const CHUNK: usize = 1_000;

/// A change of acknowledgement and note.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgement<'a> {
    /// Acknowledge (`true`) or unacknowledge (`false`); `None` leaves it unchanged.
    pub known: Option<bool>,
    /// New note; `None` leaves it unchanged.
    pub memo: Option<&'a str>,
    /// Name of the person.
    pub by: Option<&'a str>,
    /// Time of the change.
    pub now: Timestamp,
    /// Visibility of the person: other incidents are not changed.
    pub visible: &'a Visibility,
}

/// Applies a change to those of the incidents that differ from it, each with an event and a
/// row in the change feed, and returns their IDs in ascending order. Unknown IDs and
/// incidents that the person may not see are ignored.
///
/// Removing an acknowledgement keeps the note. A note without a change of acknowledgement
/// is an event only if the incident is acknowledged.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn acknowledge(
    tx: &Tx,
    ids: &[i64],
    ack: &Acknowledgement<'_>,
) -> Result<Vec<i64>, StorageError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    lock(tx, &ids).await?;
    let mut changed = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        // Under the lock, so that no delivery changes their visibility in the meantime.
        let chunk = incidents::visible(tx, chunk, ack.visible).await?;
        changed.extend(change(tx, &chunk, ack).await?);
    }
    Ok(changed)
}

/// Returns the alert IDs of incidents, each once.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn alerts_of_incidents(tx: &Tx, ids: &[i64]) -> Result<Vec<i64>, StorageError> {
    let list = query::id_list(tx.backend);
    let sql = format!("SELECT DISTINCT series_id AS n FROM incidents WHERE id IN ({list})");
    query::numbers(tx, &sql, vec![query::ids(ids)]).await
}

/// Locks the alerts of the incidents in the order that all writers use, so that no delivery
/// changes the incidents in the meantime and no deadlock occurs.
pub(crate) async fn lock(tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
    if tx.backend == Backend::Sqlite || ids.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM series s WHERE s.id IN \
         (SELECT i.series_id FROM incidents i WHERE i.id IN ({})) \
         ORDER BY s.source{bytewise}, s.fingerprint FOR NO KEY UPDATE) locked",
        query::id_list(tx.backend),
        bytewise = query::bytewise(tx.backend),
    );
    query::numbers(tx, &sql, vec![query::ids(ids)]).await?;
    Ok(())
}

/// Acknowledgement and note of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalState {
    /// Name of the alert.
    pub alertname: String,
    /// Time of the acknowledgement.
    pub known_at: Option<Timestamp>,
    /// Name of the person who acknowledged it.
    pub known_by: Option<String>,
    /// Latest note.
    pub memo: String,
}

/// Returns the acknowledgement and note of an incident, locked until the transaction ends;
/// `None` if the incident does not exist.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn personal_state(tx: &Tx, id: i64) -> Result<Option<PersonalState>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        alertname: String,
        known_at: Option<i64>,
        known_by: Option<String>,
        memo: String,
    }
    lock(tx, &[id]).await?;
    let sql = "SELECT s.alertname, i.known_at, i.known_by, i.memo FROM incidents i \
               JOIN series s ON s.id = i.series_id WHERE i.id = ?";
    let row: Option<Row> = query::first(tx, sql, vec![id.into()]).await?;
    Ok(row.map(|row| PersonalState {
        alertname: row.alertname,
        known_at: row.known_at.map(query::time),
        known_by: row.known_by,
        memo: row.memo,
    }))
}

#[derive(FromQueryResult)]
struct Before {
    id: i64,
    known_at: Option<i64>,
    memo: String,
}

async fn change(tx: &Tx, ids: &[i64], ack: &Acknowledgement<'_>) -> Result<Vec<i64>, StorageError> {
    let note = ack.memo.map(query::without_nul);
    let list = query::id_list(tx.backend);
    let sql = format!("SELECT id, known_at, memo FROM incidents WHERE id IN ({list}) ORDER BY id");
    let before: Vec<Before> = query::all(tx, &sql, vec![query::ids(ids)]).await?;
    let mut acknowledged = Vec::new();
    let mut noted = Vec::new();
    let mut changed = Vec::new();
    let mut events: HashMap<EventKind, Vec<i64>> = HashMap::new();
    let mut feed: HashMap<EventKind, Vec<i64>> = HashMap::new();
    for incident in before {
        let was = incident.known_at.is_some();
        let is = ack.known.unwrap_or(was);
        let note_changed = note.as_ref().is_some_and(|note| *note != incident.memo);
        if is == was && !note_changed {
            continue;
        }
        changed.push(incident.id);
        if is != was {
            acknowledged.push(incident.id);
        }
        if note_changed {
            noted.push(incident.id);
        }
        let kind = if is {
            EventKind::Acknowledged
        } else {
            EventKind::Unacknowledged
        };
        if is || was {
            events.entry(kind).or_default().push(incident.id);
        }
        feed.entry(kind).or_default().push(incident.id);
    }
    if let Some(is) = ack.known {
        set_acknowledged(tx, &acknowledged, is, ack).await?;
    }
    if let Some(note) = &note {
        let set = "memo = ?";
        update(tx, &noted, set, vec![note.as_str().into()]).await?;
    }
    for kind in [EventKind::Acknowledged, EventKind::Unacknowledged] {
        if let Some(ids) = events.get(&kind) {
            let event = Event {
                kind,
                at: ack.now,
                by: ack.by,
                note: ack.memo,
            };
            events::record(tx, ids, event).await?;
        }
        if let Some(ids) = feed.get(&kind) {
            changes::insert_many(tx, ids, &Change::Incident { event: kind }, ack.now).await?;
        }
    }
    Ok(changed)
}

async fn set_acknowledged(
    tx: &Tx,
    ids: &[i64],
    acknowledged: bool,
    ack: &Acknowledgement<'_>,
) -> Result<(), StorageError> {
    let at = acknowledged.then_some(ack.now.as_micros());
    let by = ack.by.filter(|_| acknowledged).map(query::without_nul);
    update(
        tx,
        ids,
        "known_at = ?, known_by = ?",
        vec![at.into(), by.into()],
    )
    .await
}

async fn update(
    tx: &Tx,
    ids: &[i64],
    set: &str,
    mut values: Vec<Value>,
) -> Result<(), StorageError> {
    if ids.is_empty() {
        return Ok(());
    }
    let list = query::id_list(tx.backend);
    values.push(query::ids(ids));
    let sql = format!("UPDATE incidents SET {set} WHERE id IN ({list})");
    match tx.execute(&sql, values).await? {
        rows if rows == ids.len() as u64 => Ok(()),
        _ => Err(StorageError::Stale("incident")),
    }
}
