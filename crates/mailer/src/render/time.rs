//! Formatting of times and durations.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::words::Words;

/// `2026-11-22 19:14:12 +08:00`, in the recipient's zone. With the offset instead of the zone's
/// abbreviation: CST is China's and Chicago's.
pub(super) fn local(time: DateTime<Utc>, zone: Tz) -> String {
    time.with_timezone(&zone)
        .format("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// The two largest units of a duration (`2 h 5 min`); empty if it is negative or below a second.
pub(super) fn duration(length: TimeDelta, words: &Words) -> String {
    let seconds = length.num_seconds();
    if length < TimeDelta::zero() {
        return String::new();
    }
    let units = [
        ("d", seconds / 86_400),
        ("h", seconds / 3_600 % 24),
        ("min", seconds / 60 % 60),
        ("s", seconds % 60),
    ];
    let first = units
        .iter()
        .position(|(_, n)| *n > 0)
        .unwrap_or(units.len() - 1);
    units[first..]
        .iter()
        .take(2)
        .enumerate()
        .filter(|(place, (_, n))| *place == 0 || *n > 0)
        .filter_map(|(_, (unit, n))| words.phrase(unit, &[("n", &n.to_string())]))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let words =
            Words::parse("d = \"{n} d\"\nh = \"{n} h\"\nmin = \"{n} min\"\ns = \"{n} s\"").unwrap();
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_659, "1 h"),
            (7_500, "2 h 5 min"),
            (86_400 * 3 + 3_600, "3 d 1 h"),
            (-1, ""),
        ] {
            assert_eq!(
                duration(TimeDelta::seconds(seconds), &words),
                expected,
                "{seconds}"
            );
        }
    }

    #[test]
    fn times_are_in_the_zone_with_its_offset_then() {
        let time = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(
            local(time, chrono_tz::Asia::Shanghai),
            "2023-11-15 06:13:20 +08:00"
        );
        assert_eq!(
            local(time, chrono_tz::Europe::Berlin),
            "2023-11-14 23:13:20 +01:00"
        );
        assert_eq!(local(time, chrono_tz::UTC), "2023-11-14 22:13:20 +00:00");
        for extreme in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            local(extreme, chrono_tz::Asia::Shanghai);
            local(extreme, chrono_tz::America::New_York);
        }
    }
}
