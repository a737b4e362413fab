use gloo_net::http::Method;
use serde::de::DeserializeOwned;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, ApiRequest},
    i18n::Words,
    state::Toasts,
};

/// The object being edited, and its ETag when the form opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    pub id: i64,
    pub etag: Option<AttrValue>,
}

/// State of the form next to a list.
#[derive(Clone, PartialEq)]
pub enum FormState<T> {
    Closed,
    Adding,
    Editing(T, Edited),
    /// Confirming the deletion.
    Deleting(T),
}

/// Fetches an object and opens its form. The list may be older than the stored object.
pub fn open_editor<T: DeserializeOwned + 'static>(
    words: &'static Words,
    toasts: Toasts,
    path: &'static str,
    form_state: UseStateSetter<FormState<T>>,
) -> Callback<i64> {
    Callback::from(move |id: i64| {
        let (toasts, form_state) = (toasts.clone(), form_state.clone());
        spawn_local(async move {
            let response = ApiRequest::new(Method::GET, &format!("{path}/{id}")).send(None);
            let response = response.await.and_then(|response| {
                let etag = response.etag.map(AttrValue::from);
                Ok((api::read(&response.body)?, Edited { id, etag }))
            });
            match response {
                Ok((object, edited)) => form_state.set(FormState::Editing(object, edited)),
                Err(error) => toasts.error(error.explain(words)),
            }
        });
    })
}
