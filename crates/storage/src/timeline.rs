//! Log entries over time.

use std::collections::HashMap;

use tocsin_core::stats::{Counts, Delta, Dimension, HOUR};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use crate::query::{self, Reads};
use crate::rollups::{self, Scope, Selection};
use crate::stats::{self, Count, SplitRange, count, most, signed};
use crate::{StorageError, TimeRange};

/// The most points in a timeline: more than a year of hours.
pub const MAX_POINTS: usize = 10_000;

/// Number of hours in a week.
pub const HOURS_A_WEEK: usize = 7 * 24;

/// The width of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// One hour.
    Hour,
    /// One day, in UTC.
    Day,
}

impl Bucket {
    fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
        }
    }
}

/// Counts of one hour or day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelinePoint {
    /// Start time of the bucket.
    pub at: Timestamp,
    /// Log entries with status firing.
    pub firing: i64,
    /// Log entries with status resolved.
    pub resolved: i64,
    /// The firing entries by severity, most frequent first.
    pub by_severity: Vec<Count>,
}

/// A timeline of a time range, oldest point first, without empty points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The newest points, at most [`MAX_POINTS`].
    pub points: Vec<TimelinePoint>,
}

/// Entries of one hour and severity.
struct HourCount {
    /// The key that the caller computed for the hour.
    key: i64,
    /// Index of the severity.
    severity: usize,
    firing: u64,
    resolved: u64,
}

/// Entries by hour and severity.
#[derive(Default)]
struct Hours {
    severities: Vec<Box<[u8]>>,
    places: HashMap<Box<[u8]>, usize>,
    /// Index found last; there are few severities, mostly in the same order.
    last: usize,
    all: Vec<HourCount>,
}

impl Hours {
    fn add(&mut self, key: i64, severity: &[u8], counts: &Counts) {
        if counts.entries() == 0 {
            return;
        }
        let severity = self.place(severity);
        let (firing, resolved) = (counts.firing, counts.resolved);
        match self.all.last_mut() {
            Some(one) if one.key == key && one.severity == severity => {
                one.firing += firing;
                one.resolved += resolved;
            }
            _ => self.all.push(HourCount {
                key,
                severity,
                firing,
                resolved,
            }),
        }
    }

    fn add_delta(&mut self, delta: &Delta, key: impl Fn(i64) -> i64) {
        for hour in delta.hours() {
            for (severity, counts) in delta.values(hour, Dimension::Severity) {
                self.add(key(hour), severity.as_bytes(), counts);
            }
        }
    }

    fn place(&mut self, severity: &[u8]) -> usize {
        let next = self.last + 1;
        for place in [next, 0, self.last] {
            if self
                .severities
                .get(place)
                .is_some_and(|existing| **existing == *severity)
            {
                self.last = place;
                return place;
            }
        }
        if let Some(place) = self.places.get(severity) {
            self.last = *place;
            return *place;
        }
        let place = self.severities.len();
        self.severities.push(severity.into());
        self.places.insert(severity.into(), place);
        self.last = place;
        place
    }

    /// Sorts by key and merges equal keys. The data consists of a few sorted runs, for which
    /// this sort is fast.
    fn sorted(mut self) -> Self {
        self.all.sort_by_key(|one| (one.key, one.severity));
        self.all.dedup_by(|one, kept| {
            let same = (one.key, one.severity) == (kept.key, kept.severity);
            if same {
                kept.firing += one.firing;
                kept.resolved += one.resolved;
            }
            same
        });
        self
    }
}

/// Returns the visible log entries by hour or day.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn timeline(
    db: &impl Reads,
    visibility: &Visibility,
    bucket: Bucket,
    range: TimeRange,
) -> Result<Timeline, StorageError> {
    let width = bucket.hours();
    let hours = hours(db, visibility, range, |hour| hour.div_euclid(width))
        .await?
        .sorted();
    let mut points = Vec::new();
    for counts in hours.all.chunk_by(|one, next| one.key == next.key).rev() {
        if points.len() == MAX_POINTS {
            break;
        }
        let by_severity = counts
            .iter()
            .filter(|one| one.firing > 0)
            .map(|one| count(&hours.severities[one.severity], signed(one.firing)));
        let key = counts.first().map_or(0, |one| one.key);
        points.push(TimelinePoint {
            at: query::time(key.saturating_mul(width).saturating_mul(HOUR)),
            firing: signed(counts.iter().map(|one| one.firing).sum()),
            resolved: signed(counts.iter().map(|one| one.resolved).sum()),
            by_severity: most(by_severity.collect(), usize::MAX),
        });
    }
    points.reverse();
    Ok(Timeline { points })
}

/// Returns the visible firing entries by hour of the week, [`HOURS_A_WEEK`] counts. `slot`
/// returns the hour of the week for the start time of an hour, in the requested time zone.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn heatmap(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
    slot: impl Fn(Timestamp) -> usize,
) -> Result<Vec<i64>, StorageError> {
    let hours = hours(db, visibility, range, |hour| hour).await?;
    let mut slots = vec![0; HOURS_A_WEEK];
    // The slot is computed once for all severities of an hour.
    let mut last = None;
    for one in hours.all {
        let place = match last {
            Some((key, place)) if key == one.key => place,
            _ => slot(query::time(one.key.saturating_mul(HOUR))),
        };
        last = Some((one.key, place));
        if let Some(sum) = slots.get_mut(place) {
            *sum += signed(one.firing);
        }
    }
    Ok(slots)
}

/// Counts the entries of the range by severity and the `key` of their hour.
async fn hours(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
    key: impl Fn(i64) -> i64,
) -> Result<Hours, StorageError> {
    if !visibility.is_everything() {
        let mut hours = Hours::default();
        let delta = stats::by_hour(db, visibility, range).await?;
        hours.add_delta(&delta, &key);
        return Ok(hours);
    }
    let split = SplitRange::of(range, rollups::pruned_before(db).await?);
    let mut hours = Hours::default();
    rollups::add(db, &[rollups::HOURLY], &[split.whole()], |found| {
        if let Some((hour, severity)) = rollups::from_hourly(found.value) {
            hours.add(key(hour), severity, found.counts);
        }
    })
    .await?;
    let scopes: Vec<Scope> = split.parts().iter().map(Scope::of).collect();
    let selection = Selection {
        dimensions: &[Dimension::Severity],
        incidents: false,
        deliveries: false,
    };
    for part in rollups::recount(db, &scopes, selection).await? {
        hours.add_delta(&part, &key);
    }
    Ok(hours)
}
