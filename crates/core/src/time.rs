//! Timestamps, as both databases store them.
//!
//! This crate never reads a clock: functions take the current time as a parameter.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

/// A point in time: microseconds since the Unix epoch, UTC.
///
/// PostgreSQL stores microseconds, and a `BIGINT` holds them in both databases. The nanoseconds
/// that Prometheus sends are truncated, never rounded, so that order is preserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The first instant of the year 2; anything earlier means "not set".
const END_OF_ZERO_YEAR: i64 = -62_104_060_800_000_000;

impl Timestamp {
    /// Creates a timestamp from microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The same instant for chrono, clamped to its range.
    #[must_use]
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// This time plus `span`; saturates.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// This time minus `span`; saturates.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// Time since `earlier`; zero if this is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let micros = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Whether this is Go's zero time, `0001-01-01T00:00:00Z`, which means "not set".
    ///
    /// The whole year 1 (and anything before it) counts: a sender that formats the zero time in its
    /// local zone, with a historical offset, is hours away from it.
    #[must_use]
    pub const fn is_zero_time(self) -> bool {
        self.0 < END_OF_ZERO_YEAR
    }

    /// Parses RFC 3339 with any offset and any number of fraction digits, truncated to
    /// microseconds. `t`, `z` and a space in place of `T` are accepted, as RFC 3339 section 5.6
    /// permits; so is an offset without a colon. A time without an offset is rejected as ambiguous.
    ///
    /// # Errors
    ///
    /// [`UnreadableTime`] if the string has another format or names a day that does not exist.
    pub fn parse_rfc3339(text: &str) -> Result<Self, UnreadableTime> {
        read(text.as_bytes()).ok_or(UnreadableTime)
    }
}

/// The string is not an RFC 3339 time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2026-01-31T23:59:59Z")]
pub struct UnreadableTime;

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

