use gloo_timers::callback::Timeout;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use yew::prelude::*;

use super::{IconName, icon};
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct CopyButtonProps {
    /// What is copied.
    pub text: AttrValue,
}

/// Copies a text and says so for a moment. Where the browser does not allow it
/// (a page served over plain HTTP from elsewhere), the button is not shown.
#[component]
pub fn CopyButton(props: &CopyButtonProps) -> Html {
    let words = use_words();
    let copied = use_state_eq(|| false);
    {
        let setter = copied.setter();
        use_effect_with(*copied, move |copied| {
            let timeout = copied.then(|| Timeout::new(2_000, move || setter.set(false)));
            move || drop(timeout)
        });
    }
    let window = web_sys::window();
    if !window
        .as_ref()
        .is_some_and(web_sys::Window::is_secure_context)
    {
        return html! {};
    }
    let onclick = {
        let (text, copied) = (props.text.clone(), copied.setter());
        move |_| {
            let Some(window) = web_sys::window() else {
                return;
            };
            let (written, copied) = (
                window.navigator().clipboard().write_text(&text),
                copied.clone(),
            );
            spawn_local(async move {
                if JsFuture::from(written).await.is_ok() {
                    copied.set(true);
                }
            });
        }
    };
    html! {
        <button type="button" class="btn btn-sm" {onclick}>
            { icon(if *copied { IconName::Check } else { IconName::Copy }) }
            <span aria-live="polite">{ if *copied { words.common.copied } else { words.common.copy } }</span>
        </button>
    }
}

/// Something to copy: what it is, and the text.
pub fn code_box(title: &'static str, text: String) -> Html {
    html! {
        <figure class="snippet">
            <figcaption><span>{ title }</span><CopyButton text={text.clone()} /></figcaption>
            <pre tabindex="0" role="region" aria-label={title}><code>{ text }</code></pre>
        </figure>
    }
}
