use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{HtmlDocument, HtmlElement, HtmlTextAreaElement};
use yew::prelude::*;

use super::{IconName, icon};
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct CopyButtonProps {
    pub text: AttrValue,
}

/// Button that copies a text, and confirms it for two seconds.
#[component]
pub fn CopyButton(props: &CopyButtonProps) -> Html {
    let words = use_words();
    let copied = use_state_eq(|| false);
    let node = use_node_ref();
    {
        let setter = copied.setter();
        use_effect_with(*copied, move |copied| {
            let timeout = copied.then(|| Timeout::new(2_000, move || setter.set(false)));
            move || drop(timeout)
        });
    }
    let onclick = {
        let (text, copied, node) = (props.text.clone(), copied.setter(), node.clone());
        move |_| {
            let Some(window) = web_sys::window() else {
                return;
            };
            if !window.is_secure_context() {
                let button = node.cast::<HtmlElement>();
                copied.set(button.is_some_and(|button| copy_selected(&button, &text).is_some()));
                return;
            }
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
        <button ref={node} type="button" class="btn btn-sm" {onclick}>
            { icon(if *copied { IconName::Check } else { IconName::Copy }) }
            <span aria-live="polite">{ if *copied { words.common.copied } else { words.common.copy } }</span>
        </button>
    }
}

/// Copies with `execCommand`: pages served over plain HTTP cannot use the clipboard
/// API. The text is selected in an element next to the button, because elements outside
/// an open dialog cannot be selected.
fn copy_selected(button: &HtmlElement, text: &str) -> Option<()> {
    let document = web_sys::window()?.document()?;
    let area = document.create_element("textarea").ok()?;
    let area: HtmlTextAreaElement = area.dyn_into().ok()?;
    area.set_value(text);
    area.set_class_name("sr-only");
    button.parent_element()?.append_child(&area).ok()?;
    area.select();
    let document: HtmlDocument = document.dyn_into().ok()?;
    let done = document.exec_command("copy").unwrap_or(false);
    area.remove();
    // The selection took the focus.
    let _ = button.focus();
    done.then_some(())
}

/// A code block with a title and a copy button.
pub fn code_box(title: &'static str, text: String) -> Html {
    html! {
        <figure class="snippet">
            <figcaption><span>{ title }</span><CopyButton text={text.clone()} /></figcaption>
            <pre tabindex="0" role="region" aria-label={title}><code>{ text }</code></pre>
        </figure>
    }
}
