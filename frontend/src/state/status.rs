use std::rc::Rc;

use gloo_timers::callback::Interval;
use tocsin_api_types::{ChangeEvent, SystemStatus};
use yew::prelude::*;

use super::{Signal, use_signals};
use crate::api::use_fetch;

/// How often the system's state is read, in milliseconds.
const TICK: u32 = 30_000;

#[derive(Clone, PartialEq)]
struct Known(Option<Rc<SystemStatus>>);

/// Keeps the system's state for everything below.
#[component]
pub fn StatusProvider(props: &yew::html::ChildrenProps) -> Html {
    let fetched = use_fetch::<SystemStatus>("status".to_owned());
    {
        let reload = fetched.reload.clone();
        use_effect_with((), move |()| {
            let interval = Interval::new(TICK, move || reload.emit(()));
            move || drop(interval)
        });
    }
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| {
        // A failed mail may be the first of a pause.
        if matches!(
            signal,
            Signal::Resync | Signal::Change(ChangeEvent::Notification(_))
        ) {
            reload.emit(());
        }
    }));
    html! {
        <ContextProvider<Known> context={Known(fetched.data)}>
            { props.children.clone() }
        </ContextProvider<Known>>
    }
}

/// The system's state, once it is known.
#[hook]
pub fn use_status() -> Option<Rc<SystemStatus>> {
    use_context::<Known>().and_then(|known| known.0)
}