/// RFC 3339 in UTC, with 0, 3 or 6 fraction digits as needed.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            &self
                .to_datetime()
                .to_rfc3339_opts(SecondsFormat::AutoSi, true),
        )
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// Written by hand instead of with chrono's parser: it runs twice for every alert, and the accepted
/// formats are explicit.
fn read(text: &[u8]) -> Option<Timestamp> {
    let (head, rest) = text.split_at_checked(19)?;
    if head[4] != b'-' || head[7] != b'-' || head[13] != b':' || head[16] != b':' {
        return None;
    }
    if !matches!(head[10], b'T' | b't' | b' ') {
        return None;
    }
    let year = i32::try_from(number(&head[0..4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&head[5..7])?, number(&head[8..10])?)?;
    let (hour, minute, second) = (
        number(&head[11..13])?,
        number(&head[14..16])?,
        number(&head[17..19])?,
    );
    // 60 is a leap second; Unix time has none, so it becomes the following second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, rest) = fraction(rest)?;
    let days = i64::from(date.to_epoch_days());
    let seconds =
        days * 86_400 + i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some(Timestamp(
        (seconds - offset(rest)?) * 1_000_000 + i64::from(fraction),
    ))
}

/// Parses decimal digits only.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

/// The fraction in microseconds, and the rest of the input.
fn fraction(rest: &[u8]) -> Option<(u32, &[u8])> {
    let Some(tail) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let length = tail.iter().take_while(|b| b.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let micros = (0..6).fold(0, |sum, i| {
        sum * 10
            + tail[..length]
                .get(i)
                .map_or(0, |digit| u32::from(digit - b'0'))
    });
    Some((micros, &tail[length..]))
}

/// The offset from UTC in seconds.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'Z' | b'z'] => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [a, b, b':', c, d] | [a, b, c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
        _ => return None,
    };
    (hours <= 23 && minutes <= 59)
        .then(|| sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn micros_of(text: &str) -> i64 {
        Timestamp::parse_rfc3339(text).unwrap().as_micros()
    }

    #[test]
    fn all_accepted_formats_are_parsed() {
        for text in [
            "2026-11-20T08:00:00Z",
            "2026-11-20t08:00:00z",
            "2026-11-20 08:00:00.0Z",
            "2026-11-20T16:00:00+08:00",
            "2026-11-20T16:00:00+0800",
            "2026-11-20T02:30:00.000000000000-05:30",
            "2026-11-19T23:59:60-08:00",
        ] {
            assert_eq!(micros_of(text), 1_795_161_600_000_000, "{text}");
        }
    }

    #[test]
    fn nanoseconds_are_truncated() {
        assert_eq!(micros_of("1970-01-01T00:00:00.3Z"), 300_000);
        assert_eq!(micros_of("1970-01-01T00:00:00.123456999Z"), 123_456);
        assert_eq!(
            micros_of("1970-01-01T00:00:00.12345678901234567890Z"),
            123_456
        );
        // Before the epoch it is also truncated towards the earlier instant.
        assert_eq!(micros_of("1969-12-31T23:59:59.9999999Z"), -1);
    }

    #[test]
    fn invalid_times_are_rejected() {
        for text in [
            "",
            "now",
            "2026-11-20",
            "2026-11-20T08:00:00",
            "2026-11-20T08:00Z",
            "2026-11-20T08:00:00.Z",
            "2026-11-20T08:00:00Zz",
            "2026-11-20T24:00:00Z",
            "2026-11-20T08:60:00Z",
            "2026-11-20T08:00:61Z",
            "2026-02-29T08:00:00Z",
            "2026-13-01T08:00:00Z",
            "2026-11-20T08:00:00+24:00",
            "2026-11-20T08:00:00+08",
            "+026-11-20T08:00:00Z",
            "2026-11-20T08:00:0中Z",
            "2026-11-20T08:00:00中",
        ] {
            assert_eq!(
                Timestamp::parse_rfc3339(text),
                Err(UnreadableTime),
                "{text}"
            );
        }
    }

    #[test]
    fn the_zero_time_is_recognized_in_any_zone() {
        let zero = |text: &str| Timestamp::parse_rfc3339(text).unwrap().is_zero_time();
        assert!(zero("0001-01-01T00:00:00Z"));
        assert!(zero("0001-01-01T08:05:43+08:05"));
        assert!(zero("0000-12-31T16:00:00-08:00"));
        assert!(zero("0001-12-31T23:59:59.999999Z"));
        assert!(!zero("0002-01-01T00:00:00Z"));
        assert!(!zero("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn display_is_utc() {
        let shown = |micros| Timestamp::from_micros(micros).to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(1_500_000), "1970-01-01T00:00:01.500Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn arithmetic_saturates() {
        let second = Duration::from_secs(1);
        let time = Timestamp::from_micros(5);
        assert_eq!(time.plus(second).minus(second), time);
        assert_eq!(time.plus(second).since(time), second);
        assert_eq!(time.since(time.plus(second)), Duration::ZERO);
        let (first, last) = (
            Timestamp::from_micros(i64::MIN),
            Timestamp::from_micros(i64::MAX),
        );
        assert_eq!(last.plus(Duration::MAX), last);
        assert_eq!(first.minus(Duration::MAX), first);
        assert_eq!(last.since(first), Duration::from_micros(u64::MAX));
        assert_eq!(last.to_datetime(), DateTime::<Utc>::MAX_UTC);
        assert_eq!(first.to_datetime(), DateTime::<Utc>::MIN_UTC);
    }

    proptest! {
        #[test]
        fn display_round_trips(micros in -62_135_596_800_000_000..253_402_300_799_999_999i64) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Ok(time));
            prop_assert_eq!(Timestamp::from(time.to_datetime()), time);
        }

        #[test]
        fn parsing_agrees_with_chrono(text in "20[0-9]{2}-0[1-9]-[0-2][1-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9]:[0-5][0-9])") {
            let chrono = DateTime::parse_from_rfc3339(&text).ok().map(|t| t.to_utc().into());
            prop_assert_eq!(Timestamp::parse_rfc3339(&text).ok(), chrono);
        }

        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            let _ = Timestamp::parse_rfc3339(&text);
        }
    }
}
