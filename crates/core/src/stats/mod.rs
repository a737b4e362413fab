//! Hourly counts, the data of all statistics.
//!
//! [`Delta`] holds hour → dimension → value → [`Counts`]. Ingest creates one for each batch and
//! stores it with the batch; a worker adds them to the roll-ups later. Addition is commutative, so
//! the result does not depend on the order.

mod bytes;
pub mod list;

use std::collections::{BTreeMap, HashMap};

use crate::alert::Status;
use crate::time::Timestamp;

pub use list::List;

/// Microseconds in an hour.
pub const HOUR: i64 = 3_600_000_000;

/// Dimension of the counts. The discriminant is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// Source of the delivery.
    Source = 0,
    /// Severity as received.
    Severity = 1,
    /// The team.
    Team = 2,
    /// The alert's name.
    Alertname = 3,
    /// The instance.
    Instance = 4,
}

impl Dimension {
    /// All dimensions, ordered by discriminant.
    pub const ALL: [Self; 5] = [
        Self::Source,
        Self::Severity,
        Self::Team,
        Self::Alertname,
        Self::Instance,
    ];

    /// The stored discriminant.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// The counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Firing log entries.
    pub firing: u64,
    /// Resolved log entries.
    pub resolved: u64,
    /// Opened incidents.
    pub opened: u64,
    /// Ended incidents, without copies.
    pub ended: u64,
    /// Accepted deliveries; in [`Dimension::Source`] only.
    pub deliveries: u64,
    /// Incidents among `opened` that turned out to be delayed copies
    /// ([`crate::lifecycle::EndReason::Copy`]), counted in the hour when they were opened.
    pub copies: u64,
}

impl Counts {
    /// Log entries of either status.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.firing.saturating_add(self.resolved)
    }

    /// Opened incidents without copies.
    #[must_use]
    pub const fn net_opened(&self) -> u64 {
        self.opened.saturating_sub(self.copies)
    }

    /// Whether all counters are zero.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds `other`; saturates.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in self.fields_mut().into_iter().zip(other.fields()) {
            *to = to.saturating_add(from);
        }
    }

    /// The counters in stored order.
    const fn fields(&self) -> [u64; 6] {
        [
            self.firing,
            self.resolved,
            self.opened,
            self.ended,
            self.deliveries,
            self.copies,
        ]
    }

    const fn fields_mut(&mut self) -> [&mut u64; 6] {
        [
            &mut self.firing,
            &mut self.resolved,
            &mut self.opened,
            &mut self.ended,
            &mut self.deliveries,
            &mut self.copies,
        ]
    }
}

/// Fields that a log entry or incident is counted under: those of its alert as first received, so
/// that an incident's end is counted under the same values as its start.
#[derive(Clone, Copy, Debug)]
pub struct StatsKey<'a> {
    /// The source.
    pub source: &'a str,
    /// The severity.
    pub severity: &'a str,
    /// The team.
    pub team: &'a str,
    /// The alert's name.
    pub alertname: &'a str,
    /// The instance.
    pub instance: &'a str,
}

impl<'a> StatsKey<'a> {
    /// The values, in the order of [`Dimension::ALL`].
    const fn values(&self) -> [&'a str; 5] {
        [
            self.source,
            self.severity,
            self.team,
            self.alertname,
            self.instance,
        ]
    }
}

/// The bytes are not an encoded [`Delta`] or [`List`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored statistics are corrupt")]
pub struct CorruptDelta;

type Values = HashMap<Box<str>, Counts, foldhash::fast::RandomState>;

/// Counts by hour, dimension and value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// By hours since the epoch; a map for each of [`Dimension::ALL`].
    hours: BTreeMap<i64, [Values; 5]>,
}

impl Delta {
    /// Counts an accepted delivery, received at `at`.
    pub fn delivery(&mut self, at: Timestamp, source: &str) {
        let one = Counts {
            deliveries: 1,
            ..Counts::default()
        };
        self.add(hour_of(at), Dimension::Source, source, &one);
    }

    /// Counts a log entry of a delivery received at `at`.
    pub fn entry(&mut self, at: Timestamp, of: &StatsKey<'_>, status: Status) {
        self.count(at, of, |counts| match status {
            Status::Firing => &mut counts.firing,
            Status::Resolved => &mut counts.resolved,
        });
    }

    /// Counts an opened incident, received at `at`. An incident of which only the end was reported
    /// opens and ends at once.
    pub fn opened(&mut self, at: Timestamp, of: &StatsKey<'_>) {
        self.count(at, of, |counts| &mut counts.opened);
    }

    /// Counts a delayed copy whose incident was opened at `at`.
    pub fn copy(&mut self, at: Timestamp, of: &StatsKey<'_>) {
        self.count(at, of, |counts| &mut counts.copies);
    }

    /// Counts an ended incident; `at` is when the end was received.
    pub fn ended(&mut self, at: Timestamp, of: &StatsKey<'_>) {
        self.count(at, of, |counts| &mut counts.ended);
    }

