use chrono::{DateTime, Utc};
use gloo_timers::callback::Interval;
use yew::prelude::*;

use crate::time;

/// How often "3 min ago" is looked at again, in milliseconds.
const TICK: u32 = 20_000;

#[derive(Clone, PartialEq)]
struct Clock(DateTime<Utc>);

/// Lets everything below know what time it is.
#[component]
pub fn ClockProvider(props: &yew::html::ChildrenProps) -> Html {
    let now = use_state(time::now);
    let setter = now.setter();
    use_effect_with((), move |()| {
        let interval = Interval::new(TICK, move || setter.set(time::now()));
        move || drop(interval)
    });
    html! {
        <ContextProvider<Clock> context={Clock(*now)}>{ props.children.clone() }</ContextProvider<Clock>>
    }
}

/// The present, renewed every now and then.
#[hook]
pub fn use_clock() -> DateTime<Utc> {
    use_context::<Clock>().map_or_else(time::now, |clock| clock.0)
}
