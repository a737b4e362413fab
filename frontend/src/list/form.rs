//! Small forms that hold what is typed themselves, until it is sent.

use wasm_bindgen::JsCast;
use web_sys::{FormData, HtmlFormElement};
use yew::prelude::*;

fn form(event: &SubmitEvent) -> Option<HtmlFormElement> {
    event.target()?.dyn_into().ok()
}

/// What a field of the form that is being sent holds.
pub fn text(event: &SubmitEvent, name: &str) -> String {
    form(event)
        .and_then(|form| FormData::new_with_form(&form).ok())
        .and_then(|data| data.get(name).as_string())
        .unwrap_or_default()
}

/// Empties the form.
pub fn clear(event: &SubmitEvent) {
    if let Some(form) = form(event) {
        form.reset();
    }
}
