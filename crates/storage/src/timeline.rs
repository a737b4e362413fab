//! Log entries over time.

use std::collections::HashMap;

use tocsin_core::stats::{Counts, Delta, Dimension, HOUR};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use crate::query::{self, Reads};
use crate::rollups::{self, Want, Which};
use crate::stats::{self, Count, Stretch, count, most, signed};
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

/// One hour's entries of one severity.
struct One {
    /// What the caller made of the hour.
    key: i64,
    /// The place among the severities.
    severity: usize,
    firing: u64,
    resolved: u64,
}

/// Entries by hour and severity.
#[derive(Default)]
struct Hours {
    severities: Vec<Box<[u8]>>,
    places: HashMap<Box<[u8]>, usize>,
    /// The place that was found last: there are few, and they follow each other.
    last: usize,
    all: Vec<One>,
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
            _ => self.all.push(One {
                key,
                severity,
                firing,
                resolved,
            }),
        }
    }

    fn add_tallies(&mut self, tallies: &Delta, key: impl Fn(i64) -> i64) {
        for hour in tallies.hours() {
            for (severity, counts) in tallies.values(hour, Dimension::Severity) {
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
                .is_some_and(|known| **known == *severity)
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

    /// In the order of the keys. What is added up lies in few runs that are in
    /// order already, which is what this sort is quick at.
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

/// Log entries that may be seen, by hour or day.
///
/// # Errors
/// Whatever the database answers.
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

/// Entries that may be seen and said firing, by the hour of the week: the first hour is number 0
/// of [`HOURS_A_WEEK`]. `slot` says which one an hour is that begins at a time,
/// in the zone that is asked about.
///
/// # Errors
/// Whatever the database answers.
pub async fn heatmap(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
    slot: impl Fn(Timestamp) -> usize,
) -> Result<Vec<i64>, StorageError> {
    let hours = hours(db, visibility, range, |hour| hour).await?;
    let mut slots = vec![0; HOURS_A_WEEK];
    // Where an hour lies is asked once for its severities.
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

/// Entries of the range by what `key` makes of their hour.
async fn hours(
    db: &impl Reads,
    visibility: &Visibility,
    range: TimeRange,
    key: impl Fn(i64) -> i64,
) -> Result<Hours, StorageError> {
    if !visibility.is_everything() {
        let mut hours = Hours::default();
        let tallies = stats::by_hour(db, visibility, range).await?;
        hours.add_tallies(&tallies, &key);
        return Ok(hours);
    }
    let stretch = Stretch::of(range, rollups::pruned_before(db).await?);
    let mut hours = Hours::default();
    rollups::add(db, &[rollups::HOURLY], &[stretch.whole()], |found| {
        if let Some((hour, severity)) = rollups::from_hourly(found.value) {
            hours.add(key(hour), severity, found.counts);
        }
    })
    .await?;
    let which: Vec<Which> = stretch.parts().iter().map(Which::of).collect();
    let want = Want {
        dimensions: &[Dimension::Severity],
        incidents: false,
        deliveries: false,
    };
    for part in rollups::recount(db, &which, want).await? {
        hours.add_tallies(&part, &key);
    }
    Ok(hours)
}
