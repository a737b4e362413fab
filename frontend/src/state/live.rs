use std::{cell::RefCell, rc::Rc};

use gloo_timers::callback::{Interval, Timeout};
use tocsin_api_types::ChangeEvent;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};
use yew::prelude::*;

use super::{Session, Signal, Signals};
use crate::api;

/// The longest wait before the connection is built again, in milliseconds.
const LONGEST: u32 = 30_000;
/// How often the connection's state is looked at, in milliseconds.
const LOOK: u32 = 2_000;

/// How the live connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveStatus {
    /// Connected.
    Live,
    /// Broken, being built again.
    Reconnecting,
    /// Stopped by the person.
    Paused,
}

/// The live connection, for everything below.
#[derive(Clone, PartialEq)]
pub struct Live {
    /// How it is.
    pub status: LiveStatus,
    /// Pauses or resumes it.
    pub toggle: Callback<()>,
}

/// Keeps an event stream open while somebody is signed in, and tells its events
/// as signals.
#[hook]
pub(super) fn use_new_live(signals: &Signals, session: &Session) -> Live {
    let status = use_state_eq(|| LiveStatus::Reconnecting);
    let paused = use_state_eq(|| false);
    {
        let (setter, signals) = (status.setter(), signals.clone());
        let (inside, check) = (
            session.me.is_some() && session.out.is_none(),
            session.check.clone(),
        );
        use_effect_with((*paused, inside), move |(paused, inside)| {
            let stream =
                (!paused && *inside).then(|| Stream::start(signals, setter.clone(), check));
            setter.set(if *paused {
                LiveStatus::Paused
            } else {
                LiveStatus::Reconnecting
            });
            move || drop(stream)
        });
    }
    let toggle = {
        let setter = paused.setter();
        use_callback(*paused, move |(), paused| setter.set(!paused))
    };
    Live {
        status: *status,
        toggle,
    }
}

/// A connection that is looked after: the browser mends most breaks itself, but
/// gives up on some (an error page instead of a stream), and then it is built
/// anew, each time after a longer wait.
struct Stream {
    _look: Interval,
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    source: Option<Source>,
    wait: u32,
    retry: Option<Timeout>,
    was_live: bool,
    signals: Signals,
    status: UseStateSetter<LiveStatus>,
    /// Asks who is signed in: the stream may have been refused for that.
    check: Callback<()>,
}

/// An `EventSource` with what it calls; closed when dropped.
struct Source {
    events: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _change: Closure<dyn FnMut()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.events.set_onopen(None);
        self.events.set_onerror(None);
        self.events.close();
    }
}

impl Stream {
    fn start(signals: Signals, status: UseStateSetter<LiveStatus>, check: Callback<()>) -> Self {
        let inner = Rc::new(RefCell::new(Inner {
            source: None,
            wait: 1_000,
            retry: None,
            was_live: false,
            signals,
            status,
            check,
        }));
        connect(&inner);
        let looked = Rc::clone(&inner);
        Self {
            _look: Interval::new(LOOK, move || look(&looked)),
            inner,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut inner = self.inner.borrow_mut();
        inner.source = None;
        inner.retry = None;
    }
}

fn connect(inner: &Rc<RefCell<Inner>>) {
    let Ok(events) = EventSource::new(&api::address("events")) else {
        return;
    };
    let signals = inner.borrow().signals.clone();
    let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let change = event.data().as_string();
        let change = change.and_then(|text| serde_json::from_str::<ChangeEvent>(&text).ok());
        if let Some(change) = change {
            signals.tell(&Signal::Change(change));
        }
    });
    for name in ["delivery", "incident", "notification"] {
        // Adding a listener fails for no reason that could be handled.
        let _ = events.add_event_listener_with_callback(name, message.as_ref().unchecked_ref());
    }
    let looked = Rc::downgrade(inner);
    let change = Closure::<dyn FnMut()>::new(move || {
        if let Some(inner) = looked.upgrade() {
            look(&inner);
        }
    });
    events.set_onopen(Some(change.as_ref().unchecked_ref()));
    events.set_onerror(Some(change.as_ref().unchecked_ref()));
    inner.borrow_mut().source = Some(Source {
        events,
        _message: message,
        _change: change,
    });
}

/// Says how the connection is, and mends it where the browser does not.
fn look(inner: &Rc<RefCell<Inner>>) {
    let state = match &inner.borrow().source {
        Some(source) => source.events.ready_state(),
        None => return,
    };
    let mut this = inner.borrow_mut();
    if state == EventSource::OPEN {
        this.wait = 1_000;
        this.status.set(LiveStatus::Live);
        if !std::mem::replace(&mut this.was_live, true) {
            let signals = this.signals.clone();
            drop(this);
            // What happened meanwhile was not told.
            signals.tell(&Signal::Resync);
        }
        return;
    }
    this.was_live = false;
    this.status.set(LiveStatus::Reconnecting);
    if state == EventSource::CLOSED && this.retry.is_none() {
        this.check.emit(());
        let again = Rc::downgrade(inner);
        let wait = this.wait;
        this.wait = (wait * 2).min(LONGEST);
        this.retry = Some(Timeout::new(wait, move || {
            if let Some(inner) = again.upgrade() {
                inner.borrow_mut().retry = None;
                connect(&inner);
            }
        }));
    }
}
