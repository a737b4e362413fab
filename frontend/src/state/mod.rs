//! What several parts of the page share: each a context with a hook.

mod abort;
mod ack;
mod clock;
mod keys;
mod live;
mod prefs;
mod signals;
mod status;
mod toasts;

pub use abort::Abort;
pub use ack::{AckProvider, AckRequest, Target, use_ack};
pub use clock::{ClockProvider, use_clock};
pub use keys::{in_dialog, typing, use_keys};
pub use live::{LiveProvider, LiveStatus, use_live};
pub use prefs::{Density, Prefs, PrefsHandle, PrefsProvider, Theme, use_prefs};
pub use signals::{Signal, Signals, SignalsProvider, use_signals, use_signals_context};
pub use status::{StatusProvider, use_status};
pub use toasts::{Toast, ToastAction, Toasts, ToastsProvider, use_toasts};
