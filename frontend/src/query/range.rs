//! Time range of a list.

use chrono::{DateTime, TimeDelta, Utc};

/// A range relative to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    Hour,
    SixHours,
    Day,
    Week,
    Month,
}

impl Preset {
    /// Shortest first.
    pub const ALL: [Self; 5] = [
        Self::Hour,
        Self::SixHours,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// Value in the URL.
    pub fn code(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    pub fn length(self) -> TimeDelta {
        TimeDelta::hours(match self {
            Self::Hour => 1,
            Self::SixHours => 6,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        })
    }

    /// Parses a [`Preset::code`].
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.code() == code)
    }
}

/// Time range of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    #[default]
    All,
    Last(Preset),
    /// From (inclusive) to (exclusive); either may be open.
    Between(Option<DateTime<Utc>>, Option<DateTime<Utc>>),
}

impl Range {
    /// From and to, relative to `now`.
    pub fn bounds(self, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        match self {
            Self::All => (None, None),
            // Whole minutes, so that repeated requests have the same URL.
            Self::Last(preset) => (Some(minute(now - preset.length())), None),
            Self::Between(from, to) => (from, to),
        }
    }
}

fn minute(time: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = time.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(60), 0).unwrap_or(time)
}
