use chrono::{DateTime, Utc};
use gloo_timers::callback::Interval;
use yew::prelude::*;

use crate::time;

/// How often relative times are updated, in milliseconds.
const TICK: u32 = 20_000;

/// The current time, updated every [`TICK`].
#[hook]
pub(super) fn use_new_clock() -> DateTime<Utc> {
    let now = use_state(time::now);
    let setter = now.setter();
    use_effect_with((), move |()| {
        let interval = Interval::new(TICK, move || setter.set(time::now()));
        move || drop(interval)
    });
    *now
}
