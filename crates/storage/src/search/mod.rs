//! The search index: finds the alerts that may match a filter.
//!
//! Tocsin has its own index, because neither database can index parts of Chinese words, and
//! because ten million log entries belong to comparatively few alerts. See
//! [`tocsin_core::search_index`] for its contents.
//!
//! * [`project()`] writes queued alerts and contents as one segment, in the caller's
//!   transaction, so that after a crash nothing is missing or indexed twice.
//!   [`prepare`] and [`put`] are its two halves, for a writer that must not be blocked.
//! * [`merge()`] merges segments, so that a lookup reads only a few.
//! * [`alert_set`] reads the index. The result can contain too many alerts, but never too
//!   few; the caller checks each row.

mod lookup;
mod merge;
mod pending;
mod plan;
mod project;
mod set;

use crate::query::Reads;
use crate::{AlertCriteria, StorageError, Tx};

pub use merge::merge;
pub use project::{Prepared, prepare, put};
pub use set::AlertSet;

/// Returns the alerts that may match `about`: all that match, and possibly more. Reads the
/// index and the part of the queue that is not indexed yet.
///
/// Alerts stored while this reads may be missing.
///
/// # Errors
/// [`StorageError`] from the database; [`StorageError::Corrupt`] for a malformed block.
pub async fn alert_set(db: &impl Reads, about: &AlertCriteria) -> Result<AlertSet, StorageError> {
    let plan = plan::Plan::of(about);
    if plan.is_empty() {
        return Ok(AlertSet::default());
    }
    // Read the queue first, so that an alert indexed in between is found in both, not in
    // neither.
    let mut pending = pending::alerts(db).await?;
    let set = plan.run(db).await?;
    if set.only.is_some() {
        pending = pending::matching(db, about, pending).await?;
    }
    Ok(set.but_always(&pending))
}

/// Indexes about `documents` queued alerts and contents as one segment. Returns the number
/// of documents; zero if the queue is empty.
///
/// This is [`prepare`] and [`put`] in one transaction. On SQLite, ingest waits for that
/// transaction, so it is better to prepare outside of it.
///
/// # Errors
/// [`StorageError`] from the database; [`StorageError::Corrupt`] for a malformed row of the
/// queue or of an alert.
pub async fn project(tx: &Tx, documents: usize) -> Result<usize, StorageError> {
    match prepare(tx, documents).await? {
        None => Ok(0),
        Some(segment) => put(tx, segment).await,
    }
}
