//! Numbers about the log and the incidents.
//!
//! A statistic is the sum of the roll-ups of the whole hours in its range
//! ([`crate::rollups`]), of what is not folded into them yet, and of the log
//! itself in the part of an hour at either end. Where the log was already
//! deleted by retention, that hour is taken whole: statistics outlive the log.
//!
//! For somebody who does not see all alerts the same is counted from the log and
//! the incidents ([`visible`]).
//!
//! After an upgrade from before roll-ups, what was there is counted in the
//! background; of a large log, the numbers fill up within minutes.

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
use crate::rollups::{self, Want, Which};
use crate::{StorageError, TimeRange};

pub use crate::rollups::{note_pruned, pruned_before};
pub use crate::timeline::{
    Bucket, HOURS_A_WEEK, MAX_POINTS, Timeline, TimelinePoint, heatmap, timeline,
};
pub(crate) use range::Stretch;
pub(crate) use visible::by_hour;

/// The most values of one breakdown of the summary.
const MAX_VALUES: usize = 100;

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The value; empty where the label is missing.
    pub value: String,
    /// How often.
    pub count: i64,
}

/// What happened in a range of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Accepted deliveries.
    pub deliveries: i64,
    /// Log entries.
    pub log_entries: i64,
    /// Incidents that were open at some time in it: those that began before
    /// its end, but for those that ended before its beginning.
    pub incidents: i64,
    /// Of those, the ones open now.
    pub open: i64,
    /// Of the open ones, the stale ones.
    pub stale: i64,
    /// Of the open ones, those that nobody acknowledged.
    pub unacknowledged: i64,
    /// Those incidents by severity, most frequent first, at most 100 values.
    pub by_severity: Vec<Count>,
    /// The log entries by status; both are there, with 0 if need be.
    pub by_status: Vec<(Status, i64)>,
    /// Those incidents by team, most frequent first, at most 100 values.
    pub by_team: Vec<Count>,
}

impl Summary {
    /// Log entries per incident; `None` where there is no incident.
    pub fn noise_ratio(&self) -> Option<f64> {
        (self.incidents > 0).then(|| self.log_entries as f64 / self.incidents as f64)
    }
}

/// What the noisiest are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopBy {
    /// The alert's name.
    Alertname,
    /// The instance.
    Instance,
    /// The team.
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

/// The numbers of a range of time, of what may be seen: deliveries are then
/// those with an entry that may be.
///
/// # Errors
/// Whatever the database answers.
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
    let stretch = Stretch::of(range, rollups::pruned_before(db).await?);
    let dimensions = [Dimension::Source, Dimension::Severity, Dimension::Team];
    let codes = dimensions.map(rollups::code);
    // By dimension: before the range, and in it.
    let mut lists: [[List; 2]; 3] = Default::default();
    let spans = [stretch.before(), stretch.whole()];
    rollups::add(db, &codes, &spans, |found| {
        let place = codes.iter().position(|code| *code == found.dimension);
        if let Some(lists) = place.and_then(|place| lists.get_mut(place)) {
            lists[found.span].add(found.value, found.counts);
        }
    })
    .await?;
    let before = stretch.part_before();
    let which: Vec<Which> = before
        .iter()
        .chain(&stretch.parts())
        .map(Which::of)
        .collect();
    let want = Want {
        dimensions: &[Dimension::Severity, Dimension::Team],
        incidents: true,
        deliveries: true,
    };
    for (place, part) in rollups::recount(db, &which, want).await?.iter().enumerate() {
        let span = usize::from(place >= before.len());
        for (dimension, lists) in dimensions.into_iter().zip(&mut lists) {
            add_tallies(&mut lists[span], part, dimension);
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
    let now = match stretch.is_empty() {
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

/// The values with the most log entries that may be seen, most frequent first.
///
/// # Errors
/// Whatever the database answers.
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
    let stretch = Stretch::of(range, rollups::pruned_before(db).await?);
    let dimension = by.dimension();
    let mut list = List::default();
    rollups::add(
        db,
        &[rollups::code(dimension)],
        &[stretch.whole()],
        |found| list.add(found.value, found.counts),
    )
    .await?;
    let which: Vec<Which> = stretch.parts().iter().map(Which::of).collect();
    let want = Want {
        dimensions: by.dimensions(),
        incidents: false,
        deliveries: false,
    };
    for part in rollups::recount(db, &which, want).await? {
        add_tallies(&mut list, &part, dimension);
    }
    let entries = list
        .iter()
        .filter(|(_, counts)| counts.entries() > 0)
        .map(|(value, counts)| count(value, signed(counts.entries())));
    Ok(most(entries.collect(), limit as usize))
}

fn add_tallies(list: &mut List, tallies: &Delta, dimension: Dimension) {
    for hour in tallies.hours() {
        for (value, counts) in tallies.values(hour, dimension) {
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

/// Began before the end, but for those that ended before the beginning.
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

/// The first `limit`, most frequent first, and then in the order of the bytes.
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

/// The incidents that are open now and began before `to`.
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
    let (such, values) = conditions.into_where();
    let sql = format!(
        "SELECT COUNT(*) AS open, \
         COUNT(CASE WHEN i.last_seen_at < ? THEN 1 END) AS stale, \
         COUNT(CASE WHEN i.known_at IS NULL THEN 1 END) AS unacknowledged \
         FROM incidents i{such}"
    );
    let values = [stale_before.as_micros().into()]
        .into_iter()
        .chain(values)
        .collect();
    Ok(query::first(db, &sql, values).await?.unwrap_or_default())
}
