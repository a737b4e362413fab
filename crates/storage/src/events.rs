//! Events of incidents that no delivery tells: what people do, and what expires.

use tocsin_core::time::Timestamp;

use crate::enums::{Coded, EventKind};
use crate::query;
use crate::{StorageError, Tx};

/// What happened to incidents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    pub kind: EventKind,
    pub at: Timestamp,
    /// The person who did it.
    pub by: Option<&'a str>,
    /// What that person wrote.
    pub memo: Option<&'a str>,
}

/// Writes the event into the history of each of the incidents.
///
/// # Errors
/// Whatever the database answers.
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
        event.memo.map(query::without_nul).into(),
        query::ids(ids),
    ];
    tx.execute(&sql, values).await?;
    Ok(())
}
