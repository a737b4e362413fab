use std::{cell::RefCell, rc::Rc};

use gloo_net::http::Method;
use gloo_timers::callback::Timeout;
use serde::Serialize;
use serde_json::Value;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::Edited;
use crate::{
    api::{ApiError, ApiRequest},
    components::failure,
    i18n::{Words, use_words},
};

/// The server's current version, newer than the one being edited.
#[derive(Clone, PartialEq)]
pub struct ServerVersion {
    pub object: Value,
    pub etag: Option<AttrValue>,
}

/// Submission state of a form.
#[derive(Clone)]
pub struct Submit {
    /// The request is in progress.
    pub busy: bool,
    pub error: Option<ApiError>,
    /// Set after a 412: another user changed the object.
    pub conflict: Option<ServerVersion>,
    /// Sends a body: `POST` for a new object, `PUT` for an existing one.
    pub send: Callback<Value>,
    etag: Rc<RefCell<Option<AttrValue>>>,
    clear: UseStateSetter<Option<ServerVersion>>,
    words: &'static Words,
}

/// A random idempotency key.
fn new_key() -> String {
    let part = || (js_sys::Math::random() * f64::from(u32::MAX)) as u32;
    format!("{:08x}{:08x}{:08x}{:08x}", part(), part(), part(), part())
}

/// Submits a form to `path` and passes the response body to `done`.
#[hook]
pub fn use_submit(path: &'static str, edited: Option<Edited>, done: Callback<String>) -> Submit {
    let words = use_words();
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let conflict = use_state(|| None::<ServerVersion>);
    let id = edited.as_ref().map(|edited| edited.id);
    let etag = use_mut_ref(|| edited.and_then(|edited| edited.etag));
    // One key per opened form: clicking “Save” twice creates one object.
    let key = use_memo((), |()| new_key());
    let send = {
        let (busy, error, conflict) = (busy.clone(), error.setter(), conflict.setter());
        let etag = Rc::clone(&etag);
        Callback::from(move |body: Value| {
            if *busy {
                return;
            }
            let (busy, error, conflict) = (busy.setter(), error.clone(), conflict.clone());
            let (done, etag, key) = (done.clone(), etag.borrow().clone(), key.clone());
            busy.set(true);
            spawn_local(async move {
                let request = match id {
                    Some(id) => ApiRequest::new(Method::PUT, &format!("{path}/{id}"))
                        .if_match(etag.as_deref()),
                    None => ApiRequest::new(Method::POST, path).idempotency_key(&key),
                };
                let response = request.send(Some(&body)).await;
                let problem = match (response, id) {
                    (Ok(response), _) => {
                        busy.set(false);
                        return done.emit(response.body);
                    }
                    (Err(problem), Some(id)) if problem.status() == Some(412) => {
                        match fetch_current(path, id).await {
                            Ok(object) => {
                                conflict.set(Some(object));
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
        conflict: (*conflict).clone(),
        send,
        etag,
        clear: conflict.setter(),
        words,
    }
}

/// Scrolls to the conflict after it is rendered.
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

/// Fetches the current version of the object.
async fn fetch_current(path: &str, id: i64) -> Result<ServerVersion, ApiError> {
    let response = ApiRequest::new(Method::GET, &format!("{path}/{id}"))
        .send(None)
        .await?;
    Ok(ServerVersion {
        object: crate::api::read(&response.body)?,
        etag: response.etag.map(AttrValue::from),
    })
}

impl Submit {
    /// Server error for a field.
    pub fn field(&self, name: &str) -> Option<String> {
        let error = self.error.as_ref();
        error.and_then(|error| error.field(self.words, name))
    }

    /// Bases the form on the server's version: the next submission replaces that one.
    pub(super) fn accept(&self, conflict: &ServerVersion) {
        self.etag.borrow_mut().clone_from(&conflict.etag);
        self.clear.set(None);
    }

    /// The footer of a form: general error and buttons.
    pub fn end(&self, words: &Words, close: &Callback<()>) -> Html {
        let whole = self.error.clone().filter(|error| error.errors().is_empty());
        html! {
            <>
                if let Some(error) = whole {
                    { failure(words, &error, None) }
                }
                <div class="form-actions">
                    <button type="button" class="btn" onclick={close.reform(|_| ())}>{ words.common.cancel }</button>
                    <button type="submit" class="btn btn-primary" disabled={self.busy || self.conflict.is_some()}>
                        { if self.busy { words.common.saving } else { words.common.save } }
                    </button>
                </div>
            </>
        }
    }
}

/// A request body. The wire types always serialize to JSON.
pub fn body(input: &impl Serialize) -> Value {
    serde_json::to_value(input).unwrap_or_default()
}
