use std::rc::Rc;

use gloo_net::http::Method;
use tocsin_api_types::{Me, MeInput, Role, SignInOptions};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, ApiError, Ask, gate},
    route::load,
};

/// Who uses these pages. Neither `me` nor `out` nor `error`: not known yet.
#[derive(Clone, PartialEq)]
pub struct Session {
    /// Who is, or was, signed in.
    pub me: Option<Rc<Me>>,
    /// Nobody is signed in (any more), and how one may.
    pub out: Option<Rc<SignInOptions>>,
    /// Why it could not be found out.
    pub error: Option<ApiError>,
    /// Asks the server again.
    pub check: Callback<()>,
    step: Callback<Step>,
}

#[derive(Default)]
struct Known {
    me: Option<Rc<Me>>,
    out: Option<Rc<SignInOptions>>,
    error: Option<ApiError>,
}

enum Step {
    In(Me),
    Out(SignInOptions),
    Failed(ApiError),
}

impl Reducible for Known {
    type Action = Step;

    fn reduce(self: Rc<Self>, step: Step) -> Rc<Self> {
        let me = self.me.clone();
        Rc::new(match step {
            Step::In(me) => Self {
                me: Some(Rc::new(me)),
                ..Self::default()
            },
            Step::Out(options) => Self {
                me,
                out: Some(Rc::new(options)),
                error: None,
            },
            Step::Failed(error) => Self {
                me,
                out: self.out.clone(),
                error: Some(error),
            },
        })
    }
}

impl Session {
    /// What the person may do; a viewer's little until it is known.
    pub fn role(&self) -> Role {
        self.me.as_ref().map_or(Role::Viewer, |me| me.role)
    }

    /// Somebody has signed in. Somebody else than before starts afresh, since
    /// the page may hold what they may not see.
    pub fn enter(&self, me: Me) {
        if self.me.as_ref().is_some_and(|before| before.id != me.id) {
            reload();
            return;
        }
        self.step.emit(Step::In(me));
        gate::open();
    }

    /// Keeps what a person chose for themselves with the account.
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
                    step.emit(Step::In(me));
                    done.emit(Ok(()));
                }
                Err(error) => done.emit(Err(error)),
            }
        });
    }

    /// Signs out, and begins anew at the sign-in page.
    pub fn leave(&self, failed: Callback<ApiError>) {
        spawn_local(async move {
            match Ask::new(Method::POST, "sign-out").quiet().send(None).await {
                Ok(_) => load("sign-in", false),
                Err(error) if error.status() == Some(401) => load("sign-in", false),
                Err(error) => failed.emit(error),
            }
        });
    }
}

fn reload() {
    if let Some(window) = web_sys::window() {
        // A page can be loaded again.
        let _ = window.location().reload();
    }
}

/// Asks who is signed in, and how one signs in where nobody is.
async fn ask(first: bool) -> Result<Step, ApiError> {
    let early = if first { api::early().await } else { None };
    let answer = match early {
        Some(answer) => answer,
        None => Ask::new(Method::GET, "me").quiet().send(None).await,
    };
    match answer {
        Ok(answer) => api::read(&answer.body).map(Step::In),
        Err(error) if error.status() == Some(401) => {
            let options = Ask::new(Method::GET, "sign-in").quiet().send(None).await?;
            api::read(&options.body).map(Step::Out)
        }
        Err(error) => Err(error),
    }
}

/// Finds out who is signed in, now and whenever the server knows nobody.
#[hook]
pub(super) fn use_new_session() -> Session {
    let known = use_reducer(Known::default);
    let step = {
        let dispatch = known.dispatcher();
        use_callback((), move |step, ()| dispatch.dispatch(step))
    };
    let mine = use_mut_ref(|| None::<Option<i64>>);
    *mine.borrow_mut() = known.me.as_ref().map(|me| me.id);
    let find = {
        let step = step.clone();
        use_callback((), move |first: bool, ()| {
            let (step, mine) = (step.clone(), Rc::clone(&mine));
            spawn_local(async move {
                match ask(first).await.unwrap_or_else(Step::Failed) {
                    // Signed in anew in another window, as somebody else.
                    Step::In(me) if mine.borrow().is_some_and(|mine| mine != me.id) => reload(),
                    Step::In(me) => {
                        step.emit(Step::In(me));
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
            gate::when_closed(find.reform(|()| false));
            find.emit(true);
        });
    }
    Session {
        me: known.me.clone(),
        out: known.out.clone(),
        error: known.error.clone(),
        check: find.reform(|()| false),
        step,
    }
}
