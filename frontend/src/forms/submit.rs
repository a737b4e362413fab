use gloo_net::http::Method;
use serde::{Serialize, de::IgnoredAny};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, ApiError},
    components::failure,
    i18n::Words,
};

/// A form on its way to the server.
pub struct Submit {
    /// It is being sent.
    pub busy: bool,
    /// What the server said to it.
    pub error: Option<ApiError>,
    /// Sends a body: to make something new, or to change the one of a number.
    pub send: Callback<(Option<i64>, serde_json::Value)>,
}

/// Sends forms to `path`, and says when one was taken.
#[hook]
pub fn use_submit(path: &'static str, done: Callback<()>) -> Submit {
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let send = {
        let (busy, error) = (busy.setter(), error.setter());
        Callback::from(move |(id, body): (Option<i64>, serde_json::Value)| {
            let (busy, error, done) = (busy.clone(), error.clone(), done.clone());
            busy.set(true);
            spawn_local(async move {
                let (method, path) = match id {
                    Some(id) => (Method::PUT, format!("{path}/{id}")),
                    None => (Method::POST, path.to_owned()),
                };
                let answer = api::send::<_, IgnoredAny>(method, &path, &body).await;
                busy.set(false);
                match answer {
                    Ok(_) => done.emit(()),
                    Err(problem) => error.set(Some(problem)),
                }
            });
        })
    };
    Submit {
        busy: *busy,
        error: (*error).clone(),
        send,
    }
}

impl Submit {
    /// What the server says is wrong with a field.
    pub fn field(&self, name: &str) -> Option<String> {
        self.error.as_ref().and_then(|error| error.field(name))
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
                    <button type="submit" class="btn btn-primary" disabled={self.busy}>
                        { if self.busy { words.common.saving } else { words.common.save } }
                    </button>
                </div>
            </>
        }
    }
}

/// A body as JSON. The wire types hold nothing that JSON cannot.
pub fn body(input: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(input).unwrap_or_default()
}
