//! Acknowledging incidents: what people do to them.

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

/// Incidents that are changed by one statement.
const CHUNK: usize = 1_000;

/// What a person says of incidents.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgement<'a> {
    /// Seen (true), or taken back (false); `None` leaves it.
    pub known: Option<bool>,
    /// The new memo; `None` leaves it.
    pub memo: Option<&'a str>,
    /// Who says it.
    pub by: Option<&'a str>,
    /// When.
    pub now: Timestamp,
    /// What that person may see: other incidents stay as they are.
    pub visible: &'a Visibility,
}

/// Changes those of the incidents that are not so already, each with its event
/// and its row in the change feed, and returns their numbers in ascending
/// order. Numbers without an incident are passed over, and so are those of
/// incidents that whoever says it may not see.
///
/// Taking an acknowledgement back leaves the memo. A memo alone becomes an
/// event only where the incident is acknowledged: then it belongs to that.
///
/// # Errors
/// Whatever the database answers.
pub async fn acknowledge(
    tx: &Tx,
    ids: &[i64],
    said: &Acknowledgement<'_>,
) -> Result<Vec<i64>, StorageError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    lock(tx, &ids).await?;
    let mut changed = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        // Behind the lock: no delivery moves them out of sight meanwhile.
        let chunk = incidents::visible(tx, chunk, said.visible).await?;
        changed.extend(change(tx, &chunk, said).await?);
    }
    Ok(changed)
}

/// The series of incidents, each once.
///
/// # Errors
/// Whatever the database answers.
pub async fn alerts_of_incidents(tx: &Tx, ids: &[i64]) -> Result<Vec<i64>, StorageError> {
    let list = query::id_list(tx.backend);
    let sql = format!("SELECT DISTINCT series_id AS n FROM incidents WHERE id IN ({list})");
    query::numbers(tx, &sql, vec![query::ids(ids)]).await
}

/// Locks the incidents' series in the order that all writers keep (rule 9), so
/// that no delivery changes the incidents meanwhile and none waits for ever.
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

/// What people have said of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalState {
    /// The name of the alert.
    pub alertname: String,
    /// When somebody acknowledged it.
    pub known_at: Option<Timestamp>,
    /// Who that was.
    pub known_by: Option<String>,
    /// What people wrote of it.
    pub memo: String,
}

/// What people have said of an incident, which stays so until the transaction
/// ends. `None`: there is no such incident.
///
/// # Errors
/// Whatever the database answers.
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

async fn change(
    tx: &Tx,
    ids: &[i64],
    said: &Acknowledgement<'_>,
) -> Result<Vec<i64>, StorageError> {
    let memo = said.memo.map(query::without_nul);
    let list = query::id_list(tx.backend);
    let sql = format!("SELECT id, known_at, memo FROM incidents WHERE id IN ({list}) ORDER BY id");
    let before: Vec<Before> = query::all(tx, &sql, vec![query::ids(ids)]).await?;
    let mut known = Vec::new();
    let mut written = Vec::new();
    let mut changed = Vec::new();
    let mut told: HashMap<EventKind, Vec<i64>> = HashMap::new();
    let mut feed: HashMap<EventKind, Vec<i64>> = HashMap::new();
    for incident in before {
        let was = incident.known_at.is_some();
        let is = said.known.unwrap_or(was);
        let rewritten = memo.as_ref().is_some_and(|memo| *memo != incident.memo);
        if is == was && !rewritten {
            continue;
        }
        changed.push(incident.id);
        if is != was {
            known.push(incident.id);
        }
        if rewritten {
            written.push(incident.id);
        }
        let kind = if is {
            EventKind::Acknowledged
        } else {
            EventKind::Unacknowledged
        };
        if is || was {
            told.entry(kind).or_default().push(incident.id);
        }
        feed.entry(kind).or_default().push(incident.id);
    }
    if let Some(is) = said.known {
        set_acknowledged(tx, &known, is, said).await?;
    }
    if let Some(memo) = &memo {
        let set = "memo = ?";
        update(tx, &written, set, vec![memo.as_str().into()]).await?;
    }
    for kind in [EventKind::Acknowledged, EventKind::Unacknowledged] {
        if let Some(ids) = told.get(&kind) {
            let event = Event {
                kind,
                at: said.now,
                by: said.by,
                memo: said.memo,
            };
            events::record(tx, ids, event).await?;
        }
        if let Some(ids) = feed.get(&kind) {
            changes::insert_many(tx, ids, &Change::Incident { event: kind }, said.now).await?;
        }
    }
    Ok(changed)
}

async fn set_acknowledged(
    tx: &Tx,
    ids: &[i64],
    known: bool,
    said: &Acknowledgement<'_>,
) -> Result<(), StorageError> {
    let at = known.then_some(said.now.as_micros());
    let by = said.by.filter(|_| known).map(query::without_nul);
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
