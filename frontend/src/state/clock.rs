use chrono::{DateTime, Utc};
use gloo_timers::callback::Interval;
use yew::prelude::*;

use crate::time;

/// How often "3 min ago" is looked at again, in milliseconds.
const TICK: u32 = 20_000;

/// The present, renewed every now and then.
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
