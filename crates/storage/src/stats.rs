//! Statistics about the alert log and incidents.
//!
//! A statistic is the sum of the roll-ups of the whole hours in its range
//! ([`crate::rollups`]), of queued rows that are not projected yet, and of the log itself for
//! the parts of an hour at both ends. If retention has deleted that part of the log, the
//! whole hour is included, because statistics are kept longer than the log.
//!
//! For users with restricted visibility, the same is counted from the log and the incidents
//! (`visible`).
//!
//! After an upgrade from a version without roll-ups, existing rows are counted in the
//! background; with a large log, the statistics are complete after some minutes.

mod range;
mod visible;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;
use tocsin_core::stats::{Counts, Delta, Dimension, List};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use crate::query::{self, Conditions, Reads};
use crate::rollups::{self, Scope, Selection};
use crate::{StorageError, TimeRange};

pub use crate::rollups::{note_pruned, pruned_before};
pub use crate::timeline::{
    Bucket, HOURS_A_WEEK, MAX_POINTS, Timeline, TimelinePoint, heatmap, timeline,
};
pub(crate) use range::SplitRange;
pub(crate) use visible::by_hour;

/// The most values in one breakdown of the summary.
const MAX_VALUES: usize = 100;

/// A value and its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The value; empty if the label is missing.
    pub value: String,
    /// The count.
    pub count: i64,
}

/// Summary of a time range.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Accepted deliveries.
    pub deliveries: i64,
    /// Log entries.
    pub log_entries: i64,
    /// Incidents that were open at some time in the range: those that started before its end
    /// and did not end before its beginning.
    pub incidents: i64,
    /// Of those, incidents that are open now.
    pub open: i64,
    /// Of the open incidents, those that are stale.
    pub stale: i64,
    /// Of the open incidents, those that are not acknowledged.
    pub unacknowledged: i64,
    /// The incidents by severity, most frequent first, at most 100 values.
    pub by_severity: Vec<Count>,
    /// The log entries by status; always both statuses.
    pub by_status: Vec<(Status, i64)>,
    /// The incidents by team, most frequent first, at most 100 values.
    pub by_team: Vec<Count>,
}

impl Summary {
    /// Log entries per incident; `None` without incidents.
    pub fn noise_ratio(&self) -> Option<f64> {
        (self.incidents > 0).then(|| self.log_entries as f64 / self.incidents as f64)
    }
}

/// Field to group the noisiest alerts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopBy {
    /// Alert name.
    Alertname,
    /// Instance.
    Instance,
    /// Team.
    Team,
}

impl TopBy {
    fn dimension(self) -> Dimension {
        match self {
            Self::Alertname => Dimension::Alertname,
            Self::Instance => Dimension::Instance,
            Self::Team => Dimension::Team,
        }
    }

    fn dimensions(self) -> &'static [Dimension] {
        match self {
            Self::Alertname => &[Dimension::Alertname],
            Self::Instance => &[Dimension::Instance],
            Self::Team => &[Dimension::Team],
        }
    }
}

/// Returns the summary of a time range, for visible alerts. With restricted visibility,
/// `deliveries` counts those with a visible entry.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn summary(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Summary, StorageError> {
    let stale_before = now.minus(stale_after);
    if !visibility.is_everything() {
        return visible::summary(db, visibility, range, stale_before).await;
    }
    let split = SplitRange::of(range, rollups::pruned_before(db).await?);
    let dimensions = [Dimension::Source, Dimension::Severity, Dimension::Team];
    let codes = dimensions.map(rollups::code);
    // By dimension: counts before the range and in it.
    let mut lists: [[List; 2]; 3] = Default::default();
    let spans = [split.before(), split.whole()];
    rollups::add(db, &codes, &spans, |found| {
        let place = codes.iter().position(|code| *code == found.dimension);
        if let Some(lists) = place.and_then(|place| lists.get_mut(place)) {
            lists[found.span].add(found.value, found.counts);
        }
    })
    .await?;
    let before = split.part_before();
    let scopes: Vec<Scope> = before.iter().chain(&split.parts()).map(Scope::of).collect();
    let selection = Selection {
        dimensions: &[Dimension::Severity, Dimension::Team],
        incidents: true,
        deliveries: true,
    };
    for (place, part) in rollups::recount(db, &scopes, selection)
        .await?
        .iter()
        .enumerate()
    {
        let span = usize::from(place >= before.len());
        for (dimension, lists) in dimensions.into_iter().zip(&mut lists) {
            add_delta(&mut lists[span], part, dimension);
        }
    }
    let [
        [_, sources],
        [severities_before, severities],
        [teams_before, teams],
    ] = lists;
    let sum = total(&severities);
    let by_severity = incidents(severities_before, &severities);
    let by_team = incidents(teams_before, &teams);
    let now = match split.is_empty() {
        true => OpenCounts::default(),
        false => open(db, range.to, stale_before).await?,
    };
    Ok(Summary {
        deliveries: signed(total(&sources).deliveries),
        log_entries: signed(sum.entries()),
        incidents: by_severity.iter().map(|count| count.count).sum(),
        open: now.open,
        stale: now.stale,
        unacknowledged: now.unacknowledged,
        by_severity: most(by_severity, MAX_VALUES),
        by_status: vec![
            (Status::Firing, signed(sum.firing)),
            (Status::Resolved, signed(sum.resolved)),
        ],
        by_team: most(by_team, MAX_VALUES),
    })
}

