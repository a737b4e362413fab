//! Counts of lists, exact as far as that is cheap.

use crate::content::ContentCache;
use crate::query::Reads;
use crate::scan::{End, Rows, ScanBudget, Verifier, find};
use crate::search::AlertSet;
use crate::{AlertCriteria, StorageError};

/// The greatest count that is exact.
pub const BOUND: usize = 10_000;

/// How many rows a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many were counted.
    pub value: u64,
    /// That is all of them; otherwise there are more.
    pub exact: bool,
}

/// Counts what of `rows` answers.
pub(crate) async fn count(
    db: &impl Reads,
    rows: Rows,
    about: &AlertCriteria,
    set: &AlertSet,
    effort: &ScanBudget,
) -> Result<Count, StorageError> {
    let mut verifier = Verifier {
        about,
        set,
        contents: &mut ContentCache::default(),
    };
    let found = find(db, rows, &mut verifier, BOUND, effort).await?;
    Ok(Count {
        value: found.rows.len() as u64,
        exact: found.end == End::Exhausted,
    })
}
