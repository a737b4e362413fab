use std::rc::Rc;

use chrono::{DateTime, Utc};
use tocsin_api_types::{Me, Role, SystemStatus};
use yew::prelude::*;

use super::{
    AckRequest, Live, PrefsHandle, Session, Signals, Toasts, ack::use_new_ack,
    clock::use_new_clock, live::use_new_live, prefs::use_new_prefs, session::use_new_session,
    status::use_new_status, toasts::use_new_toasts,
};
use crate::{i18n::Words, time};

/// State shared by the whole page. One context for all of it: each context adds a few
/// kilobytes to the download.
#[derive(Clone, PartialEq)]
struct Shared {
    session: Session,
    prefs: PrefsHandle,
    now: DateTime<Utc>,
    status: Option<Rc<SystemStatus>>,
    live: Live,
    ack: Callback<AckRequest>,
    toasts: Toasts,
    signals: Signals,
}

/// Provides the shared state.
#[component]
pub fn SharedProvider(props: &yew::html::ChildrenProps) -> Html {
    let session = use_new_session();
    let prefs = use_new_prefs();
    {
        let prefs = prefs.clone();
        use_effect_with(session.me.clone(), move |me| {
            me.iter().for_each(|me| prefs.apply_account(me));
        });
    }
    let words = prefs.lang().words();
    let now = use_new_clock();
    let signals = (*use_memo((), |()| Signals::default())).clone();
    let status = use_new_status(&signals);
    let live = use_new_live(&signals, &session);
    let (toasts, shown) = use_new_toasts(words);
    let ack = use_new_ack(words, &toasts, &signals);
    let shared = Shared {
        session,
        prefs,
        now,
        status,
        live,
        ack,
        toasts,
        signals,
    };
    html! {
        <ContextProvider<Shared> context={shared}>
            { props.children.clone() }
            { shown }
        </ContextProvider<Shared>>
    }
}

/// What rendering depends on: language, current time and time format. Dereferences to
/// [`Words`].
#[derive(Clone, Copy)]
pub struct View {
    words: &'static Words,
    /// The current time, updated regularly.
    pub now: DateTime<Utc>,
    /// Exact times instead of "3 min ago".
    pub exact: bool,
}

impl std::ops::Deref for View {
    type Target = Words;

    fn deref(&self) -> &Words {
        self.words
    }
}

#[hook]
fn use_shared() -> Option<Shared> {
    use_context::<Shared>()
}

#[hook]
pub fn use_view() -> View {
    match use_shared() {
        Some(shared) => View {
            words: shared.prefs.lang().words(),
            now: shared.now,
            exact: shared.prefs.exact_times,
        },
        None => View {
            words: crate::i18n::Lang::En.words(),
            now: time::now(),
            exact: false,
        },
    }
}

/// Texts of the chosen language.
#[hook]
pub fn use_words() -> &'static Words {
    use_view().words
}

/// The session; `None` outside [`SharedProvider`].
#[hook]
pub fn use_session() -> Option<Session> {
    use_shared().map(|shared| shared.session)
}

/// The signed-in user, once known.
#[hook]
pub fn use_me() -> Option<Rc<Me>> {
    use_session().and_then(|session| session.me)
}

#[hook]
pub fn use_role() -> Role {
    use_me().map_or(Role::Viewer, |me| me.role)
}

/// The preferences; `None` outside [`SharedProvider`].
#[hook]
pub fn use_prefs() -> Option<PrefsHandle> {
    use_shared().map(|shared| shared.prefs)
}

/// The system status, once known.
#[hook]
pub fn use_status() -> Option<Rc<SystemStatus>> {
    use_shared().and_then(|shared| shared.status)
}

#[hook]
pub fn use_live() -> Option<Live> {
    use_shared().map(|shared| shared.live)
}

/// Callback for actions on incidents.
#[hook]
pub fn use_ack() -> Callback<AckRequest> {
    use_shared().map_or_else(Callback::noop, |shared| shared.ack)
}

#[hook]
pub fn use_toasts() -> Toasts {
    use_shared().map_or_else(Toasts::default, |shared| shared.toasts)
}

/// The signals, to emit one.
#[hook]
pub fn use_signals_context() -> Signals {
    use_shared().map_or_else(Signals::default, |shared| shared.signals)
}
