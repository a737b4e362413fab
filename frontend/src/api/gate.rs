//! Requests wait here while nobody is signed in, and go on when somebody is: a
//! session that ended in the middle of something loses nothing.

use std::cell::RefCell;

use js_sys::{Function, Promise};
use wasm_bindgen_futures::JsFuture;
use yew::Callback;

struct Gate {
    open: bool,
    /// Told when it closes.
    closed: Callback<()>,
    waiting: Vec<Function>,
}

thread_local! {
    static GATE: RefCell<Gate> = RefCell::new(Gate {
        open: false,
        closed: Callback::noop(),
        waiting: Vec::new(),
    });
}

/// Waits until somebody is signed in.
pub(super) async fn pass() {
    let wait = GATE.with(|gate| {
        let open = gate.borrow().open;
        (!open).then(|| Promise::new(&mut |resolve, _| gate.borrow_mut().waiting.push(resolve)))
    });
    if let Some(wait) = wait {
        // It is never rejected.
        let _ = JsFuture::from(wait).await;
    }
}

/// The server does not know the person any more.
pub(super) fn close() {
    let told = GATE.with(|gate| {
        let mut gate = gate.borrow_mut();
        let was_open = std::mem::replace(&mut gate.open, false);
        was_open.then(|| gate.closed.clone())
    });
    if let Some(told) = told {
        told.emit(());
    }
}

/// Somebody is signed in: what waits goes on.
pub fn open() {
    let waiting = GATE.with(|gate| {
        let mut gate = gate.borrow_mut();
        gate.open = true;
        std::mem::take(&mut gate.waiting)
    });
    for resolve in waiting {
        // It is the resolving function of a promise: it does not throw.
        let _ = resolve.call0(&wasm_bindgen::JsValue::UNDEFINED);
    }
}

/// Has `callback` called when the server says that nobody is signed in.
pub fn when_closed(callback: Callback<()>) {
    GATE.with(|gate| gate.borrow_mut().closed = callback);
}
