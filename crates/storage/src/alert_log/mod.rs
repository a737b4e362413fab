//! The alert log: one entry for each alert of each delivery, kept permanently.

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

/// One log entry with its alert content and incident data.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertView {
    /// Log entry ID.
    pub id: i64,
    /// ID of the delivery that reported it.
    pub delivery_id: i64,
    /// ID of its incident.
    pub incident_id: i64,
    /// When Tocsin received it.
    pub received_at: Timestamp,
    /// Status reported by the sender.
    pub status: Status,
    /// Kind of the entry: its effect on the incident.
    pub kind: EntryKind,
    /// Reported start time.
    pub starts_at: Timestamp,
    /// Reported end time.
    pub ends_at: Option<Timestamp>,
    /// Alert content: source, labels, annotations. Shared by entries with equal content.
    pub content: Arc<AlertContent>,
    /// Whether the incident is acknowledged or has ended.
    pub known: bool,
    /// The note of the incident.
    pub memo: String,
}

/// The parts of a log entry that statistics need.
#[derive(Clone, Debug)]
pub(crate) struct CountedEntry {
    /// ID of the delivery that reported it; 0 if unknown.
    pub(crate) delivery_id: i64,
    /// When Tocsin received it.
    pub(crate) received_at: Timestamp,
    /// Status reported by the sender.
    pub(crate) status: Status,
    /// Alert content.
    pub(crate) content: Arc<AlertContent>,
}

/// Sorts the log by receive time, then by ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByReceived;

impl SortKey for ByReceived {
    fn name(self) -> &'static str {
        "alerts.received"
    }
}

/// Sorts the entries of one incident by receive time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByEntry;

impl SortKey for ByEntry {
    fn name(self) -> &'static str {
        "incident.entries"
    }
}

/// Returns one page of the log.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list(
    db: &impl Reads,
    filter: &AlertFilter,
    page: &PageRequest<ByReceived>,
) -> Result<Page<AlertView>, StorageError> {
    list_within(db, filter, page, &ScanBudget::default()).await
}

/// As [`list`], within the given scan budget.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_within(
    db: &impl Reads,
    filter: &AlertFilter,
    page: &PageRequest<ByReceived>,
    budget: &ScanBudget,
) -> Result<Page<AlertView>, StorageError> {
    let set = alert_set(db, &filter.about).await?;
    let rows = plan::rows(db, filter, &set, page.direction(), page.after(), budget).await?;
    let mut cache = ContentCache::default();
    let mut verifier = Verifier {
        about: &filter.about,
        set: &set,
        contents: &mut cache,
    };
    let limit = page.limit();
    // With many alerts, the latest rows may fill a page, and reading adjacent rows is faster
    // than reading from many positions of the index.
    let latest_page = match &rows {
        Rows::Merge(merge) if merge.is_of_many() => {
            let latest = plan::by_time(filter, page.direction(), page.after());
            let found = find(db, latest, &mut verifier, limit, &budget.for_probe()).await?;
            Some(found).filter(|found| found.rows.len() == limit)
        }
        _ => None,
    };
    let mut found = match latest_page {
        Some(found) => found,
        None => find(db, rows, &mut verifier, limit, budget).await?,
    };
    let (items, rows) = read::views(db, &found.rows, &mut cache).await?;
    found.keep(rows);
    Ok(page.found(items, &found.keys(), found.end, None))
}

/// Counts the matching entries: exactly up to [`count::BOUND`], and within a bounded
/// amount of work.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn count(db: &impl Reads, filter: &AlertFilter) -> Result<Count, StorageError> {
    let set = alert_set(db, &filter.about).await?;
    let budget = ScanBudget::for_counting();
    let direction = crate::scan::Direction::Down;
    let rows = plan::rows(db, filter, &set, direction, None, &budget).await?;
    count::count(db, rows, &filter.about, &set, &budget).await
}

/// Returns one entry.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get(db: &impl Reads, id: i64) -> Result<Option<AlertView>, StorageError> {
    Ok(read::by_ids(db, &[id], &mut ContentCache::default())
        .await?
        .pop())
}

/// Returns the visible entries of a delivery: incident ID and kind of each.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn of_delivery(
    db: &impl Reads,
    delivery_id: i64,
    visibility: &Visibility,
) -> Result<Vec<(i64, EntryKind)>, StorageError> {
    read::of_delivery(db, delivery_id, visibility).await
}

/// Returns one page of the entries of an incident.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn of_incident(
    db: &impl Reads,
    incident_id: i64,
    page: &PageRequest<ByEntry>,
) -> Result<Page<AlertView>, StorageError> {
    let budget = ScanBudget::default();
    let rows = plan::of_incident(db, incident_id, &[], page.direction(), page.after()).await?;
    let mut found = find_any(db, rows, page.limit(), &budget).await?;
    let (items, rows) = read::views(db, &found.rows, &mut ContentCache::default()).await?;
    found.keep(rows);
    Ok(page.found(items, &found.keys(), found.end, None))
}

/// Returns the latest entries of the given kinds of an incident, at most `limit`, newest
/// first.
///
/// # Errors
/// [`StorageError`] from the database.
pub(crate) async fn last_of_incident(
    db: &impl Reads,
    incident_id: i64,
    kinds: &[EntryKind],
    limit: usize,
) -> Result<Vec<AlertView>, StorageError> {
    let direction = crate::scan::Direction::Down;
    let rows = plan::of_incident(db, incident_id, kinds, direction, None).await?;
    let found = find_any(db, rows, limit, &ScanBudget::default()).await?;
    let (views, _) = read::views(db, &found.rows, &mut ContentCache::default()).await?;
    Ok(views)
}
