//! Incidents: the firing episodes of alerts, as they are read.

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

/// Leaves out what turned out to be a stale copy: [`EndReason::Copy`].
pub(crate) const NOT_A_COPY: &str = "r.end_reason IS NULL OR r.end_reason <> 4";

/// Whether there is any incident.
///
/// # Errors
/// Whatever the database answers.
pub async fn any(db: &impl Reads) -> Result<bool, StorageError> {
    let found = query::numbers(db, "SELECT id AS n FROM incidents LIMIT 1", vec![]).await?;
    Ok(!found.is_empty())
}

/// One incident with what it points to.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentView {
    /// The incident's number.
    pub id: i64,
    /// Where it stands.
    pub state: IncidentState,
    /// Open and not seen for longer than the setting allows.
    pub stale: bool,
    /// The earliest start told.
    pub starts_at: Timestamp,
    /// When it ended.
    pub ends_at: Option<Timestamp>,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// When Tocsin first received it.
    pub first_seen_at: Timestamp,
    /// When Tocsin last received it.
    pub last_seen_at: Timestamp,
    /// How often it was told, repeats within the window not counted.
    pub times_received: i64,
    /// How many senders told it.
    pub senders: i64,
    /// The earlier episode.
    pub previous_id: Option<i64>,
    /// Acknowledged or ended.
    pub known: bool,
    /// The person who acknowledged it.
    pub known_by: Option<String>,
    /// When that was.
    pub known_at: Option<Timestamp>,
    /// What people wrote of it.
    pub memo: String,
    /// What it was last told with: source, labels, annotations.
    pub content: Arc<AlertContent>,
}

/// What incidents are sorted by; equal ones by their numbers, open ones sorted
/// by duration against them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncidentSort {
    /// When it was last received.
    #[default]
    LastSeenAt,
    /// When it began.
    StartsAt,
    /// How long it lasted; an open one lasts until now.
    Duration,
    /// How often it was told.
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

/// What the time of reading makes of incidents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsOf {
    /// An open incident lasts until now.
    pub(crate) now: Timestamp,
    /// What is open and was last seen before is stale.
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

/// One page of the incidents. Durations and staleness are those at the time of
/// the first page, on all pages of a walk: otherwise open incidents would move
/// while they are read.
///
/// # Errors
/// Whatever the database answers.
pub async fn list(
    db: &impl Reads,
    filter: &IncidentFilter,
    page: &PageRequest<IncidentSort>,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Page<IncidentView>, StorageError> {
    list_within(db, filter, page, now, stale_after, &ScanBudget::default()).await
}

/// As [`list`], reading no more than `effort` says.
///
/// # Errors
/// Whatever the database answers.
pub async fn list_within(
    db: &impl Reads,
    filter: &IncidentFilter,
    page: &PageRequest<IncidentSort>,
    now: Timestamp,
    stale_after: Duration,
    effort: &ScanBudget,
) -> Result<Page<IncidentView>, StorageError> {
    let as_of = AsOf::new(page.as_of(now), stale_after);
    let set = alert_set(db, &filter.about).await?;
    let plan = plan::Plan::new(filter, page.key(), as_of);
    let rows = plan
        .rows(db, &set, page.direction(), page.after(), effort)
        .await?;
    let mut tellings = ContentCache::default();
    let mut verifier = Verifier {
        about: &filter.about,
        set: &set,
        contents: &mut tellings,
    };
    let mut found = find(db, rows, &mut verifier, page.limit(), effort).await?;
    let (items, rows) = read::views(db, &found.rows, &mut tellings, as_of).await?;
    found.keep(rows);
    Ok(page.found(items, &found.keys(), found.end, Some(as_of.now)))
}

/// How many incidents match, exactly up to [`count::BOUND`] and within bounded
/// work.
///
/// # Errors
/// Whatever the database answers.
pub async fn count(
    db: &impl Reads,
    filter: &IncidentFilter,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Count, StorageError> {
    let as_of = AsOf::new(now, stale_after);
    let set = alert_set(db, &filter.about).await?;
    let effort = ScanBudget::for_counting();
    let plan = plan::Plan::new(filter, IncidentSort::LastSeenAt, as_of);
    let rows = plan.rows(db, &set, Direction::Down, None, &effort).await?;
    count::count(db, rows, &filter.about, &set, &effort).await
}

/// One incident.
///
/// # Errors
/// Whatever the database answers.
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

/// Whether there is such an incident that may be seen.
///
/// # Errors
/// Whatever the database answers.
pub async fn is_visible(
    db: &impl Reads,
    id: i64,
    visibility: &Visibility,
) -> Result<bool, StorageError> {
    let sql = "SELECT id AS n FROM incidents WHERE id = ?";
    Ok(!query::numbers(db, sql, vec![id.into()]).await?.is_empty()
        && !visible(db, &[id], visibility).await?.is_empty())
}

/// The other episodes of the same alert as `incident_id`, newest first.
///
/// # Errors
/// Whatever the database answers.
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