    fn count(&mut self, at: Timestamp, of: &StatsKey<'_>, field: impl Fn(&mut Counts) -> &mut u64) {
        let maps = self.hours.entry(hour_of(at)).or_default();
        for (map, value) in maps.iter_mut().zip(of.values()) {
            change(map, value, |counts| {
                let field = field(counts);
                *field = field.saturating_add(1);
            });
        }
    }

    /// Adds counts; `hour` is in hours since the epoch. Zero counts add no value.
    pub fn add(&mut self, hour: i64, dimension: Dimension, value: &str, counts: &Counts) {
        if !counts.is_empty() {
            let maps = self.hours.entry(hour).or_default();
            let map = &mut maps[usize::from(dimension.code())];
            change(map, value, |existing| existing.add(counts));
        }
    }

    /// Adds the same counts in every dimension.
    pub fn add_key(&mut self, hour: i64, of: &StatsKey<'_>, counts: &Counts) {
        for (dimension, value) in Dimension::ALL.into_iter().zip(of.values()) {
            self.add(hour, dimension, value, counts);
        }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Self) {
        for (hour, maps) in other.hours {
            let own = self.hours.entry(hour).or_default();
            for (own, map) in own.iter_mut().zip(maps) {
                for (value, counts) in map {
                    own.entry(value).or_default().add(&counts);
                }
            }
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }

    /// The hours with counts, oldest first, in hours since the epoch.
    pub fn hours(&self) -> impl Iterator<Item = i64> {
        self.hours.keys().copied()
    }

    /// The values of one hour and dimension with their counts, in no particular order.
    pub fn values(&self, hour: i64, dimension: Dimension) -> impl Iterator<Item = (&str, &Counts)> {
        self.hours
            .get(&hour)
            .into_iter()
            .flat_map(move |maps| &maps[usize::from(dimension.code())])
            .map(|(value, counts)| (&**value, counts))
    }

    /// Encodes it: a version, the number of hours, then each hour with a list for each dimension.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        bytes::put(&mut out, self.hours.len() as u64);
        for (hour, maps) in &self.hours {
            bytes::put_signed(&mut out, *hour);
            for map in maps {
                put_sorted(&mut out, map);
            }
        }
        out
    }

    /// The list of one hour and dimension, encoded as by [`List::encode`]; `None` if it is empty.
    #[must_use]
    pub fn list(&self, hour: i64, dimension: Dimension) -> Option<Vec<u8>> {
        let map = &self.hours.get(&hour)?[usize::from(dimension.code())];
        (!map.is_empty()).then(|| {
            let mut out = vec![list::VERSION];
            put_sorted(&mut out, map);
            out
        })
    }

    /// Decodes the output of [`Delta::encode`].
    ///
    /// # Errors
    /// [`CorruptDelta`] for any other input.
    pub fn decode(data: &[u8]) -> Result<Self, CorruptDelta> {
        let mut delta = Self::default();
        delta.add_encoded(data)?;
        Ok(delta)
    }

    /// Adds the output of [`Delta::encode`].
    ///
    /// # Errors
    /// [`CorruptDelta`] for any other input; part of it may have been added.
    pub fn add_encoded(&mut self, data: &[u8]) -> Result<(), CorruptDelta> {
        Self::read(data, |hour, dimension, value, counts| {
            let value = str::from_utf8(value).map_err(|_| CorruptDelta)?;
            self.add(hour, dimension, value, counts);
            Ok(())
        })
    }

    /// Calls `each` with the counts in the output of [`Delta::encode`] (hour, dimension, value,
    /// counts), without keeping them.
    ///
    /// # Errors
    /// [`CorruptDelta`] for any other input, and the errors of `each`.
    pub fn read(
        data: &[u8],
        mut each: impl FnMut(i64, Dimension, &[u8], &Counts) -> Result<(), CorruptDelta>,
    ) -> Result<(), CorruptDelta> {
        let mut data = data;
        if bytes::take_byte(&mut data)? != VERSION {
            return Err(CorruptDelta);
        }
        for _ in 0..bytes::take(&mut data)? {
            let hour = bytes::take_signed(&mut data)?;
            for dimension in Dimension::ALL {
                list::take(&mut data, |value, counts| {
                    each(hour, dimension, value, counts)
                })?;
            }
        }
        match data {
            [] => Ok(()),
            _ => Err(CorruptDelta),
        }
    }
}

const VERSION: u8 = 1;

/// Hours since the epoch.
#[must_use]
pub const fn hour_of(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(HOUR)
}

fn put_sorted(out: &mut Vec<u8>, map: &Values) {
    let mut sorted: Vec<(&[u8], &Counts)> = map
        .iter()
        .map(|(value, counts)| (value.as_bytes(), counts))
        .collect();
    sorted.sort_unstable_by_key(|(value, _)| *value);
    list::put(out, sorted.into_iter());
}

/// Changes the counts of a value, allocating the key only if it is new.
fn change(map: &mut Values, value: &str, how: impl FnOnce(&mut Counts)) {
    match map.get_mut(value) {
        Some(counts) => how(counts),
        None => how(map.entry(value.into()).or_default()),
    }
}

#[cfg(test)]
mod tests;
