use std::{cell::RefCell, rc::Rc};

use tocsin_api_types::ChangeEvent;
use yew::prelude::*;

use super::use_signals_context;

/// Something that lists and panels may want to know of.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// The server told a change, or this page made one.
    Change(ChangeEvent),
    /// Changes may have been missed: read everything again.
    Resync,
    /// The person changed incidents on this page.
    Acted,
}

type Listener = Rc<RefCell<Callback<Signal>>>;

/// Tells signals to whoever listens, without drawing anything anew that does
/// not: a context's value would redraw the whole page for each event.
#[derive(Clone, Default)]
pub struct Signals(Rc<RefCell<Vec<Listener>>>);

impl PartialEq for Signals {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Signals {
    /// Tells all listeners.
    pub fn tell(&self, signal: &Signal) {
        // A listener may come or go while one is told.
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

/// Calls `callback`, always in its latest form, for each signal.
#[hook]
pub fn use_signals(callback: Callback<Signal>) {
    let signals = use_signals_context();
    use_listener(&signals, callback);
}

/// The same, where the signals are not shared yet.
#[hook]
pub(super) fn use_listener(signals: &Signals, callback: Callback<Signal>) {
    let latest: Rc<Listener> = use_memo((), |()| Rc::new(RefCell::new(Callback::noop())));
    *latest.borrow_mut() = callback;
    let signals = signals.clone();
    use_effect_with((), move |()| signals.listen(&latest));
}
