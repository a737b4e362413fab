//! Where an archived incident belongs among those of its series.

use std::collections::{HashMap, HashSet};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;

use super::record::ArchivedIncident;
use crate::enums::{Coded, EndReason, IncidentState};
use crate::{StorageError, Tx, query};

/// What is stored of an incident, as far as its place depends on it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: i64,
    episode: i64,
    state: IncidentState,
    first_seen_at: Timestamp,
    previous_end: Option<Timestamp>,
    last_seen_at: Timestamp,
}

impl Stored {
    /// An incident is known by when it was first heard of, which never changes;
    /// two of one delivery by the end of the one before.
    fn key(&self) -> (Timestamp, Option<Timestamp>) {
        (self.first_seen_at, self.previous_end)
    }
}

/// The incidents of the series of a batch, in the order of their episodes.
#[derive(Debug, Default)]
pub(super) struct StoredIncidents {
    of: HashMap<i64, Vec<Stored>>,
}

/// What became of an archived incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is stored now.
    New(i64),
    /// It was there, and is now as this line has it.
    Newer(i64),
    /// It was there.
    Known(i64),
}

impl Placed {
    pub(super) fn id(self) -> i64 {
        match self {
            Self::New(id) | Self::Newer(id) | Self::Known(id) => id,
        }
    }
}

impl StoredIncidents {
    /// Reads the incidents of series that are locked.
    pub(super) async fn load(tx: &Tx, series: &[i64]) -> Result<Self, StorageError> {
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
        let rows: Vec<Row> = query::all(tx, &sql, vec![query::ids(series)]).await?;
        let mut of: HashMap<i64, Vec<Stored>> = HashMap::new();
        for row in rows {
            let stored = Stored {
                id: row.id,
                episode: row.episode,
                state: IncidentState::read(row.state, "incidents", "state", row.id)?,
                first_seen_at: query::time(row.first_seen_at),
                previous_end: row.previous_end.map(query::time),
                last_seen_at: query::time(row.last_seen_at),
            };
            of.entry(row.series_id).or_default().push(stored);
        }
        Ok(Self { of })
    }

    /// Stores an archived incident, told with `telling`, unless it is there; of
    /// one that this import has stored (`ours`) a later line has the later
    /// state. `own_id` is the number to store it under, if that may be chosen.
    pub(super) async fn place(
        &mut self,
        tx: &Tx,
        series: i64,
        incident: &ArchivedIncident,
        telling: Option<i64>,
        own_id: Option<i64>,
        ours: &HashSet<i64>,
    ) -> Result<Placed, StorageError> {
        let list = self.of.entry(series).or_default();
        let key = (incident.first_seen_at, incident.previous_end);
        if let Some(at) = list.iter().position(|stored| stored.key() == key) {
            let id = list[at].id;
            let newer = incident.last_seen_at > list[at].last_seen_at
                || (incident.last_seen_at == list[at].last_seen_at && ours.contains(&id));
            if !newer {
                return Ok(Placed::Known(id));
            }
            let is_last = at + 1 == list.len();
            let ending = settle(incident, is_last);
            update(tx, id, incident, ending, telling).await?;
            list[at].state = ending.state;
            list[at].last_seen_at = incident.last_seen_at;
            return Ok(Placed::Newer(id));
        }
        let at = list.partition_point(|stored| stored.key() < key);
        // Two cannot be open. Where the next one began, this one had ended;
        // what this database heard itself is not touched.
        let mut is_last = at == list.len();
        if let Some(before) = at.checked_sub(1).map(|at| &mut list[at])
            && before.state == IncidentState::Open
        {
            if is_last && ours.contains(&before.id) {
                end(tx, before.id).await?;
                before.state = IncidentState::Expired;
            } else {
                is_last = false;
            }
        }
        let ending = settle(incident, is_last);
        let episode = room(tx, list, at, incident.episode).await?;
        let previous = at.checked_sub(1).map(|at| list[at].id);
        let new = New {
            series,
            episode,
            previous,
            telling,
            ending,
        };
        let id = insert(tx, incident, &new, own_id).await?;
        if let Some(next) = list.get(at) {
            let sql = "UPDATE incidents SET previous_id = ? WHERE id = ?";
            tx.execute(sql, vec![id.into(), next.id.into()]).await?;
        }
        let stored = Stored {
            id,
            episode,
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

/// An open incident that is not the last one has expired.
fn settle(incident: &ArchivedIncident, is_last: bool) -> Ending {
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

/// A free episode number for place `at`: the archived one if it fits between
/// its neighbours. Else the earlier ones move down by one.
async fn room(tx: &Tx, list: &mut [Stored], at: usize, archived: i64) -> Result<i64, StorageError> {
    let before = at.checked_sub(1).map(|at| list[at].episode);
    let after = list.get(at).map(|stored| stored.episode);
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
    // The lowest first: each number is free when the next one takes it.
    for stored in &mut list[..at] {
        stored.episode -= 1;
        let sql = "UPDATE incidents SET episode = ? WHERE id = ?";
        tx.execute(sql, vec![stored.episode.into(), stored.id.into()])
            .await?;
    }
    Ok(freed)
}

struct New {
    series: i64,
    episode: i64,
    previous: Option<i64>,
    telling: Option<i64>,
    ending: Ending,
}

async fn insert(
    tx: &Tx,
    incident: &ArchivedIncident,
    new: &New,
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
        new.series.into(),
        new.episode.into(),
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
        new.telling.into(),
        // Unknown: the next news of it is compared word by word.
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
    telling: Option<i64>,
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
        telling.into(),
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

/// Ends an incident that a later one shows to be over.
async fn end(tx: &Tx, id: i64) -> Result<(), StorageError> {
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
