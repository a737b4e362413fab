//! Forecast of the database size, assuming recent growth continues.

use std::time::Duration;

use tocsin_core::time::Timestamp;

use super::{Part, StorageUsage};

/// Retention of everything except log entries; `None`: forever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Deliveries.
    pub deliveries: Option<Duration>,
    /// Raw bodies.
    pub bodies: Option<Duration>,
    /// Notifications.
    pub mails: Option<Duration>,
}

/// Growth of a part until its retention period is reached.
struct Growth {
    bytes_a_day: f64,
    /// Days of data present.
    held: f64,
    /// Days of data kept.
    kept: f64,
}

impl Growth {
    fn within(&self, days: f64) -> f64 {
        let then = (self.held + days).min(self.kept);
        let now = self.held.min(self.kept);
        self.bytes_a_day * (then - now)
    }
}

/// Returns the expected size of the database in bytes, `days` after `now`: each day adds as
/// much as recent days, and expired data is deleted.
///
/// Data that a new rule deletes today is not subtracted: PostgreSQL does not return the space
/// to the disk, and SQLite already counts it as free.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "an estimate"
)]
pub fn forecast(sizes: &StorageUsage, kept: &Kept, now: Timestamp, days: u32) -> i64 {
    let days_of = |span: Duration| span.as_secs_f64() / 86_400.0;
    let limit = |span: Option<Duration>| span.map_or(f64::INFINITY, days_of);
    let age = |oldest: Option<Timestamp>| oldest.map_or(0.0, |time| days_of(now.since(time)));
    let held = age(sizes.oldest_entry);
    let an_entry = sizes.bytes_an_entry().unwrap_or_default();
    let mut growths: Vec<Growth> = sizes
        .shares
        .iter()
        .map(|(keep, share)| Growth {
            bytes_a_day: sizes.entries_a_day * share * an_entry,
            held,
            kept: limit(*keep),
        })
        .collect();
    let parts = [Part::Deliveries, Part::Bodies, Part::Mails];
    let keeps = [kept.deliveries, kept.bodies, kept.mails];
    for ((part, keep), oldest) in parts.into_iter().zip(keeps).zip(sizes.oldest) {
        let held = age(oldest);
        growths.push(Growth {
            // A database younger than a day is treated as a day old.
            bytes_a_day: sizes.part(part) as f64 / held.max(1.0),
            held,
            kept: limit(keep),
        });
    }
    growths.push(Growth {
        bytes_a_day: sizes.part(Part::Statistics) as f64 / held.max(1.0),
        held,
        kept: f64::INFINITY,
    });
    let growth: f64 = growths
        .iter()
        .map(|growth| growth.within(f64::from(days)))
        .sum();
    sizes
        .bytes
        .saturating_add((growth - sizes.free as f64).max(0.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn days(days: u64) -> Option<Duration> {
        Some(Duration::from_secs(days * DAY))
    }

    fn ago(days: u64) -> Option<Timestamp> {
        Some(now().minus(Duration::from_secs(days * DAY)))
    }

    fn now() -> Timestamp {
        Timestamp::from_micros(1_760_000_000_000_000)
    }

    fn sizes() -> StorageUsage {
        let mut parts = [0; 8];
        parts[Part::Log as usize] = 100_000;
        parts[Part::Bodies as usize] = 300_000;
        StorageUsage {
            bytes: 400_000,
            parts,
            entries: 1_000,
            entries_a_day: 10.0,
            oldest_entry: ago(100),
            oldest: [None, ago(30), None],
            shares: vec![(None, 1.0)],
            ..StorageUsage::default()
        }
    }

    #[test]
    fn data_kept_forever_grows() {
        let kept = Kept {
            bodies: days(30),
            ..Kept::default()
        };
        // Ten entries of 100 bytes a day; the number of bodies stays the same.
        assert_eq!(forecast(&sizes(), &kept, now(), 30), 430_000);
        assert_eq!(forecast(&sizes(), &kept, now(), 365), 765_000);
        // Plus bodies: 10,000 bytes a day.
        assert_eq!(forecast(&sizes(), &Kept::default(), now(), 30), 730_000);
    }

    #[test]
    fn data_with_retention_stops_growing() {
        let kept = Kept {
            bodies: days(40),
            ..Kept::default()
        };
        let mut sizes = sizes();
        sizes.shares = vec![(days(90), 0.5), (days(110), 0.25), (None, 0.25)];
        // Half has reached its retention, a quarter will within ten days, and bodies grow for
        // ten more days.
        let expected = 400_000 + 10 * 250 + 365 * 250 + 10 * 10_000;
        assert_eq!(forecast(&sizes, &kept, now(), 365), expected);
        // Free space is filled first.
        sizes.free = 50_000;
        assert_eq!(forecast(&sizes, &kept, now(), 365), expected - 50_000);
        assert_eq!(forecast(&StorageUsage::default(), &kept, now(), 365), 0);
    }
}
