//! Small forms whose inputs hold their own values until submit.

use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement};
use yew::prelude::*;

fn form(event: &SubmitEvent) -> Option<HtmlFormElement> {
    event.target()?.dyn_into().ok()
}

/// Value of a field of the submitted form.
pub fn text(event: &SubmitEvent, name: &str) -> String {
    form(event)
        .and_then(|form| FormData::new_with_form(&form).ok())
        .and_then(|data| data.get(name).as_string())
        .unwrap_or_default()
}

/// Resets the form.
pub fn clear(event: &SubmitEvent) {
    if let Some(form) = form(event) {
        form.reset();
    }
}
