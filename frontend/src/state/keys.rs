use std::{cell::RefCell, rc::Rc};

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, KeyboardEvent};
use yew::prelude::*;

/// Whether the focused element takes text or a choice, and so the key.
pub fn typing(event: &KeyboardEvent) -> bool {
    let element = event.target().and_then(|t| t.dyn_into::<Element>().ok());
    element.is_some_and(|element| {
        ["TEXTAREA", "SELECT"].contains(&element.tag_name().as_str())
            || (element.tag_name() == "INPUT"
                && element.get_attribute("type").as_deref() != Some("checkbox"))
    })
}

/// Whether a dialog is open.
pub fn in_dialog() -> bool {
    web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector("dialog[open]").ok().flatten())
        .is_some()
}

/// Calls the latest `callback` for each key press without Ctrl, Alt or Meta. With
/// `first`, it runs in the capture phase and can stop the event.
#[hook]
pub fn use_keys(first: bool, callback: Callback<KeyboardEvent>) {
    let latest = use_memo((), |()| RefCell::new(Callback::noop()));
    *latest.borrow_mut() = callback;
    use_effect_with((), move |()| {
        let latest: Rc<RefCell<Callback<KeyboardEvent>>> = latest;
        let handler = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.alt_key() || event.meta_key() || event.is_composing() {
                return;
            }
            let callback = latest.borrow().clone();
            callback.emit(event);
        });
        let document = web_sys::window().and_then(|window| window.document());
        if let Some(document) = &document {
            // Adding a listener does not fail.
            let _ = document.add_event_listener_with_callback_and_bool(
                "keydown",
                handler.as_ref().unchecked_ref(),
                first,
            );
        }
        move || {
            if let Some(document) = document {
                let _ = document.remove_event_listener_with_callback_and_bool(
                    "keydown",
                    handler.as_ref().unchecked_ref(),
                    first,
                );
            }
        }
    });
}
