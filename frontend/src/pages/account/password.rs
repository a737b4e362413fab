use gloo_net::http::Method;
use tocsin_api_types::PasswordChange;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{ApiError, ApiRequest},
    components::{PasswordField, failure},
    forms::body,
    i18n::use_words,
    state::use_toasts,
};

#[derive(Properties, PartialEq)]
pub struct PasswordProps {
    /// For the browser's password manager.
    pub email: AttrValue,
}

/// Form to change the password.
#[component]
pub fn Password(props: &PasswordProps) -> Html {
    let words = use_words();
    let toasts = use_toasts();
    let (current, new) = (use_state(String::new), use_state(String::new));
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let onsubmit = {
        let (current, new) = (current.clone(), new.clone());
        let (busy, error) = (busy.clone(), error.setter());
        move |event: SubmitEvent| {
            event.prevent_default();
            if *busy {
                return;
            }
            let input = PasswordChange {
                current: (*current).clone(),
                new: (*new).clone(),
            };
            let (current, new) = (current.setter(), new.setter());
            let (busy, error, toasts) = (busy.setter(), error.clone(), toasts.clone());
            busy.set(true);
            spawn_local(async move {
                let request = ApiRequest::new(Method::PUT, "me/password");
                let response = request.send(Some(&body(&input))).await;
                busy.set(false);
                if response.is_ok() {
                    current.set(String::new());
                    new.set(String::new());
                    toasts.info(words.account.password_changed);
                }
                error.set(response.err());
            });
        }
    };
    let set = |state: &UseStateHandle<String>| {
        let state = state.setter();
        Callback::from(move |text| state.set(text))
    };
    let field = |name| error.as_ref().and_then(|error| error.field(words, name));
    let whole = (*error).clone().filter(|error| error.errors().is_empty());
    html! {
        <form class="form" {onsubmit} novalidate={true} method="post">
            <input type="hidden" name="username" autocomplete="username" value={props.email.clone()} />
            <PasswordField id="password-current" label={words.account.current_password} value={(*current).clone()}
                change={set(&current)} error={field("current")} />
            <PasswordField id="password-new" label={words.account.new_password} value={(*new).clone()} new={true}
                hint={words.account.password_hint} change={set(&new)} error={field("new")} />
            if let Some(error) = whole {
                { failure(words, &error, None) }
            }
            <div class="form-actions">
                <button type="submit" class="btn btn-primary" disabled={*busy}>
                    { if *busy { words.common.saving } else { words.account.change_password } }
                </button>
            </div>
        </form>
    }
}
