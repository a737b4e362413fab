//! Position of an archived incident among the incidents of its alert.

use std::collections::{HashMap, HashSet};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;

use super::record::ArchivedIncident;
use crate::enums::{Coded, EndReason, IncidentState};
use crate::{StorageError, Tx, query};

/// A stored incident: the fields that decide its position.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: i64,
    sequence: i64,
    state: IncidentState,
    first_seen_at: Timestamp,
    previous_end: Option<Timestamp>,
    last_seen_at: Timestamp,
}

impl Stored {
    /// An incident is identified by the time it was first seen, which never changes; two of
    /// one delivery are distinguished by the end of the previous incident.
    fn key(&self) -> (Timestamp, Option<Timestamp>) {
        (self.first_seen_at, self.previous_end)
    }
}

/// Incidents of the alerts of a batch, in sequence order.
#[derive(Debug, Default)]
pub(super) struct StoredIncidents {
    by_alert: HashMap<i64, Vec<Stored>>,
}

/// Result of restoring an archived incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It was missing and is stored now.
    New(i64),
    /// It was stored and has been updated from this line.
    Updated(i64),
    /// It was stored and is unchanged.
    Unchanged(i64),
}

impl Placed {
    pub(super) fn id(self) -> i64 {
        match self {
            Self::New(id) | Self::Updated(id) | Self::Unchanged(id) => id,
        }
    }
}

impl StoredIncidents {
    /// Loads the incidents of alerts that are locked.
    pub(super) async fn load(tx: &Tx, alert_ids: &[i64]) -> Result<Self, StorageError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: i64,
            series_id: i64,
            episode: i64,
            state: i16,
            first_seen_at: i64,
            previous_end: Option<i64>,
            last_seen_at: i64,
        }
        let sql = format!(
            "SELECT id, series_id, episode, state, first_seen_at, previous_end, last_seen_at \
             FROM incidents WHERE series_id IN ({}) ORDER BY series_id, episode",
            query::id_list(tx.backend)
        );
        let rows: Vec<Row> = query::all(tx, &sql, vec![query::ids(alert_ids)]).await?;
        let mut by_alert: HashMap<i64, Vec<Stored>> = HashMap::new();
        for row in rows {
            let stored = Stored {
                id: row.id,
                sequence: row.episode,
                state: IncidentState::read(row.state, "incidents", "state", row.id)?,
                first_seen_at: query::time(row.first_seen_at),
                previous_end: row.previous_end.map(query::time),
                last_seen_at: query::time(row.last_seen_at),
            };
            by_alert.entry(row.series_id).or_default().push(stored);
        }
        Ok(Self { by_alert })
    }

    /// Stores an archived incident unless it is stored already. An incident stored by this
    /// import (`imported`) is updated by a later line. `own_id` is its original ID, if that
    /// is free.
    pub(super) async fn place(
        &mut self,
        tx: &Tx,
        alert_id: i64,
        incident: &ArchivedIncident,
        content_id: Option<i64>,
        own_id: Option<i64>,
        imported: &HashSet<i64>,
    ) -> Result<Placed, StorageError> {
        let list = self.by_alert.entry(alert_id).or_default();
        let key = (incident.first_seen_at, incident.previous_end);
        if let Some(at) = list.iter().position(|stored| stored.key() == key) {
            let id = list[at].id;
            let newer = incident.last_seen_at > list[at].last_seen_at
                || (incident.last_seen_at == list[at].last_seen_at && imported.contains(&id));
            if !newer {
                return Ok(Placed::Unchanged(id));
            }
            let is_last = at + 1 == list.len();
            let ending = final_ending(incident, is_last);
            update(tx, id, incident, ending, content_id).await?;
            list[at].state = ending.state;
            list[at].last_seen_at = incident.last_seen_at;
            return Ok(Placed::Updated(id));
        }
        let at = list.partition_point(|stored| stored.key() < key);
        // Only one incident can be open. The earlier one had ended when the next one began;
        // incidents that this database received itself are not changed.
        let mut is_last = at == list.len();
        if let Some(before) = at.checked_sub(1).map(|at| &mut list[at])
            && before.state == IncidentState::Open
        {
            if is_last && imported.contains(&before.id) {
                expire(tx, before.id).await?;
                before.state = IncidentState::Expired;
            } else {
                is_last = false;
            }
        }
        let ending = final_ending(incident, is_last);
        let sequence = free_sequence(tx, list, at, incident.episode).await?;
        let previous = at.checked_sub(1).map(|at| list[at].id);
        let new = NewIncident {
            alert_id,
            sequence,
            previous,
            content_id,
            ending,
        };
        let id = insert(tx, incident, &new, own_id).await?;
        if let Some(next) = list.get(at) {
            let sql = "UPDATE incidents SET previous_id = ? WHERE id = ?";
            tx.execute(sql, vec![id.into(), next.id.into()]).await?;
        }
        let stored = Stored {
            id,
            sequence,
            state: ending.state,
            first_seen_at: incident.first_seen_at,
            previous_end: incident.previous_end,
            last_seen_at: incident.last_seen_at,
        };
        list.insert(at, stored);
        Ok(Placed::New(id))
    }
}

/// How an incident ended, if it did.
#[derive(Clone, Copy)]
struct Ending {
    state: IncidentState,
    ends_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    reason: Option<EndReason>,
}

