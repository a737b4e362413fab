//! The time that a list is limited to.

use chrono::{DateTime, TimeDelta, Utc};

/// A time that moves along with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The last hour.
    Hour,
    /// The last six hours.
    SixHours,
    /// The last 24 hours.
    Day,
    /// The last seven days.
    Week,
    /// The last thirty days.
    Month,
}

impl Preset {
    /// All of them, the shortest first.
    pub const ALL: [Self; 5] = [
        Self::Hour,
        Self::SixHours,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// As the address bar writes it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// How long it is.
    pub fn length(self) -> TimeDelta {
        TimeDelta::hours(match self {
            Self::Hour => 1,
            Self::SixHours => 6,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        })
    }

    /// Reads what [`Preset::code`] writes.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.code() == code)
    }
}

/// The time that a list is limited to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// Not limited.
    #[default]
    All,
    /// The last hours or days.
    Last(Preset),
    /// From a time (included) to a time (excluded); either may be open.
    Between(Option<DateTime<Utc>>, Option<DateTime<Utc>>),
}

impl Range {
    /// The two ends, as of `now`.
    pub fn bounds(self, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        match self {
            Self::All => (None, None),
            // Whole minutes, so that the same question has the same address
            // for a while.
            Self::Last(preset) => (Some(minute(now - preset.length())), None),
            Self::Between(from, to) => (from, to),
        }
    }
}

fn minute(time: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = time.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(60), 0).unwrap_or(time)
}
