//! Incident events without a delivery: changes by a person, and expiries.

use tocsin_core::time::Timestamp;

use crate::enums::{Coded, EventKind};
use crate::query;
use crate::{StorageError, Tx};

/// An event of incidents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub kind: EventKind,
    pub at: Timestamp,
    /// Name of the person who caused it.
    pub by: Option<&'a str>,
    /// Note of that person.
    pub note: Option<&'a str>,
}

/// Appends the event to the history of each incident.
///
/// # Errors
/// [`StorageError`] from the database.
pub(crate) async fn record(tx: &Tx, ids: &[i64], event: Event<'_>) -> Result<(), StorageError> {
    let sql = format!(
        "INSERT INTO incident_events (incident_id, kind, at, person, memo) \
         SELECT o.value, CAST(? AS SMALLINT), CAST(? AS BIGINT), CAST(? AS TEXT), \
         CAST(? AS TEXT) FROM ({}) o",
        query::id_list(tx.backend)
    );
    let values = vec![
        event.kind.code().into(),
        event.at.as_micros().into(),
        event.by.map(query::without_nul).into(),
        event.note.map(query::without_nul).into(),
        query::ids(ids),
    ];
    tx.execute(&sql, values).await?;
    Ok(())
}
