use std::{cell::RefCell, rc::Rc};

use tocsin_api_types::ChangeEvent;
use yew::prelude::*;

use super::use_signals_context;

/// A change that lists and panels react to.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// A change event from the server.
    Change(ChangeEvent),
    /// Events may have been missed: reload everything.
    Resync,
    /// The user changed incidents on this page.
    LocalChange,
}

type Listener = Rc<RefCell<Callback<Signal>>>;

/// Sends signals to listeners. Not a context value, because that would re-render the
/// whole page for each event.
#[derive(Clone, Default)]
pub struct Signals(Rc<RefCell<Vec<Listener>>>);

impl PartialEq for Signals {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Signals {
    /// Sends a signal to all listeners.
    pub fn emit(&self, signal: &Signal) {
        // A callback may add or remove listeners.
        let listeners: Vec<Listener> = self.0.borrow().clone();
        for listener in listeners {
            let callback = listener.borrow().clone();
            callback.emit(signal.clone());
        }
    }

    fn listen(&self, listener: &Listener) -> impl FnOnce() + use<> {
        self.0.borrow_mut().push(Rc::clone(listener));
        let (list, gone) = (Rc::clone(&self.0), Rc::clone(listener));
        move || list.borrow_mut().retain(|other| !Rc::ptr_eq(other, &gone))
    }
}

/// Calls the latest `callback` for each signal.
#[hook]
pub fn use_signals(callback: Callback<Signal>) {
    let signals = use_signals_context();
    use_listener(&signals, callback);
}

/// [`use_signals`] for hooks outside the shared context.
#[hook]
pub(super) fn use_listener(signals: &Signals, callback: Callback<Signal>) {
    let latest: Rc<Listener> = use_memo((), |()| Rc::new(RefCell::new(Callback::noop())));
    *latest.borrow_mut() = callback;
    let signals = signals.clone();
    use_effect_with((), move |()| signals.listen(&latest));
}
