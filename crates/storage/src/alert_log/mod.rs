//! The log: one alert as one delivery told it, for good.

mod plan;
mod read;
mod walk;

use std::sync::Arc;

use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

pub use walk::LogWalk;

use crate::content::{AlertContent, ContentCache};
use crate::count::{self, Count};
use crate::cursor::{Page, PageRequest, SortKey};
use crate::enums::EntryKind;
use crate::query::Reads;
use crate::scan::{Rows, ScanBudget, Verifier, find, find_any};
use crate::search::alert_set;
use crate::{AlertFilter, StorageError};

/// One log entry with what it points to.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertView {
    /// The entry's number.
    pub id: i64,
    /// The delivery that told it.
    pub delivery_id: i64,
    /// The incident that it belongs to.
    pub incident_id: i64,
    /// When Tocsin received it.
    pub received_at: Timestamp,
    /// What the sender said.
    pub status: Status,
    /// What it did to its incident.
    pub kind: EntryKind,
    /// When the alert began, as told.
    pub starts_at: Timestamp,
    /// When it ended, as told.
    pub ends_at: Option<Timestamp>,
    /// What it was told with: source, labels, annotations. Shared with the other
    /// entries that were told the same.
    pub content: Arc<AlertContent>,
    /// The incident is acknowledged or has ended.
    pub known: bool,
    /// The incident's memo.
    pub memo: String,
}

/// What is counted of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// The delivery that told it; 0 where none is known.
    pub(crate) delivery_id: i64,
    /// When Tocsin received it.
    pub(crate) received_at: Timestamp,
    /// What the sender said.
    pub(crate) status: Status,
    /// What it was told with.
    pub(crate) content: Arc<AlertContent>,
}

/// The log is sorted by when an entry was received, then by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByReceived;

impl SortKey for ByReceived {
    fn name(self) -> &'static str {
        "alerts.received"
    }
}

/// The entries of one incident, by when they were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByEntry;

impl SortKey for ByEntry {
    fn name(self) -> &'static str {
        "incident.entries"
    }
}

/// One page of the log.
///
/// # Errors
/// Whatever the database answers.
pub async fn list(
    db: &impl Reads,
    filter: &AlertFilter,
    page: &PageRequest<ByReceived>,
) -> Result<Page<AlertView>, StorageError> {
    list_within(db, filter, page, &ScanBudget::default()).await
}

/// As [`list`], reading no more than `effort` says.
///
/// # Errors
/// Whatever the database answers.
pub async fn list_within(
    db: &impl Reads,
    filter: &AlertFilter,
    page: &PageRequest<ByReceived>,
    effort: &ScanBudget,
) -> Result<Page<AlertView>, StorageError> {
    let set = alert_set(db, &filter.about).await?;
    let rows = plan::rows(db, filter, &set, page.direction(), page.after(), effort).await?;
    let mut tellings = ContentCache::default();
    let mut verifier = Verifier {
        about: &filter.about,
        set: &set,
        contents: &mut tellings,
    };
    let limit = page.limit();
    // Of many series, the latest rows may be a page already, and neighbours are
    // read sooner than the rows of many places.
    let soon = match &rows {
        Rows::Merge(merge) if merge.is_of_many() => {
            let latest = plan::by_time(filter, page.direction(), page.after());
            let found = find(db, latest, &mut verifier, limit, &effort.for_probe()).await?;
            Some(found).filter(|found| found.rows.len() == limit)
        }
        _ => None,
    };
    let mut found = match soon {
        Some(found) => found,
        None => find(db, rows, &mut verifier, limit, effort).await?,
    };
    let (items, rows) = read::views(db, &found.rows, &mut tellings).await?;
    found.keep(rows);
    Ok(page.found(items, &found.keys(), found.end, None))
}

/// How many entries match, exactly up to [`count::BOUND`] and within bounded
/// work.
///
/// # Errors
/// Whatever the database answers.
pub async fn count(db: &impl Reads, filter: &AlertFilter) -> Result<Count, StorageError> {
    let set = alert_set(db, &filter.about).await?;
    let effort = ScanBudget::for_counting();
    let way = crate::scan::Direction::Down;
    let rows = plan::rows(db, filter, &set, way, None, &effort).await?;
    count::count(db, rows, &filter.about, &set, &effort).await
}

/// One entry.
///
/// # Errors
/// Whatever the database answers.
pub async fn get(db: &impl Reads, id: i64) -> Result<Option<AlertView>, StorageError> {
    Ok(read::by_ids(db, &[id], &mut ContentCache::default())
        .await?
        .pop())
}

/// The entries of a delivery that may be seen: the incident of each, and what it
/// did to it.
///
/// # Errors
/// Whatever the database answers.
pub async fn of_delivery(
    db: &impl Reads,
    delivery_id: i64,
    visibility: &Visibility,
) -> Result<Vec<(i64, EntryKind)>, StorageError> {
    read::of_delivery(db, delivery_id, visibility).await
}

/// One page of an incident's entries.
///
/// # Errors
/// Whatever the database answers.
pub async fn of_incident(
    db: &impl Reads,
    incident_id: i64,
    page: &PageRequest<ByEntry>,
) -> Result<Page<AlertView>, StorageError> {
    let effort = ScanBudget::default();
    let rows = plan::of_incident(db, incident_id, &[], page.direction(), page.after()).await?;
    let mut found = find_any(db, rows, page.limit(), &effort).await?;
    let (items, rows) = read::views(db, &found.rows, &mut ContentCache::default()).await?;
    found.keep(rows);
    Ok(page.found(items, &found.keys(), found.end, None))
}

/// The entries of those kinds of an incident that an event is made of: at most
/// `limit`, newest first.
///
/// # Errors
/// Whatever the database answers.
pub(crate) async fn last_of_incident(
    db: &impl Reads,
    incident_id: i64,
    kinds: &[EntryKind],
    limit: usize,
) -> Result<Vec<AlertView>, StorageError> {
    let way = crate::scan::Direction::Down;
    let rows = plan::of_incident(db, incident_id, kinds, way, None).await?;
    let found = find_any(db, rows, limit, &ScanBudget::default()).await?;
    let (views, _) = read::views(db, &found.rows, &mut ContentCache::default()).await?;
    Ok(views)
}
