use gloo_net::http::Method;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{Dialog, failure};
use crate::{
    api::{self, ApiError},
    i18n::use_words,
};

#[derive(Properties, PartialEq)]
pub struct DeleteDialogProps {
    /// What is to be deleted, as people call it.
    pub name: AttrValue,
    /// Where it is in the API.
    pub path: AttrValue,
    /// It is deleted.
    pub done: Callback<()>,
    pub close: Callback<()>,
}

/// Asks before something is deleted, and says what still uses it.
#[component]
pub fn DeleteDialog(props: &DeleteDialogProps) -> Html {
    let words = use_words();
    let error = use_state(|| None::<ApiError>);
    let onclick = {
        let (path, done, error) = (props.path.clone(), props.done.clone(), error.clone());
        move |_| {
            let (path, done, error) = (path.clone(), done.clone(), error.clone());
            spawn_local(async move {
                match api::call(Method::DELETE, &path).await {
                    Ok(()) => done.emit(()),
                    Err(problem) => error.set(Some(problem)),
                }
            });
        }
    };
    html! {
        <Dialog title={(words.people.delete_named)(&props.name)} close={props.close.clone()}>
            <div class="form">
                <p class="break-words">{ (words.people.delete_sure)(&props.name) }</p>
                if let Some(error) = (*error).clone() {
                    { failure(words, &error, None) }
                }
                <div class="form-actions">
                    <button type="button" class="btn" onclick={props.close.reform(|_| ())}>{ words.common.cancel }</button>
                    <button type="button" class="btn btn-error" {onclick}>{ words.common.delete }</button>
                </div>
            </div>
        </Dialog>
    }
}
