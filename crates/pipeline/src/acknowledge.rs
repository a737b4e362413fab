//! Acknowledging incidents: "seen", with a memo and a name.

use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::incidents::{self, Acknowledgement};
use tocsin_storage::{Db, IncidentFilter, StorageError, Tx, ingest};

use crate::change::{ChangeError, Issues, name};
use crate::ingest::Standings;

/// The most incidents that may be named by their numbers.
pub const MAX_IDS: usize = 500;

/// The most incidents that one request may change by a filter.
pub const MAX_MATCHING: usize = 200_000;

/// The most characters of a memo.
pub const MAX_MEMO: usize = 4_000;

/// What a person says of incidents.
#[derive(Clone, Debug, Default)]
pub struct Saying {
    /// Seen (true), or taken back (false). Left out: as it is.
    pub known: Option<bool>,
    /// Left out: as it is.
    pub memo: Option<String>,
    /// Who says it; required to acknowledge.
    pub by: Option<String>,
}

/// Which incidents it is said of: exactly one of the two.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Those with these numbers.
    pub ids: Option<Vec<i64>>,
    /// Those that match.
    pub filter: Option<IncidentFilter>,
}

/// Past this many incidents everything that is held in memory is forgotten,
/// which is read again sooner than one series after the other is looked for.
const MANY: usize = 5_000;

/// Says it of one incident, and answers whether that changed anything.
///
/// # Errors
/// [`ChangeError::Invalid`] with every wrong field; [`ChangeError::NotFound`].
pub async fn acknowledge_one(
    db: &Db,
    standings: &Standings,
    id: i64,
    saying: &Saying,
    now: Timestamp,
) -> Result<bool, ChangeError> {
    let mut issues = Issues::default();
    let saying = check(&mut issues, saying);
    if saying.known.is_none() && saying.memo.is_none() {
        issues.add("known", "expected known, memo or both");
    }
    issues.finish()?;
    let tx = db.begin().await?;
    let changed = incidents::acknowledge(&tx, &[id], &said(&saying, now)).await?;
    if changed.is_empty() && !incidents::exists(&tx, id).await? {
        return Err(ChangeError::NotFound {
            what: "incident",
            id,
        });
    }
    forget(&tx, standings, &changed).await?;
    tx.commit().await?;
    Ok(!changed.is_empty())
}

/// Says it of several incidents, in one transaction, and answers how many
/// changed. `stale_after` is what the filter's `stale` goes by.
///
/// # Errors
/// [`ChangeError::Invalid`] with every wrong field; also where the filter
/// matches more than [`MAX_MATCHING`].
pub async fn acknowledge_many(
    db: &Db,
    standings: &Standings,
    which: &Which,
    saying: &Saying,
    now: Timestamp,
    stale_after: Duration,
) -> Result<usize, ChangeError> {
    let mut issues = Issues::default();
    let saying = check(&mut issues, saying);
    match (&which.ids, &which.filter) {
        (Some(ids), None) if ids.len() > MAX_IDS => {
            issues.add(
                "ids",
                format!("expected at most {MAX_IDS} numbers; use a filter for more"),
            );
        }
        (Some(_), None) | (None, Some(_)) => {}
        (Some(_), Some(_)) => issues.add("filter", "expected either ids or filter, not both"),
        (None, None) => issues.add("ids", "expected either ids or filter"),
    }
    issues.finish()?;
    // What matches is looked for before the transaction, which nobody then waits
    // for longer than for the change itself.
    let ids = match (&which.ids, &which.filter) {
        (Some(ids), _) => ids.clone(),
        (None, Some(filter)) => matching(db, filter, now, stale_after).await?,
        (None, None) => Vec::new(),
    };
    let tx = db.begin().await?;
    let changed = incidents::acknowledge(&tx, &ids, &said(&saying, now)).await?;
    forget(&tx, standings, &changed).await?;
    tx.commit().await?;
    Ok(changed.len())
}

/// Ingest holds in memory whether an incident is acknowledged.
async fn forget(tx: &Tx, standings: &Standings, changed: &[i64]) -> Result<(), StorageError> {
    if changed.len() > MANY {
        standings.forget_all().await;
    } else {
        standings
            .forget(&ingest::series_of(tx, changed).await?)
            .await;
    }
    Ok(())
}

async fn matching(
    db: &Db,
    filter: &IncidentFilter,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<i64>, ChangeError> {
    let ids = incidents::ids_matching(db, filter, MAX_MATCHING, now, stale_after).await?;
    if ids.len() > MAX_MATCHING {
        let mut issues = Issues::default();
        issues.add(
            "filter",
            format!("matches more than {MAX_MATCHING} incidents; make it narrower"),
        );
        issues.finish()?;
    }
    Ok(ids)
}

/// The saying with its texts trimmed.
fn check(issues: &mut Issues, saying: &Saying) -> Saying {
    let by = saying
        .by
        .as_deref()
        .map(str::trim)
        .filter(|by| !by.is_empty());
    let by = by.map(|by| issues.take("by", name(by)));
    if by.is_none() && saying.known == Some(true) {
        issues.add("by", "expected who acknowledges, 1 to 100 characters");
    }
    let memo = saying.memo.as_deref().map(str::trim);
    if memo.is_some_and(|memo| memo.chars().count() > MAX_MEMO) {
        issues.add("memo", format!("expected at most {MAX_MEMO} characters"));
    }
    Saying {
        known: saying.known,
        memo: memo.map(str::to_owned),
        by,
    }
}

fn said(saying: &Saying, now: Timestamp) -> Acknowledgement<'_> {
    Acknowledgement {
        known: saying.known,
        memo: saying.memo.as_deref(),
        by: saying.by.as_deref(),
        now,
    }
}
