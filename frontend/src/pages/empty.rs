use gloo_net::http::Method;
use tocsin_api_types::Role;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, ApiError},
    components::{IconName, RouteLink, code_box, failure, icon},
    i18n::use_words,
    route::Route,
    state::{Signal, use_role, use_signals_context, use_status},
};

/// Configuration for alertmanager.yml: a first route that continues to the others, and
/// the receiver, with a token if one is required.
pub fn snippet(url: &str, token: Option<&str>) -> String {
    let mut text = format!(
        "route:\n  routes:\n    - receiver: tocsin\n      continue: true\nreceivers:\n  - name: tocsin\n    webhook_configs:\n      - url: {url}\n        send_resolved: true\n"
    );
    if let Some(token) = token {
        text.push_str("        http_config:\n          authorization:\n            credentials: ");
        text.push_str(token);
        text.push('\n');
    }
    text
}

/// Empty state: how to connect Alertmanager. The list above it keeps loading and
/// replaces it with the first alert.
#[component]
pub fn Empty() -> Html {
    let words = use_words();
    let status = use_status();
    let signals = use_signals_context();
    let sending = use_state_eq(|| false);
    let problem = use_state_eq(|| None::<ApiError>);
    let token = status
        .as_ref()
        .is_some_and(|status| status.ingest_token_required);
    let role = use_role();
    let send = {
        let (sending, problem) = (sending.clone(), problem.clone());
        Callback::from(move |()| {
            let (sending, problem, signals) = (sending.clone(), problem.clone(), signals.clone());
            sending.set(true);
            spawn_local(async move {
                match api::call(Method::POST, "alerts/test").await {
                    Ok(()) => {
                        problem.set(None);
                        signals.emit(&Signal::Resync);
                    }
                    Err(error) => problem.set(Some(error)),
                }
                sending.set(false);
            });
        })
    };
    let receiver = status.map(|status| {
        let text = snippet(&status.webhook_url, token.then_some("<token>"));
        code_box(words.empty.snippet, text)
    });
    html! {
        <section class="empty">
            <span class="empty-bell">{ icon(IconName::Bell) }</span>
            <h2>{ words.empty.title }</h2>
            <p class="muted">{ words.empty.intro }</p>
            { receiver }
            if token && role == Role::Admin {
                <p>{ words.empty.token }{ " " }
                    <RouteLink class="link" to={Route::Tokens} query="new=ingest">{ words.empty.create_token }</RouteLink></p>
            } else if token {
                <p class="muted">{ words.empty.token_from_admin }</p>
            }
            if role >= Role::Responder {
                <div class="empty-test">
                    <button type="button" class="btn btn-primary" disabled={*sending} onclick={send.reform(|_| ())}>
                        { if *sending { words.empty.test_sending } else { words.empty.test } }
                    </button>
                    <span class="muted">{ words.empty.test_why }</span>
                </div>
            }
            if let Some(error) = (*problem).clone() {
                { failure(words, &error, Some(send)) }
            }
            <p class="waiting" role="status"><span class="waiting-dot"></span>{ words.empty.waiting }</p>
        </section>
    }
}
