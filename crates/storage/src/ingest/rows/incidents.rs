//! Incidents, as a batch leaves them.

use sea_orm::Value;
use tocsin_core::judge::Episode;

use super::micros;
use crate::codes::Coded;
use crate::ingest::bulk;
use crate::{StorageError, Tx};

/// An incident as a batch leaves it.
#[derive(Clone, Debug)]
pub struct IncidentRow {
    /// What judging moves.
    pub episode: Episode,
    /// Whose episode it is.
    pub series_id: i64,
    /// The label set that it was last told with.
    pub label_set_id: i64,
    /// The annotations that it was last told with.
    pub annotation_set_id: i64,
}

/// Stores changed incidents, then new ones, so that an episode has ended
/// before the next one of its series opens.
///
/// # Errors
/// [`StorageError::Conflict`] where a series would have two open incidents.
pub async fn put_incidents(
    tx: &Tx,
    changed: &[IncidentRow],
    new: &[IncidentRow],
) -> Result<(), StorageError> {
    bulk::insert(
        tx,
        "WITH now_is (id, series_id, state, starts_at, ends_at, not_before, first_seen_at, \
         last_seen_at, last_entry_at, occurrences, senders, previous_id, label_set_id, \
         annotation_set_id) AS (VALUES ",
        INCIDENT_COLUMNS,
        ") UPDATE incidents SET state = now_is.state, starts_at = now_is.starts_at, \
         ends_at = now_is.ends_at, last_seen_at = now_is.last_seen_at, \
         last_entry_at = now_is.last_entry_at, occurrences = now_is.occurrences, \
         senders = now_is.senders, label_set_id = now_is.label_set_id, \
         annotation_set_id = now_is.annotation_set_id \
         FROM now_is WHERE incidents.id = now_is.id",
        incident_values(changed),
    )
    .await?;
    bulk::insert(
        tx,
        "INSERT INTO incidents (id, series_id, state, starts_at, ends_at, not_before, \
         first_seen_at, last_seen_at, last_entry_at, occurrences, senders, previous_id, \
         label_set_id, annotation_set_id) VALUES ",
        INCIDENT_COLUMNS,
        "",
        incident_values(new),
    )
    .await
}

const INCIDENT_COLUMNS: usize = 14;

fn incident_values(rows: &[IncidentRow]) -> Vec<Value> {
    let mut values = Vec::with_capacity(rows.len() * INCIDENT_COLUMNS);
    for row in rows {
        let episode = &row.episode;
        values.extend([
            episode.id.into(),
            row.series_id.into(),
            episode.state.code().into(),
            episode.starts_at.as_micros().into(),
            micros(episode.ends_at),
            micros(episode.not_before),
            episode.first_seen_at.as_micros().into(),
            episode.last_seen_at.as_micros().into(),
            episode.last_entry_at.as_micros().into(),
            episode.occurrences.into(),
            episode.senders.into(),
            episode.previous.into(),
            row.label_set_id.into(),
            row.annotation_set_id.into(),
        ]);
    }
    values
}
