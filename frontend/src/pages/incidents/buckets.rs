//! The bars of the timeline chart. Pure, so that it is tested on the host.

use chrono::{DateTime, TimeDelta, Utc};
use tocsin_api_types::{Bucket, TimelinePoint};

/// Severities with a color; the last one stands for all others.
pub const KINDS: [&str; 4] = ["critical", "warning", "info", ""];
/// Most bars that can be distinguished.
const MAX_BARS: i64 = 400;

#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Firing entries by severity, in the order of [`KINDS`].
    pub kinds: [i64; 4],
    pub resolved: i64,
}

impl Bar {
    pub fn firing(&self) -> i64 {
        self.kinds.iter().sum()
    }
}

/// Hours for up to a week, days for longer ranges.
pub fn bucket_for(from: Option<DateTime<Utc>>, to: DateTime<Utc>) -> Bucket {
    match from {
        Some(from) if to - from <= TimeDelta::hours(7 * 24 + 1) => Bucket::Hour,
        _ => Bucket::Day,
    }
}

fn seconds(bucket: Bucket) -> i64 {
    match bucket {
        Bucket::Hour => 3_600,
        Bucket::Day => 86_400,
    }
}

/// One bar for each bucket of the range, including empty ones.
pub fn bars(
    points: &[TimelinePoint],
    bucket: Bucket,
    from: Option<DateTime<Utc>>,
    to: DateTime<Utc>,
) -> Vec<Bar> {
    let size = seconds(bucket);
    let number = |time: DateTime<Utc>| time.timestamp().div_euclid(size);
    let Some(start) = from.or_else(|| points.first().map(|point| point.at)) else {
        return Vec::new();
    };
    // The end is exclusive: a time on the border of a bucket does not start a new bucket.
    let last = (to.timestamp() - 1).div_euclid(size);
    let first = number(start).max(last - MAX_BARS + 1);
    let mut bars: Vec<Bar> = (first..=last)
        .filter_map(|at| {
            Some(Bar {
                from: DateTime::from_timestamp(at * size, 0)?,
                to: DateTime::from_timestamp((at + 1) * size, 0)?,
                kinds: [0; 4],
                resolved: 0,
            })
        })
        .collect();
    for point in points {
        let place = usize::try_from(number(point.at) - first).ok();
        let Some(bar) = place.and_then(|place| bars.get_mut(place)) else {
            continue;
        };
        bar.resolved += point.resolved;
        for count in &point.by_severity {
            let kind = KINDS.iter().position(|kind| *kind == count.value);
            bar.kinds[kind.unwrap_or(KINDS.len() - 1)] += count.count;
        }
    }
    bars
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use tocsin_api_types::Count;

    use super::*;

    fn at(hour: u32, minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 4, hour, minute, 0).unwrap()
    }

    fn point(hour: u32, severity: &str, count: i64) -> TimelinePoint {
        TimelinePoint {
            at: at(hour, 0),
            firing: count,
            resolved: 1,
            by_severity: vec![Count {
                value: severity.into(),
                count,
            }],
        }
    }

    #[test]
    fn empty_buckets_have_bars() {
        let points = [point(1, "critical", 2), point(4, "page", 3)];
        let bars = bars(&points, Bucket::Hour, Some(at(0, 30)), at(5, 0));
        let firing: Vec<i64> = bars.iter().map(Bar::firing).collect();
        assert_eq!(firing, [0, 2, 0, 0, 3]);
        assert_eq!(bars[4].kinds, [0, 0, 0, 3]);
        assert_eq!((bars[1].from, bars[1].to), (at(1, 0), at(2, 0)));
    }

    #[test]
    fn long_ranges_are_cut_to_max_bars() {
        let from = Utc.with_ymd_and_hms(2020, 1, 1, 0, 0, 0).unwrap();
        let bars = bars(&[point(1, "info", 1)], Bucket::Day, Some(from), at(5, 0));
        assert_eq!(bars.len() as i64, MAX_BARS);
        assert_eq!(bars.last().map(Bar::firing), Some(1));
    }

    #[test]
    fn buckets_are_hours_up_to_a_week_and_days_beyond() {
        let to = at(5, 0);
        assert_eq!(bucket_for(Some(to - TimeDelta::days(7)), to), Bucket::Hour);
        assert_eq!(bucket_for(Some(to - TimeDelta::days(30)), to), Bucket::Day);
        assert_eq!(bucket_for(None, to), Bucket::Day);
    }
}
