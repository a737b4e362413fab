use gloo_net::http::Method;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{Dialog, failure};
use crate::{
    api::{self, ApiError},
    i18n::use_words,
};

#[derive(Properties, PartialEq)]
pub struct ConfirmDialogProps {
    pub title: AttrValue,
    /// Explains the consequence.
    pub text: AttrValue,
    /// Label of the button.
    pub action: AttrValue,
    /// API path to send the `DELETE` to.
    pub path: AttrValue,
    pub done: Callback<()>,
    pub close: Callback<()>,
}

/// Confirmation dialog for deleting or revoking an object. Shows the server's error if
/// it fails.
#[component]
pub fn ConfirmDialog(props: &ConfirmDialogProps) -> Html {
    let words = use_words();
    let error = use_state(|| None::<ApiError>);
    let busy = use_state_eq(|| false);
    let onclick = {
        let (path, done) = (props.path.clone(), props.done.clone());
        let (error, busy) = (error.setter(), busy.setter());
        move |_| {
            let (path, done) = (path.clone(), done.clone());
            let (error, busy) = (error.clone(), busy.clone());
            busy.set(true);
            spawn_local(async move {
                let response = api::call(Method::DELETE, &path).await;
                busy.set(false);
                match response {
                    Ok(()) => done.emit(()),
                    Err(problem) => error.set(Some(problem)),
                }
            });
        }
    };
    html! {
        <Dialog title={props.title.clone()} close={props.close.clone()}>
            <div class="form">
                <p class="break-words">{ props.text.clone() }</p>
                if let Some(error) = (*error).clone() {
                    { failure(words, &error, None) }
                }
                <div class="form-actions">
                    <button type="button" class="btn" onclick={props.close.reform(|_| ())}>{ words.common.cancel }</button>
                    <button type="button" class="btn btn-error" disabled={*busy} {onclick}>{ props.action.clone() }</button>
                </div>
            </div>
        </Dialog>
    }
}
