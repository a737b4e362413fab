//! Counts of lists, exact up to a bound.

use crate::content::ContentCache;
use crate::query::Reads;
use crate::scan::{End, Rows, ScanBudget, Verifier, find};
use crate::search::AlertSet;
use crate::{AlertCriteria, StorageError};

/// The largest exact count.
pub const BOUND: usize = 10_000;

/// Number of rows in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Number of rows counted.
    pub value: u64,
    /// Whether all rows were counted; if not, there are more.
    pub exact: bool,
}

/// Counts the rows that match the criteria.
pub(crate) async fn count(
    db: &impl Reads,
    rows: Rows,
    about: &AlertCriteria,
    set: &AlertSet,
    budget: &ScanBudget,
) -> Result<Count, StorageError> {
    let mut verifier = Verifier {
        about,
        set,
        contents: &mut ContentCache::default(),
    };
    let found = find(db, rows, &mut verifier, BOUND, budget).await?;
    Ok(Count {
        value: found.rows.len() as u64,
        exact: found.end == End::Exhausted,
    })
}
