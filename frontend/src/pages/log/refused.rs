use tocsin_api_types::{ChangeEvent, Delivery, Page};
use yew::prelude::*;

use crate::{
    api::{self, use_fetch},
    components::{Dialog, IconName, failure, icon, time},
    state::{Signal, use_signals, use_view},
};

/// A line that says how many deliveries were refused, and a sheet with why.
/// Silence would look like health.
#[component]
pub fn Refused() -> Html {
    let words = &use_view();
    let open = use_state_eq(|| false);
    let fetched = use_fetch::<Page<Delivery>>("deliveries?outcome=refused&limit=50".to_owned());
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| match signal {
        Signal::Resync => reload.emit(()),
        Signal::Change(ChangeEvent::Delivery(delivery)) if delivery.refused => reload.emit(()),
        Signal::Change(_) | Signal::Acted => {}
    }));
    let Some(page) = fetched.data.filter(|page| !page.items.is_empty()) else {
        return match fetched.error {
            Some(error) => html! { { failure(words, &error, Some(fetched.reload)) } },
            None => html! {},
        };
    };
    let text = (words.list.refused)(page.items.len() as u64, page.next_cursor.is_some());
    let toggle = {
        let open = open.clone();
        Callback::from(move |()| open.set(!*open))
    };
    html! {
        <>
            <button type="button" class="refused-line" aria-haspopup="dialog" onclick={toggle.reform(|_| ())}>
                { icon(IconName::Alert) }{ text }
            </button>
            if *open {
                <Dialog title={words.list.refused_title} close={toggle} class="wide">
                    <p class="muted">{ words.list.refused_why }</p>
                    <ul class="plain-list">
                        { for page.items.iter().map(|delivery| html! {
                            <li key={delivery.id} class="refused-item">
                                <p>{ delivery.reason.clone().unwrap_or_default() }</p>
                                <p class="muted text-sm">
                                    { time(words, delivery.received_at) }{ " · " }{ &delivery.source }{ " · " }
                                    { (words.list.refused_bytes)(delivery.body_bytes) }
                                    if delivery.raw_available {
                                        { " · " }
                                        <a class="link" target="_blank" rel="noopener"
                                            href={api::address(&format!("deliveries/{}/raw", delivery.id))}>{ words.list.raw }</a>
                                    }
                                </p>
                            </li>
                        }) }
                    </ul>
                </Dialog>
            }
        </>
    }
}
