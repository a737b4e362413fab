//! Log entries over time.

use std::collections::{BTreeMap, HashMap};

use tocsin_core::tally::{Counts, Dimension, HOUR};
use tocsin_core::time::Timestamp;

use crate::query::{self, Reads};
use crate::rollups::{self, Which};
use crate::stats::{Count, Stretch, count, most, signed};
use crate::{StorageError, TimeRange};

/// The most points of a timeline: more than a year of hours.
pub const MAX_POINTS: usize = 10_000;

/// Hours of a week.
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

/// One hour or day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelinePoint {
    /// The beginning.
    pub at: Timestamp,
    /// Entries that said firing.
    pub firing: i64,
    /// Entries that said resolved.
    pub resolved: i64,
    /// The firing ones by severity, most frequent first.
    pub by_severity: Vec<Count>,
}

/// The points of a range of time, oldest first; those without entries are left
/// out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The points, at most [`MAX_POINTS`], the newest ones.
    pub points: Vec<TimelinePoint>,
}

/// Entries by hour; a severity is its place in `severities`.
#[derive(Default)]
struct Hours {
    severities: Vec<Box<[u8]>>,
    places: HashMap<Box<[u8]>, usize>,
    hours: BTreeMap<i64, Vec<(usize, Counts)>>,
}

impl Hours {
    fn add(&mut self, hour: i64, severity: &[u8], counts: &Counts) {
        if counts.entries() == 0 {
            return;
        }
        let place = match self.places.get(severity) {
            Some(place) => *place,
            None => {
                let place = self.severities.len();
                self.severities.push(severity.into());
                self.places.insert(severity.into(), place);
                place
            }
        };
        let hour = self.hours.entry(hour).or_default();
        match hour.iter_mut().find(|(known, _)| *known == place) {
            Some((_, sum)) => sum.add(counts),
            None => hour.push((place, *counts)),
        }
    }
}

/// Log entries by hour or day.
///
/// # Errors
/// Whatever the database answers.
pub async fn timeline(
    db: &impl Reads,
    bucket: Bucket,
    range: TimeRange,
) -> Result<Timeline, StorageError> {
    let width = bucket.hours();
    let hours = hours(db, range, |hour| hour.div_euclid(width)).await?;
    let surplus = hours.hours.len().saturating_sub(MAX_POINTS);
    let points = hours.hours.iter().skip(surplus).map(|(number, counts)| {
        let by_severity = counts
            .iter()
            .filter(|(_, counts)| counts.firing > 0)
            .map(|(place, counts)| count(&hours.severities[*place], signed(counts.firing)));
        let sum = |field: fn(&Counts) -> u64| counts.iter().map(|(_, counts)| field(counts)).sum();
        TimelinePoint {
            at: query::time(number.saturating_mul(width).saturating_mul(HOUR)),
            firing: signed(sum(|counts| counts.firing)),
            resolved: signed(sum(|counts| counts.resolved)),
            by_severity: most(by_severity.collect(), usize::MAX),
        }
    });
    Ok(Timeline {
        points: points.collect(),
    })
}

/// Entries that said firing by the hour of the week: the first hour is number 0
/// of [`HOURS_A_WEEK`]. `slot` says which one an hour is that begins at a time,
/// in the zone that is asked about.
///
/// # Errors
/// Whatever the database answers.
pub async fn heatmap(
    db: &impl Reads,
    range: TimeRange,
    slot: impl Fn(Timestamp) -> usize,
) -> Result<Vec<i64>, StorageError> {
    let hours = hours(db, range, |hour| hour).await?;
    let mut slots = vec![0; HOURS_A_WEEK];
    for (hour, counts) in hours.hours {
        let firing: u64 = counts.iter().map(|(_, counts)| counts.firing).sum();
        if let Some(sum) = slots.get_mut(slot(query::time(hour.saturating_mul(HOUR)))) {
            *sum += signed(firing);
        }
    }
    Ok(slots)
}

/// Entries of the range by what `key` makes of their hour.
async fn hours(
    db: &impl Reads,
    range: TimeRange,
    key: impl Fn(i64) -> i64,
) -> Result<Hours, StorageError> {
    let stretch = Stretch::of(range, rollups::pruned_before(db).await?);
    let mut hours = Hours::default();
    rollups::add(db, &[rollups::HOURLY], &[stretch.whole()], |found| {
        if let Some((hour, severity)) = rollups::from_hourly(found.value) {
            hours.add(key(hour), severity, found.counts);
        }
    })
    .await?;
    for (from, to) in stretch.parts() {
        let part = rollups::recount(db, Which::Received(from, to)).await?;
        for hour in part.hours() {
            for (severity, counts) in part.values(hour, Dimension::Severity) {
                hours.add(key(hour), severity.as_bytes(), counts);
            }
        }
    }
    Ok(hours)
}
