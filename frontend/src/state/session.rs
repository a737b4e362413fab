use std::rc::Rc;

use gloo_net::http::Method;
use tocsin_api_types::{Me, MeInput, Role, SignInOptions};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, ApiError, ApiRequest, gate},
    route::load,
};

/// The current session. `me`, `sign_in_options` and `error` are all `None` until the
/// server responds.
#[derive(Clone, PartialEq)]
pub struct Session {
    /// The signed-in user; kept after the session ends.
    pub me: Option<Rc<Me>>,
    /// Set if no user is signed in: the ways to sign in.
    pub sign_in_options: Option<Rc<SignInOptions>>,
    pub error: Option<ApiError>,
    /// Checks the session again.
    pub check: Callback<()>,
    step: Callback<Step>,
}

#[derive(Default)]
struct SessionState {
    me: Option<Rc<Me>>,
    sign_in_options: Option<Rc<SignInOptions>>,
    error: Option<ApiError>,
}

enum Step {
    SignedIn(Me),
    SignedOut(SignInOptions),
    Failed(ApiError),
}

impl Reducible for SessionState {
    type Action = Step;

    fn reduce(self: Rc<Self>, step: Step) -> Rc<Self> {
        let me = self.me.clone();
        Rc::new(match step {
            Step::SignedIn(me) => Self {
                me: Some(Rc::new(me)),
                ..Self::default()
            },
            Step::SignedOut(options) => Self {
                me,
                sign_in_options: Some(Rc::new(options)),
                error: None,
            },
            Step::Failed(error) => Self {
                me,
                sign_in_options: self.sign_in_options.clone(),
                error: Some(error),
            },
        })
    }
}

impl Session {
    /// Role of the user; viewer until known.
    pub fn role(&self) -> Role {
        self.me.as_ref().map_or(Role::Viewer, |me| me.role)
    }

    /// Called after sign-in. Another user than before reloads the page, which may show
    /// data that this user may not see.
    pub fn sign_in(&self, me: Me) {
        if self.me.as_ref().is_some_and(|before| before.id != me.id) {
            reload();
            return;
        }
        self.step.emit(Step::SignedIn(me));
        gate::open();
    }

    /// Stores preferences with the account.
    pub fn save(&self, change: impl FnOnce(&mut MeInput), done: Callback<Result<(), ApiError>>) {
        let Some(me) = &self.me else {
            return;
        };
        let mut input = MeInput {
            name: me.name.clone(),
            language: me.language,
            time_zone: me.time_zone.clone(),
            theme: me.theme,
        };
        change(&mut input);
        let step = self.step.clone();
        spawn_local(async move {
            match api::send::<_, Me>(Method::PUT, "me", &input).await {
                Ok(me) => {
                    step.emit(Step::SignedIn(me));
                    done.emit(Ok(()));
                }
                Err(error) => done.emit(Err(error)),
            }
        });
    }

    /// Signs out and loads the sign-in page.
    pub fn sign_out(&self, failed: Callback<ApiError>) {
        spawn_local(async move {
            match ApiRequest::new(Method::POST, "sign-out")
                .allow_unauthenticated()
                .send(None)
                .await
            {
                Ok(_) => load("sign-in", false),
                Err(error) if error.status() == Some(401) => load("sign-in", false),
                Err(error) => failed.emit(error),
            }
        });
    }
}

fn reload() {
    if let Some(window) = web_sys::window() {
        // Reloading does not fail.
        let _ = window.location().reload();
    }
}

/// Fetches the user, or the sign-in options if there is none.
async fn fetch_session(first: bool) -> Result<Step, ApiError> {
    let early = if first {
        api::prefetched_session().await
    } else {
        None
    };
    let response = match early {
        Some(response) => response,
        None => {
            ApiRequest::new(Method::GET, "me")
                .allow_unauthenticated()
                .send(None)
                .await
        }
    };
    match response {
        Ok(response) => api::read(&response.body).map(Step::SignedIn),
        Err(error) if error.status() == Some(401) => {
            let options = ApiRequest::new(Method::GET, "sign-in")
                .allow_unauthenticated()
                .send(None)
                .await?;
            api::read(&options.body).map(Step::SignedOut)
        }
        Err(error) => Err(error),
    }
}

/// Keeps the session up to date: checks on start and after a 401.
#[hook]
pub(super) fn use_new_session() -> Session {
    let session = use_reducer(SessionState::default);
    let step = {
        let dispatch = session.dispatcher();
        use_callback((), move |step, ()| dispatch.dispatch(step))
    };
    let mine = use_mut_ref(|| None::<Option<i64>>);
    *mine.borrow_mut() = session.me.as_ref().map(|me| me.id);
    let find = {
        let step = step.clone();
        use_callback((), move |first: bool, ()| {
            let (step, mine) = (step.clone(), Rc::clone(&mine));
            spawn_local(async move {
                match fetch_session(first).await.unwrap_or_else(Step::Failed) {
                    // Another user signed in in another window.
                    Step::SignedIn(me) if mine.borrow().is_some_and(|mine| mine != me.id) => {
                        reload()
                    }
                    Step::SignedIn(me) => {
                        step.emit(Step::SignedIn(me));
                        gate::open();
                    }
                    other => step.emit(other),
                }
            });
        })
    };
    {
        let find = find.clone();
        use_effect_with((), move |()| {
            gate::on_close(find.reform(|()| false));
            find.emit(true);
        });
    }
    Session {
        me: session.me.clone(),
        sign_in_options: session.sign_in_options.clone(),
        error: session.error.clone(),
        check: find.reform(|()| false),
        step,
    }
}