/// An open incident that is not the latest has expired.
fn final_ending(incident: &ArchivedIncident, is_last: bool) -> Ending {
    if incident.state == IncidentState::Open && !is_last {
        return Ending {
            state: IncidentState::Expired,
            ends_at: Some(incident.last_seen_at.max(incident.starts_at)),
            closed_at: Some(incident.last_seen_at),
            reason: Some(EndReason::FiredAgain),
        };
    }
    Ending {
        state: incident.state,
        ends_at: incident.ends_at,
        closed_at: incident.closed_at,
        reason: incident.end_reason,
    }
}

/// Returns a free sequence number for position `at`: the archived one if it fits between
/// its neighbours. Otherwise the earlier incidents move down by one.
async fn free_sequence(
    tx: &Tx,
    list: &mut [Stored],
    at: usize,
    archived: i64,
) -> Result<i64, StorageError> {
    let before = at.checked_sub(1).map(|at| list[at].sequence);
    let after = list.get(at).map(|stored| stored.sequence);
    let fits = |number: i64| {
        before.is_none_or(|before| before < number) && after.is_none_or(|after| number < after)
    };
    let candidates = [
        Some(archived),
        after.map(|after| after - 1),
        before.map(|before| before + 1),
    ];
    if let Some(number) = candidates.into_iter().flatten().find(|n| fits(*n)) {
        return Ok(number);
    }
    let freed = before.unwrap_or(archived);
    // Lowest first: each number is free when the next incident takes it.
    for stored in &mut list[..at] {
        stored.sequence -= 1;
        let sql = "UPDATE incidents SET episode = ? WHERE id = ?";
        tx.execute(sql, vec![stored.sequence.into(), stored.id.into()])
            .await?;
    }
    Ok(freed)
}

struct NewIncident {
    alert_id: i64,
    sequence: i64,
    previous: Option<i64>,
    content_id: Option<i64>,
    ending: Ending,
}

async fn insert(
    tx: &Tx,
    incident: &ArchivedIncident,
    new: &NewIncident,
    own_id: Option<i64>,
) -> Result<i64, StorageError> {
    let (column, place) = match own_id {
        Some(_) => ("id, ", "?, "),
        None => ("", ""),
    };
    let sql = format!(
        "INSERT INTO incidents ({column}series_id, episode, state, starts_at, ends_at, \
         reported_end, closed_at, end_reason, latest_start, previous_end, first_seen_at, \
         last_seen_at, last_entry_at, occurrences, senders, previous_id, telling_id, content, \
         told, known_at, known_by, memo) VALUES \
         ({place}?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', ?, ?, ?) \
         RETURNING id AS n"
    );
    let micros = |time: Option<Timestamp>| Value::from(time.map(Timestamp::as_micros));
    let mut values: Vec<Value> = own_id.map(Value::from).into_iter().collect();
    values.extend([
        new.alert_id.into(),
        new.sequence.into(),
        new.ending.state.code().into(),
        incident.starts_at.as_micros().into(),
        micros(new.ending.ends_at),
        micros(incident.reported_end),
        micros(new.ending.closed_at),
        new.ending.reason.map(Coded::code).into(),
        micros(incident.latest_start),
        micros(incident.previous_end),
        incident.first_seen_at.as_micros().into(),
        incident.last_seen_at.as_micros().into(),
        incident.last_entry_at.as_micros().into(),
        incident.occurrences.into(),
        incident.senders.into(),
        new.previous.into(),
        new.content_id.into(),
        // No digest: the next update compares the full content.
        Vec::<u8>::new().into(),
        micros(incident.known_at),
        incident.known_by.as_deref().map(query::without_nul).into(),
        query::text(&incident.memo),
    ]);
    let ids = query::numbers(tx, &sql, values).await?;
    ids.first().copied().ok_or(StorageError::Stale("incident"))
}

async fn update(
    tx: &Tx,
    id: i64,
    incident: &ArchivedIncident,
    ending: Ending,
    content_id: Option<i64>,
) -> Result<(), StorageError> {
    let sql = "UPDATE incidents SET state = ?, starts_at = ?, ends_at = ?, reported_end = ?, \
               closed_at = ?, end_reason = ?, latest_start = ?, last_seen_at = ?, \
               last_entry_at = ?, occurrences = ?, senders = ?, telling_id = ?, content = ?, \
               known_at = ?, known_by = ?, memo = ? WHERE id = ?";
    let micros = |time: Option<Timestamp>| Value::from(time.map(Timestamp::as_micros));
    let values = vec![
        ending.state.code().into(),
        incident.starts_at.as_micros().into(),
        micros(ending.ends_at),
        micros(incident.reported_end),
        micros(ending.closed_at),
        ending.reason.map(Coded::code).into(),
        micros(incident.latest_start),
        incident.last_seen_at.as_micros().into(),
        incident.last_entry_at.as_micros().into(),
        incident.occurrences.into(),
        incident.senders.into(),
        content_id.into(),
        Vec::<u8>::new().into(),
        micros(incident.known_at),
        incident.known_by.as_deref().map(query::without_nul).into(),
        query::text(&incident.memo),
        id.into(),
    ];
    match tx.execute(sql, values).await? {
        1 => Ok(()),
        _ => Err(StorageError::Stale("incident")),
    }
}

/// Expires an incident that ended before the next one began.
async fn expire(tx: &Tx, id: i64) -> Result<(), StorageError> {
    let sql = "UPDATE incidents SET state = ?, end_reason = ?, closed_at = last_seen_at, \
               ends_at = CASE WHEN last_seen_at > starts_at THEN last_seen_at ELSE starts_at END \
               WHERE id = ?";
    let values = vec![
        IncidentState::Expired.code().into(),
        EndReason::FiredAgain.code().into(),
        id.into(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}
