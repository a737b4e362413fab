//! State shared by the whole page, in one context: see [`SharedProvider`].

mod abort;
mod ack;
mod clock;
mod keys;
mod live;
mod prefs;
mod session;
mod shared;
mod signals;
mod status;
mod toasts;

pub use abort::Abort;
pub use ack::{AckRequest, IncidentAction, Target};
pub use keys::{in_dialog, typing, use_keys};
pub use live::{Live, LiveStatus};
pub use prefs::{Density, Prefs, PrefsHandle, browser_lang};
pub use session::Session;
pub use shared::{
    SharedProvider, View, use_ack, use_live, use_me, use_prefs, use_role, use_session,
    use_signals_context, use_status, use_toasts, use_view, use_words,
};
pub use signals::{Signal, Signals, use_signals};
pub use toasts::{Toast, ToastAction, Toasts};
