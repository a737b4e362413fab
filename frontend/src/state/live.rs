use std::{cell::RefCell, rc::Rc};

use gloo_timers::callback::{Interval, Timeout};
use tocsin_api_types::ChangeEvent;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};
use yew::prelude::*;

use super::{Session, Signal, Signals};
use crate::api;

/// Longest delay before reconnecting, in milliseconds.
const MAX_BACKOFF_MS: u32 = 30_000;
/// How often the connection is checked, in milliseconds.
const POLL_INTERVAL_MS: u32 = 2_000;

/// State of the live connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveStatus {
    Live,
    Reconnecting,
    /// Paused by the user.
    Paused,
}

/// The live connection.
#[derive(Clone, PartialEq)]
pub struct Live {
    pub status: LiveStatus,
    /// Pauses or resumes it.
    pub toggle: Callback<()>,
}

/// Keeps an event stream open while a user is signed in, and emits its events as
/// signals.
#[hook]
pub(super) fn use_new_live(signals: &Signals, session: &Session) -> Live {
    let status = use_state_eq(|| LiveStatus::Reconnecting);
    let paused = use_state_eq(|| false);
    {
        let (setter, signals) = (status.setter(), signals.clone());
        let (signed_in, check) = (
            session.me.is_some() && session.sign_in_options.is_none(),
            session.check.clone(),
        );
        use_effect_with((*paused, signed_in), move |(paused, signed_in)| {
            let stream =
                (!paused && *signed_in).then(|| Stream::start(signals, setter.clone(), check));
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

/// A supervised connection. The browser reconnects after most failures, but gives up
/// after some (an error page instead of a stream); then a new connection is opened,
/// with exponential backoff.
struct Stream {
    _poll: Interval,
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    source: Option<Source>,
    wait: u32,
    retry: Option<Timeout>,
    was_live: bool,
    signals: Signals,
    status: UseStateSetter<LiveStatus>,
    /// Checks the session: a 401 may have closed the stream.
    check: Callback<()>,
}

/// An `EventSource` and its closures; closed on drop.
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
        let polled = Rc::clone(&inner);
        Self {
            _poll: Interval::new(POLL_INTERVAL_MS, move || check_connection(&polled)),
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
    let Ok(events) = EventSource::new(&api::url("events")) else {
        return;
    };
    let signals = inner.borrow().signals.clone();
    let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let change = event.data().as_string();
        let change = change.and_then(|text| serde_json::from_str::<ChangeEvent>(&text).ok());
        if let Some(change) = change {
            signals.emit(&Signal::Change(change));
        }
    });
    for name in ["delivery", "incident", "notification"] {
        // Adding a listener does not fail.
        let _ = events.add_event_listener_with_callback(name, message.as_ref().unchecked_ref());
    }
    let weak = Rc::downgrade(inner);
    let change = Closure::<dyn FnMut()>::new(move || {
        if let Some(inner) = weak.upgrade() {
            check_connection(&inner);
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

/// Updates the connection state, and reconnects if the browser gave up.
fn check_connection(inner: &Rc<RefCell<Inner>>) {
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
            // Events during the interruption were not received.
            signals.emit(&Signal::Resync);
        }
        return;
    }
    this.was_live = false;
    this.status.set(LiveStatus::Reconnecting);
    if state == EventSource::CLOSED && this.retry.is_none() {
        this.check.emit(());
        let again = Rc::downgrade(inner);
        let wait = this.wait;
        this.wait = (wait * 2).min(MAX_BACKOFF_MS);
        this.retry = Some(Timeout::new(wait, move || {
            if let Some(inner) = again.upgrade() {
                inner.borrow_mut().retry = None;
                connect(&inner);
            }
        }));
    }
}
