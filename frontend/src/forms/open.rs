use gloo_net::http::Method;
use serde::de::DeserializeOwned;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, Ask},
    i18n::Words,
    state::Toasts,
};

/// Which object a form changes, and in which state it was when the form opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// Its number.
    pub id: i64,
    /// Its state.
    pub etag: Option<AttrValue>,
}

/// What is being done to one thing of a list.
#[derive(Clone, PartialEq)]
pub enum Doing<T> {
    /// Nothing.
    Nothing,
    /// A new one is written.
    Adding,
    /// This one is changed.
    Editing(T, Edited),
    /// This one is about to be deleted.
    Deleting(T),
}

/// Reads an object anew for its form: the list may be older than what somebody
/// else wrote.
pub fn open<T: DeserializeOwned + 'static>(
    words: &'static Words,
    toasts: Toasts,
    path: &'static str,
    doing: UseStateSetter<Doing<T>>,
) -> Callback<i64> {
    Callback::from(move |id: i64| {
        let (toasts, doing) = (toasts.clone(), doing.clone());
        spawn_local(async move {
            let answer = Ask::new(Method::GET, &format!("{path}/{id}")).send(None);
            let answer = answer.await.and_then(|answer| {
                let etag = answer.etag.map(AttrValue::from);
                Ok((api::read(&answer.body)?, Edited { id, etag }))
            });
            match answer {
                Ok((object, edited)) => doing.set(Doing::Editing(object, edited)),
                Err(error) => toasts.fail(error.explain(words)),
            }
        });
    })
}
