//! Times and durations as people read them.

mod local;
mod spoken;

pub use local::{
    browser_zone, day_of, from_input, hour_of, local, local_short, now, set_zone, to_input, utc,
    zone, zones,
};
pub use spoken::duration;

use chrono::{DateTime, Utc};

use crate::i18n::Lang;

/// "3 min ago". What is older than thirty days, or ahead of the clock, is a
/// date.
pub fn ago(lang: Lang, time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds();
    if !(-60..30 * 24 * 3600).contains(&seconds) {
        return local_short(time, now);
    }
    spoken::ago(lang, seconds)
}
