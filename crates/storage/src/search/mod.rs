//! The search index: which series a filter may be about.
//!
//! An index of its own, because neither database has one for parts of Chinese
//! words, and because a filter over ten million entries is a filter over the
//! few series that they are of. [`tocsin_core::terms`] says what is in it.
//!
//! * [`fold`] takes what ingest put into the backlog and writes it as one
//!   segment, in the caller's transaction: so nothing is missing after a
//!   crash, and nothing is there twice.
//!   [`prepare`] and [`put`] are its two halves, for a writer that must not wait.
//! * [`merge`] makes one segment of several, so that few are to be read.
//! * [`series_set`] reads it. It answers with too many rather than too few:
//!   whoever asks tries each row, too.

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

/// The series that `about` may be true of: every one that it is true of, and
/// some more. Reads the index and what of the backlog is not in it yet.
///
/// Series that come while this reads may be missing.
///
/// # Errors
/// Whatever the database answers; [`StorageError::Corrupt`] for a block that
/// does not hold what [`fold`] writes.
pub async fn alert_set(db: &impl Reads, about: &AlertCriteria) -> Result<AlertSet, StorageError> {
    let plan = plan::Plan::of(about);
    if plan.is_empty() {
        return Ok(AlertSet::default());
    }
    // The backlog first: what is folded meanwhile is then found in both, not in
    // neither.
    let mut pending = pending::alerts(db).await?;
    let set = plan.run(db).await?;
    if set.only.is_some() {
        pending = pending::matching(db, about, pending).await?;
    }
    Ok(set.but_always(&pending))
}

/// Puts about `documents` series and tellings of the backlog into the index,
/// as one segment. Returns how many; none when the backlog is empty.
///
/// This is [`prepare`] and [`put`] in one transaction. On SQLite ingest waits
/// for that transaction; so prepare out of it, and put in it.
///
/// # Errors
/// Whatever the database answers; [`StorageError::Corrupt`] for a row of the
/// backlog or of the series that cannot be read.
pub async fn project(tx: &Tx, documents: usize) -> Result<usize, StorageError> {
    match prepare(tx, documents).await? {
        None => Ok(0),
        Some(segment) => put(tx, segment).await,
    }
}
