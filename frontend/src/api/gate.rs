//! Holds requests back while no user is signed in and releases them after sign-in, so
//! that a session that ends does not lose work.

use std::cell::RefCell;

use js_sys::{Function, Promise};
use wasm_bindgen_futures::JsFuture;
use yew::Callback;

struct Gate {
    open: bool,
    /// Called when the gate closes.
    on_close: Callback<()>,
    waiting: Vec<Function>,
}

thread_local! {
    static GATE: RefCell<Gate> = RefCell::new(Gate {
        open: false,
        on_close: Callback::noop(),
        waiting: Vec::new(),
    });
}

/// Waits until a user is signed in.
pub(super) async fn wait_for_sign_in() {
    let wait = GATE.with(|gate| {
        let open = gate.borrow().open;
        (!open).then(|| Promise::new(&mut |resolve, _| gate.borrow_mut().waiting.push(resolve)))
    });
    if let Some(wait) = wait {
        // The promise is never rejected.
        let _ = JsFuture::from(wait).await;
    }
}

/// Closes the gate after a 401.
pub(super) fn close() {
    let on_close = GATE.with(|gate| {
        let mut gate = gate.borrow_mut();
        let was_open = std::mem::replace(&mut gate.open, false);
        was_open.then(|| gate.on_close.clone())
    });
    if let Some(on_close) = on_close {
        on_close.emit(());
    }
}

/// Opens the gate after sign-in and releases the waiting requests.
pub fn open() {
    let waiting = GATE.with(|gate| {
        let mut gate = gate.borrow_mut();
        gate.open = true;
        std::mem::take(&mut gate.waiting)
    });
    for resolve in waiting {
        // The resolve function of a promise does not throw.
        let _ = resolve.call0(&wasm_bindgen::JsValue::UNDEFINED);
    }
}

/// Registers `callback` for a 401 from the server.
pub fn on_close(callback: Callback<()>) {
    GATE.with(|gate| gate.borrow_mut().on_close = callback);
}
