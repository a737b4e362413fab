//! The bars of the timeline. Pure: tested on the host.

use chrono::{DateTime, TimeDelta, Utc};
use tocsin_api_types::{Bucket, TimelinePoint};

/// Severities that have a colour; the last stands for all others.
pub const KINDS: [&str; 4] = ["critical", "warning", "info", ""];
/// More bars than this cannot be told apart.
const MOST: i64 = 400;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
    /// Firing entries by [`KINDS`].
    pub kinds: [i64; 4],
    /// Resolved entries.
    pub resolved: i64,
}

impl Bar {
    /// All firing entries.
    pub fn firing(&self) -> i64 {
        self.kinds.iter().sum()
    }
}

/// Hours for up to a week, days for more.
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

/// A bar for every bucket of the time, those without entries included.
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
    // The end is excluded; a time just at a border begins no new bucket.
    let last = (to.timestamp() - 1).div_euclid(size);
    let first = number(start).max(last - MOST + 1);
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
    fn empty_hours_are_bars_too() {
        let points = [point(1, "critical", 2), point(4, "page", 3)];
        let bars = bars(&points, Bucket::Hour, Some(at(0, 30)), at(5, 0));
        let firing: Vec<i64> = bars.iter().map(Bar::firing).collect();
        assert_eq!(firing, [0, 2, 0, 0, 3]);
        assert_eq!(bars[4].kinds, [0, 0, 0, 3]);
        assert_eq!((bars[1].from, bars[1].to), (at(1, 0), at(2, 0)));
    }

    #[test]
    fn years_are_cut_to_what_can_be_seen() {
        let from = Utc.with_ymd_and_hms(2020, 1, 1, 0, 0, 0).unwrap();
        let bars = bars(&[point(1, "info", 1)], Bucket::Day, Some(from), at(5, 0));
        assert_eq!(bars.len() as i64, MOST);
        assert_eq!(bars.last().map(Bar::firing), Some(1));
    }

    #[test]
    fn a_week_is_hours_and_a_month_is_days() {
        let to = at(5, 0);
        assert_eq!(bucket_for(Some(to - TimeDelta::days(7)), to), Bucket::Hour);
        assert_eq!(bucket_for(Some(to - TimeDelta::days(30)), to), Bucket::Day);
        assert_eq!(bucket_for(None, to), Bucket::Day);
    }
}
