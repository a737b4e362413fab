//! Reading incidents. An incident is one firing period of one alert.

mod events;
mod plan;
mod read;
mod visible;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

pub use crate::acknowledge::{Acknowledgement, PersonalState, acknowledge, personal_state};
pub use events::{IncidentEventView, events};
pub(crate) use visible::shown;
pub use visible::visible;
pub use walk::{IncidentWalk, ids_matching};

use crate::content::{AlertContent, ContentCache};
use crate::count::{self, Count};
use crate::cursor::{Page, PageRequest, SortKey};
use crate::enums::{EndReason, IncidentState};
use crate::query::{self, Reads};
use crate::scan::{Direction, ScanBudget, Verifier, find};
use crate::search::alert_set;
use crate::{IncidentFilter, StorageError};

/// Excludes incidents that turned out to be stale copies: [`EndReason::Copy`].
pub(crate) const NOT_A_COPY: &str = "r.end_reason IS NULL OR r.end_reason <> 4";

/// Whether any incident exists.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn any(db: &impl Reads) -> Result<bool, StorageError> {
    let found = query::numbers(db, "SELECT id AS n FROM incidents LIMIT 1", vec![]).await?;
    Ok(!found.is_empty())
}

/// One incident with its alert content.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentView {
    /// Incident ID.
    pub id: i64,
    /// Current state.
    pub state: IncidentState,
    /// Open and not received for longer than `stale_after`.
    pub stale: bool,
    /// The earliest reported start time.
    pub starts_at: Timestamp,
    /// End time.
    pub ends_at: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// When Tocsin first received it.
    pub first_seen_at: Timestamp,
    /// When Tocsin last received it.
    pub last_seen_at: Timestamp,
    /// Times received, not counting duplicates within the dedup window.
    pub times_received: i64,
    /// Number of senders that reported it.
    pub senders: i64,
    /// ID of the previous incident of the same alert.
    pub previous_id: Option<i64>,
    /// Whether it is acknowledged or has ended.
    pub known: bool,
    /// Name of the person who acknowledged it.
    pub known_by: Option<String>,
    /// When it was acknowledged.
    pub known_at: Option<Timestamp>,
    /// The note.
    pub memo: String,
    /// Alert content as last received: source, labels, annotations.
    pub content: Arc<AlertContent>,
}

/// Sort key of incidents. Equal ones are sorted by ID; with [`IncidentSort::Duration`],
/// open ones by descending ID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncidentSort {
    /// Time last received.
    #[default]
    LastSeenAt,
    /// Start time.
    StartsAt,
    /// Duration; for an open incident, until now.
    Duration,
    /// Times received.
    Occurrences,
}

impl SortKey for IncidentSort {
    fn name(self) -> &'static str {
        match self {
            Self::LastSeenAt => "incidents.last_seen",
            Self::StartsAt => "incidents.starts",
            Self::Duration => "incidents.duration",
            Self::Occurrences => "incidents.occurrences",
        }
    }
}

/// Times that durations and staleness are computed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsOf {
    /// The end of an open incident's duration.
    pub(crate) now: Timestamp,
    /// Open incidents last received before this time are stale.
    pub(crate) stale_before: Timestamp,
}

impl AsOf {
    fn new(now: Timestamp, stale_after: Duration) -> Self {
        Self {
            now,
            stale_before: now.minus(stale_after),
        }
    }
}

/// Returns one page of the incidents. All pages of a walk use the durations and staleness
/// at the time of the first page, so that open incidents do not move between pages.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list(
    db: &impl Reads,
    filter: &IncidentFilter,
    page: &PageRequest<IncidentSort>,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Page<IncidentView>, StorageError> {
    list_within(db, filter, page, now, stale_after, &ScanBudget::default()).await
}

/// As [`list`], within the given scan budget.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_within(
    db: &impl Reads,
    filter: &IncidentFilter,
    page: &PageRequest<IncidentSort>,
    now: Timestamp,
    stale_after: Duration,
    budget: &ScanBudget,
) -> Result<Page<IncidentView>, StorageError> {
    let as_of = AsOf::new(page.as_of(now), stale_after);
    let set = alert_set(db, &filter.about).await?;
    let plan = plan::Plan::new(filter, page.key(), as_of);
    let rows = plan
        .rows(db, &set, page.direction(), page.after(), budget)
        .await?;
    let mut cache = ContentCache::default();
    let mut verifier = Verifier {
        about: &filter.about,
        set: &set,
        contents: &mut cache,
    };
    let mut found = find(db, rows, &mut verifier, page.limit(), budget).await?;
    let (items, rows) = read::views(db, &found.rows, &mut cache, as_of).await?;
    found.keep(rows);
    Ok(page.found(items, &found.keys(), found.end, Some(as_of.now)))
}

/// Counts the matching incidents: exactly up to [`count::BOUND`], and within a bounded
/// amount of work.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn count(
    db: &impl Reads,
    filter: &IncidentFilter,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Count, StorageError> {
    let as_of = AsOf::new(now, stale_after);
    let set = alert_set(db, &filter.about).await?;
    let budget = ScanBudget::for_counting();
    let plan = plan::Plan::new(filter, IncidentSort::LastSeenAt, as_of);
    let rows = plan.rows(db, &set, Direction::Down, None, &budget).await?;
    count::count(db, rows, &filter.about, &set, &budget).await
}

/// Returns one incident.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get(
    db: &impl Reads,
    id: i64,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Option<IncidentView>, StorageError> {
    let as_of = AsOf::new(now, stale_after);
    let mut found = read::by_ids(db, &[id], &mut ContentCache::default(), as_of).await?;
    Ok(found.pop())
}

/// Whether the incident exists and is visible.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn is_visible(
    db: &impl Reads,
    id: i64,
    visibility: &Visibility,
) -> Result<bool, StorageError> {
    let sql = "SELECT id AS n FROM incidents WHERE id = ?";
    Ok(!query::numbers(db, sql, vec![id.into()]).await?.is_empty()
        && !visible(db, &[id], visibility).await?.is_empty())
}

/// Returns the other incidents of the same alert as `incident_id`, newest first.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn incidents_of_alert(
    db: &impl Reads,
    incident_id: i64,
    limit: u32,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<IncidentView>, StorageError> {
    let ids = query::numbers(
        db,
        "SELECT i.id AS n FROM incidents i WHERE i.series_id = \
         (SELECT o.series_id FROM incidents o WHERE o.id = ?) AND i.id <> ? \
         ORDER BY i.episode DESC LIMIT ?",
        vec![
            incident_id.into(),
            incident_id.into(),
            i64::from(limit).into(),
        ],
    )
    .await?;
    let as_of = AsOf::new(now, stale_after);
    let found = read::by_ids(db, &ids, &mut ContentCache::default(), as_of).await?;
    Ok(read::in_order(&ids, found))
}
