use std::{cell::RefCell, rc::Rc};

use gloo_net::http::Method;
use gloo_timers::callback::Timeout;
use serde::Serialize;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::Edited;
use crate::{
    api::{ApiError, Ask},
    components::failure,
    i18n::{Words, use_words},
};

/// What somebody else wrote while the form was open.
#[derive(Clone, PartialEq)]
pub struct Changed {
    /// The object as it is.
    pub object: Value,
    /// Its state.
    pub etag: Option<AttrValue>,
}

/// A form on its way to the server.
#[derive(Clone)]
pub struct Submit {
    /// It is being sent.
    pub busy: bool,
    /// What the server said to it.
    pub error: Option<ApiError>,
    /// Somebody else was faster.
    pub changed: Option<Changed>,
    /// Sends a body: to make something new, or to change what is edited.
    pub send: Callback<Value>,
    etag: Rc<RefCell<Option<AttrValue>>>,
    clear: UseStateSetter<Option<Changed>>,
    words: &'static Words,
}

/// Something that nobody else thinks of, for one opening of a form.
fn new_key() -> String {
    let part = || (js_sys::Math::random() * f64::from(u32::MAX)) as u32;
    format!("{:08x}{:08x}{:08x}{:08x}", part(), part(), part(), part())
}

/// Sends forms to `path`, and hands on the body of the answer when one was
/// taken.
#[hook]
pub fn use_submit(path: &'static str, edited: Option<Edited>, done: Callback<String>) -> Submit {
    let words = use_words();
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let changed = use_state(|| None::<Changed>);
    let id = edited.as_ref().map(|edited| edited.id);
    let etag = use_mut_ref(|| edited.and_then(|edited| edited.etag));
    // However often "save" is pressed, one object is made.
    let key = use_memo((), |()| new_key());
    let send = {
        let (busy, error, changed) = (busy.clone(), error.setter(), changed.setter());
        let etag = Rc::clone(&etag);
        Callback::from(move |body: Value| {
            if *busy {
                return;
            }
            let (busy, error, changed) = (busy.setter(), error.clone(), changed.clone());
            let (done, etag, key) = (done.clone(), etag.borrow().clone(), key.clone());
            busy.set(true);
            spawn_local(async move {
                let ask = match id {
                    Some(id) => {
                        Ask::new(Method::PUT, &format!("{path}/{id}")).if_match(etag.as_deref())
                    }
                    None => Ask::new(Method::POST, path).once(&key),
                };
                let answer = ask.send(Some(&body)).await;
                let problem = match (answer, id) {
                    (Ok(answer), _) => {
                        busy.set(false);
                        return done.emit(answer.body);
                    }
                    (Err(problem), Some(id)) if problem.status() == Some(412) => {
                        match now(path, id).await {
                            Ok(object) => {
                                changed.set(Some(object));
                                show_conflict();
                                None
                            }
                            Err(problem) => Some(problem),
                        }
                    }
                    (Err(problem), _) => Some(problem),
                };
                busy.set(false);
                error.set(problem);
            });
        })
    };
    Submit {
        busy: *busy,
        error: (*error).clone(),
        changed: (*changed).clone(),
        send,
        etag,
        clear: changed.setter(),
        words,
    }
}

/// Scrolls to the question, once it is drawn.
fn show_conflict() {
    Timeout::new(0, || {
        let document = web_sys::window().and_then(|window| window.document());
        let place = document.and_then(|d| d.query_selector(".conflict").ok().flatten());
        if let Some(place) = place {
            place.scroll_into_view();
        }
    })
    .forget();
}

/// What the object is like now.
async fn now(path: &str, id: i64) -> Result<Changed, ApiError> {
    let answer = Ask::new(Method::GET, &format!("{path}/{id}"))
        .send(None)
        .await?;
    Ok(Changed {
        object: crate::api::read(&answer.body)?,
        etag: answer.etag.map(AttrValue::from),
    })
}

impl Submit {
    /// What the server says is wrong with a field.
    pub fn field(&self, name: &str) -> Option<String> {
        let error = self.error.as_ref();
        error.and_then(|error| error.field(self.words, name))
    }

    /// From now on the form is about what the object is now. What is sent
    /// next replaces that.
    pub(super) fn accept(&self, changed: &Changed) {
        self.etag.borrow_mut().clone_from(&changed.etag);
        self.clear.set(None);
    }

    /// The end of the form: what is wrong with the whole, and the buttons.
    pub fn end(&self, words: &Words, close: &Callback<()>) -> Html {
        let whole = self.error.clone().filter(|error| error.errors().is_empty());
        html! {
            <>
                if let Some(error) = whole {
                    { failure(words, &error, None) }
                }
                <div class="form-actions">
                    <button type="button" class="btn" onclick={close.reform(|_| ())}>{ words.common.cancel }</button>
                    <button type="submit" class="btn btn-primary" disabled={self.busy || self.changed.is_some()}>
                        { if self.busy { words.common.saving } else { words.common.save } }
                    </button>
                </div>
            </>
        }
    }
}

/// A body as JSON. The wire types hold nothing that JSON cannot.
pub fn body(input: &impl Serialize) -> Value {
    serde_json::to_value(input).unwrap_or_default()
}
