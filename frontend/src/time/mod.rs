//! Formatting of times and durations.

mod humanize;
mod local;

pub use humanize::duration;
pub use local::{
    browser_zone, day_of, from_input, hour_of, local, local_short, now, set_zone, to_input, utc,
    zone, zones,
};

use chrono::{DateTime, Utc};

use crate::i18n::Lang;

/// "3 min ago". Times older than thirty days, or in the future, are dates.
pub fn ago(lang: Lang, time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds();
    if !(-60..30 * 24 * 3600).contains(&seconds) {
        return local_short(time, now);
    }
    humanize::ago(lang, seconds)
}
