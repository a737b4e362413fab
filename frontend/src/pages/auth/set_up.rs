use gloo_net::http::Method;
use tocsin_api_types::{Me, SetUp};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, ApiError, ApiRequest},
    components::{IconName, PasswordField, RouteLink, TextField, failure, icon},
    forms::body,
    i18n::use_words,
    route::{Route, load},
    state::use_session,
};

/// Reads the token after `#` and removes it from the URL and the history, where others
/// could see it.
fn take_token() -> String {
    let Some(window) = web_sys::window() else {
        return String::new();
    };
    let location = window.location();
    let token = location.hash().unwrap_or_default();
    let path = location.pathname().unwrap_or_default();
    if let Ok(history) = window.history() {
        let state = history.state().unwrap_or_default();
        // The URL has the same origin, so this cannot fail.
        let _ = history.replace_state_with_url(&state, "", Some(&path));
    }
    token.trim_start_matches('#').to_owned()
}

/// Set-up: creates the first account.
#[component]
pub fn SetUpPage() -> Html {
    let words = use_words();
    let session = use_session();
    let token = use_memo((), |()| take_token());
    let input = use_state(|| SetUp {
        token: (*token).clone(),
        name: String::new(),
        email: String::new(),
        password: String::new(),
    });
    let busy = use_state_eq(|| false);
    let error = use_state(|| None::<ApiError>);
    let options = session
        .as_ref()
        .and_then(|session| session.sign_in_options.clone());
    let signed_in = session.as_ref().is_some_and(|s| s.me.is_some());
    let onsubmit = {
        let (input, busy, error) = (input.clone(), busy.clone(), error.setter());
        move |event: SubmitEvent| {
            event.prevent_default();
            if *busy {
                return;
            }
            let (input, busy, error) = ((*input).clone(), busy.setter(), error.clone());
            busy.set(true);
            spawn_local(async move {
                let request = ApiRequest::new(Method::POST, "set-up").allow_unauthenticated();
                let response = request.send(Some(&body(&input))).await;
                busy.set(false);
                match response.and_then(|response| api::read::<Me>(&response.body)) {
                    // The empty list explains the next steps.
                    Ok(_) => load("incidents", true),
                    Err(problem) => error.set(Some(problem)),
                }
            });
        }
    };
    let set = |change: fn(&mut SetUp, String)| {
        let input = input.clone();
        Callback::from(move |text: String| {
            let mut next = (*input).clone();
            change(&mut next, text);
            input.set(next);
        })
    };
    let field = |name| error.as_ref().and_then(|error| error.field(words, name));
    // Another user was faster, or the link was used before.
    let status = error.as_ref().and_then(ApiError::status);
    let done = signed_in || status == Some(409) || options.is_some_and(|options| !options.set_up);
    let unknown = field("token").is_some() || matches!(status, Some(401 | 403 | 404 | 410));
    let message = if done {
        Some(words.account.set_up_done)
    } else if unknown {
        Some(words.account.set_up_unknown)
    } else if token.is_empty() {
        Some(words.account.set_up_none)
    } else {
        None
    };
    if let Some(message) = message {
        return html! {
            <section class="entry" aria-label={words.account.set_up}>
                <h2>{ words.account.set_up }</h2>
                <p class="notice is-failed" role="alert">{ icon(IconName::Alert) }<span>{ message }</span></p>
                if done {
                    <RouteLink class="btn btn-primary" to={Route::SignIn}>{ words.account.to_sign_in }</RouteLink>
                }
            </section>
        };
    }
    let whole = (*error).clone().filter(|error| error.errors().is_empty());
    html! {
        <section class="entry" aria-label={words.account.set_up}>
            <h2>{ words.account.set_up }</h2>
            <p class="muted">{ words.account.set_up_why }</p>
            <form class="form" {onsubmit} novalidate={true} method="post">
                { TextField {
                    id: "set-up-name".into(),
                    label: words.account.name.into(),
                    hint: words.account.name_hint.into(),
                    value: input.name.clone().into(),
                    autocomplete: "name",
                    autofocus: true,
                    change: set(|input, text| input.name = text),
                    error: field("name"),
                    ..TextField::default()
                }.draw() }
                { TextField {
                    id: "set-up-email".into(),
                    label: words.account.email.into(),
                    value: input.email.clone().into(),
                    kind: "email",
                    maxlength: 254,
                    autocomplete: "username",
                    change: set(|input, text| input.email = text),
                    error: field("email"),
                    ..TextField::default()
                }.draw() }
                <PasswordField id="set-up-password" label={words.account.password} hint={words.account.password_hint}
                    value={input.password.clone()} new={true} change={set(|input, text| input.password = text)}
                    error={field("password")} />
                if let Some(error) = whole {
                    { failure(words, &error, None) }
                }
                <button type="submit" class="btn btn-primary w-full" disabled={*busy}>
                    { if *busy { words.account.set_up_doing } else { words.account.set_up_do } }
                </button>
            </form>
        </section>
    }
}
