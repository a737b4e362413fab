use gloo_net::http::Method;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api,
    components::{IconName, icon},
    i18n::Words,
    state::Toasts,
};

/// Button that sends a test alert to the recipient or route in `query`, called `name`.
pub fn test_button(words: &'static Words, toasts: &Toasts, query: String, name: &str) -> Html {
    let label = (words.recipients.test_to)(name);
    let onclick = {
        let (toasts, name) = (toasts.clone(), name.to_owned());
        move |_: MouseEvent| {
            let (toasts, query, name) = (toasts.clone(), query.clone(), name.clone());
            spawn_local(async move {
                match api::call(Method::POST, &format!("alerts/test?{query}")).await {
                    Ok(()) => toasts.info((words.recipients.test_sent)(&name)),
                    Err(error) => {
                        toasts.error((words.recipients.test_failed)(&error.explain(words)))
                    }
                }
            });
        }
    };
    html! {
        <button type="button" class="icon-btn" aria-label={label.clone()} title={label} {onclick}>
            { icon(IconName::Bell) }
        </button>
    }
}