/// Returns the values with the most visible log entries, most frequent first.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn top(
    db: &impl Reads,
    visibility: &Visibility,
    by: TopBy,
    range: TimeRange,
    limit: u32,
) -> Result<Vec<Count>, StorageError> {
    if !visibility.is_everything() {
        return visible::top(db, visibility, by, range, limit as usize).await;
    }
    let split = SplitRange::of(range, rollups::pruned_before(db).await?);
    let dimension = by.dimension();
    let mut list = List::default();
    rollups::add(db, &[rollups::code(dimension)], &[split.whole()], |found| {
        list.add(found.value, found.counts)
    })
    .await?;
    let scopes: Vec<Scope> = split.parts().iter().map(Scope::of).collect();
    let selection = Selection {
        dimensions: by.dimensions(),
        incidents: false,
        deliveries: false,
    };
    for part in rollups::recount(db, &scopes, selection).await? {
        add_delta(&mut list, &part, dimension);
    }
    let entries = list
        .iter()
        .filter(|(_, counts)| counts.entries() > 0)
        .map(|(value, counts)| count(value, signed(counts.entries())));
    Ok(most(entries.collect(), limit as usize))
}

fn add_delta(list: &mut List, delta: &Delta, dimension: Dimension) {
    for hour in delta.hours() {
        for (value, counts) in delta.values(hour, dimension) {
            list.add(value.as_bytes(), counts);
        }
    }
}

fn total(list: &List) -> Counts {
    let mut sum = Counts::default();
    for (_, counts) in list.iter() {
        sum.add(counts);
    }
    sum
}

/// Incidents that started before the end of the range and did not end before its beginning.
fn incidents(before: List, within: &List) -> Vec<Count> {
    let mut sums: HashMap<&[u8], i64> = HashMap::new();
    for (value, counts) in before.iter() {
        *sums.entry(value).or_default() += signed(counts.net_opened()) - signed(counts.ended);
    }
    for (value, counts) in within.iter() {
        *sums.entry(value).or_default() += signed(counts.net_opened());
    }
    sums.into_iter()
        .filter(|(_, sum)| *sum > 0)
        .map(|(value, sum)| count(value, sum))
        .collect()
}

/// Returns the first `limit` counts, most frequent first, equal counts in byte order of the
/// value.
pub(crate) fn most(mut counts: Vec<Count>, limit: usize) -> Vec<Count> {
    let order =
        |a: &Count, b: &Count| (Reverse(a.count), &a.value).cmp(&(Reverse(b.count), &b.value));
    if counts.len() > limit && limit > 0 {
        counts.select_nth_unstable_by(limit - 1, order);
    }
    counts.truncate(limit);
    counts.sort_unstable_by(order);
    counts
}

pub(crate) fn count(value: &[u8], count: i64) -> Count {
    Count {
        value: String::from_utf8_lossy(value).into_owned(),
        count,
    }
}

pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[derive(Default, FromQueryResult)]
struct OpenCounts {
    open: i64,
    stale: i64,
    unacknowledged: i64,
}

/// Counts the incidents that are open now and started before `to`.
async fn open(
    db: &impl Reads,
    to: Option<Timestamp>,
    stale_before: Timestamp,
) -> Result<OpenCounts, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("i.state = 0", []);
    if let Some(to) = to {
        conditions.and("i.first_seen_at < ?", [to.as_micros().into()]);
    }
    let (condition, values) = conditions.into_where();
    let sql = format!(
        "SELECT COUNT(*) AS open, \
         COUNT(CASE WHEN i.last_seen_at < ? THEN 1 END) AS stale, \
         COUNT(CASE WHEN i.known_at IS NULL THEN 1 END) AS unacknowledged \
         FROM incidents i{condition}"
    );
    let values = [stale_before.as_micros().into()]
        .into_iter()
        .chain(values)
        .collect();
    Ok(query::first(db, &sql, values).await?.unwrap_or_default())
}
