use std::rc::Rc;

use gloo_timers::callback::Interval;
use tocsin_api_types::{ChangeEvent, SystemStatus};
use yew::prelude::*;

use super::{Signal, Signals, signals::use_listener};
use crate::api::use_fetch;

/// How often the system status is fetched, in milliseconds.
const TICK: u32 = 30_000;

/// The system status, updated regularly.
#[hook]
pub(super) fn use_new_status(signals: &Signals) -> Option<Rc<SystemStatus>> {
    let fetched = use_fetch::<SystemStatus>("status".to_owned());
    {
        let reload = fetched.reload.clone();
        use_effect_with((), move |()| {
            let interval = Interval::new(TICK, move || reload.emit(()));
            move || drop(interval)
        });
    }
    let reload = fetched.reload;
    use_listener(
        signals,
        Callback::from(move |signal| {
            // A failed notification may start a pause of e-mail.
            if matches!(
                signal,
                Signal::Resync | Signal::Change(ChangeEvent::Notification(_))
            ) {
                reload.emit(());
            }
        }),
    );
    fetched.data
}
