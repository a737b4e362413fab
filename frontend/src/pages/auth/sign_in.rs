use std::rc::Rc;

use gloo_net::http::Method;
use tocsin_api_types::{Me, SignIn, SignInOptions};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;
use yew_router::{
    Routable,
    hooks::{use_location, use_navigator, use_route},
};

use crate::{
    api::{self, ApiError, ApiRequest},
    components::{Dialog, IconName, PasswordField, TextField, icon},
    forms::body,
    i18n::{Words, use_words},
    query::{pairs, push_pair},
    route::{OPEN_INCIDENTS, Route, go, return_to},
    state::use_session,
    time,
};

/// `path` with a `returnTo` parameter.
fn with_return(path: &str, to: &str) -> String {
    let mut query = String::new();
    push_pair(&mut query, "returnTo", to);
    format!("{path}?{query}")
}

/// Path and query of the current URL, relative to the base.
#[hook]
fn use_here() -> String {
    let query = use_location()
        .map(|l| l.query_str().to_owned())
        .unwrap_or_default();
    let path = use_route::<Route>().map(|route| route.to_path());
    format!("{}{query}", path.unwrap_or_default())
}

/// The sign-in page. Other URLs redirect to it and back after sign-in.
#[component]
pub fn SignInPage() -> Html {
    let words = use_words();
    let session = use_session();
    let navigator = use_navigator();
    let here = use_here();
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let signed_in = session.as_ref().is_some_and(|s| s.me.is_some());
    let query = here.split_once('?').map_or("", |(_, query)| query);
    let pairs = pairs(query);
    let value = |name: &str| pairs.iter().find(|(other, _)| other == name);
    let target = value("returnTo").map(|(_, to)| to.clone());
    let problem = value("problem").map(|(_, code)| code.clone());
    use_effect_with((route, signed_in), {
        let (target, here) = (target.clone(), here.clone());
        move |(route, signed_in)| {
            let Some(navigator) = navigator else { return };
            if *signed_in {
                let (route, query) = target
                    .and_then(|target| return_to(&target))
                    .unwrap_or((Route::Incidents, OPEN_INCIDENTS.to_owned()));
                go(&navigator, route, &query, true);
            } else if *route != Route::SignIn {
                let mut query = String::new();
                if *route != Route::Home && return_to(&here).is_some() {
                    push_pair(&mut query, "returnTo", &here);
                }
                go(&navigator, Route::SignIn, &query, true);
            }
        }
    });
    let options = session.and_then(|session| session.sign_in_options);
    let Some(options) = options.filter(|_| !signed_in) else {
        return html! {};
    };
    if options.set_up {
        return not_set_up(words);
    }
    html! {
        <section class="entry" aria-label={words.account.sign_in}>
            <h2>{ words.account.sign_in }</h2>
            if let Some(code) = problem {
                <p class="notice is-failed" role="alert">{ icon(IconName::Alert) }
                    <span>{ (words.account.problem)(&code).unwrap_or(words.account.problem_other) }</span></p>
            }
            <SignInForm {options} return_to={target.unwrap_or_default()} />
        </section>
    }
}

/// Shown before the first account exists.
fn not_set_up(words: &Words) -> Html {
    html! {
        <section class="entry" aria-label={words.account.not_set_up_title}>
            <h2>{ words.account.not_set_up_title }</h2>
            <p>{ words.account.not_set_up }</p>
            <pre class="entry-code" tabindex="0" role="region" aria-label={words.account.set_up}><code>
                { "tocsin user add --role admin --email you@example.com" }
            </code></pre>
        </section>
    }
}

/// Sign-in dialog over the current page, so that its state is kept.
#[component]
pub fn SignInAgain() -> Html {
    let words = use_words();
    let session = use_session();
    let here = use_here();
    let check = session.as_ref().map(|session| session.check.clone());
    // Check on focus: the user may have signed in in another window.
    use_effect_with(check, |check| {
        let window = web_sys::window();
        let on_focus = check
            .clone()
            .map(|check| Closure::<dyn FnMut()>::new(move || check.emit(())));
        if let (Some(window), Some(on_focus)) = (&window, &on_focus) {
            window.set_onfocus(Some(on_focus.as_ref().unchecked_ref()));
        }
        move || {
            window.iter().for_each(|window| window.set_onfocus(None));
            drop(on_focus);
        }
    });
    let Some(session) = session else {
        return html! {};
    };
    let (Some(me), Some(options)) = (session.me.clone(), session.sign_in_options.clone()) else {
        return html! {};
    };
    html! {
        <Dialog title={words.account.ended_title} close={Callback::noop()} fixed={true}>
            <div class="form">
                <p>{ words.account.ended }{ " " }{ (words.account.as_before)(&me.name) }</p>
                <SignInForm {options} return_to={here} again={true} email={me.email.clone().unwrap_or_default()} />
            </div>
        </Dialog>
    }
}

#[derive(Properties, PartialEq)]
struct SignInFormProps {
    options: Rc<SignInOptions>,
    return_to: AttrValue,
    /// The dialog is shown over a page whose state must be kept.
    #[prop_or_default]
    again: bool,
    #[prop_or_default]
    email: AttrValue,
}

#[component]
fn SignInForm(props: &SignInFormProps) -> Html {
    let words = use_words();
    let session = use_session();
    let email = use_state(|| props.email.to_string());
    let password = use_state(String::new);
    let busy = use_state_eq(|| false);
    let wrong = use_state(|| None::<String>);
    let error = use_state(|| None::<ApiError>);
    let onsubmit = {
        let (email, password) = (email.clone(), password.clone());
        let (busy, wrong, error) = (busy.clone(), wrong.setter(), error.setter());
        move |event: SubmitEvent| {
            event.prevent_default();
            if *busy {
                return;
            }
            if email.trim().is_empty() || password.is_empty() {
                return wrong.set(Some(words.account.both_needed.to_owned()));
            }
            let input = SignIn {
                email: email.trim().to_owned(),
                password: (*password).clone(),
            };
            let (busy, wrong, error) = (busy.setter(), wrong.clone(), error.clone());
            let (session, password) = (session.clone(), password.setter());
            busy.set(true);
            spawn_local(async move {
                let request = ApiRequest::new(Method::POST, "sign-in").allow_unauthenticated();
                let response = request.send(Some(&body(&input))).await;
                busy.set(false);
                match response.and_then(|response| api::read::<Me>(&response.body)) {
                    Ok(me) => session
                        .iter()
                        .for_each(|session| session.sign_in(me.clone())),
                    Err(problem) => {
                        if problem.status() == Some(401) {
                            password.set(String::new());
                        }
                        wrong.set(Some(error_message(words, &problem)));
                        error.set(Some(problem));
                    }
                }
            });
        }
    };
    let set = |state: &UseStateHandle<String>| {
        let state = state.setter();
        Callback::from(move |text| state.set(text))
    };
    let field = |name| error.as_ref().and_then(|error| error.field(words, name));
    let oidc = props.options.oidc.as_ref().map(|name| {
        let href = with_return(&api::url("sign-in/oidc"), &props.return_to);
        let target = props.again.then_some("_blank");
        html! {
            <>
                if props.options.password {
                    <p class="entry-or"><span>{ words.account.or }</span></p>
                }
                <a class={classes!("btn", "w-full", (!props.options.password).then_some("btn-primary"))} {href} {target}>
                    { icon(IconName::Key) }{ (words.account.with)(name) }
                </a>
                if props.again {
                    <p class="field-hint">{ words.account.new_window }</p>
                }
            </>
        }
    });
    html! {
        <div class="form">
            if props.options.password {
                <form class="form" {onsubmit} novalidate={true} method="post">
                    { TextField {
                        id: "sign-in-email".into(),
                        label: words.account.email.into(),
                        value: (*email).clone().into(),
                        kind: "email",
                        maxlength: 254,
                        autocomplete: "username",
                        autofocus: props.email.is_empty(),
                        change: set(&email),
                        error: field("email"),
                        ..TextField::default()
                    }.draw() }
                    <PasswordField id="sign-in-password" label={words.account.password} value={(*password).clone()}
                        autofocus={!props.email.is_empty()} change={set(&password)} error={field("password")} />
                    if let Some(wrong) = (*wrong).clone() {
                        <p class="notice is-failed" role="alert">{ icon(IconName::Alert) }<span>{ wrong }</span></p>
                    }
                    <button type="submit" class="btn btn-primary w-full" disabled={*busy}>
                        { if *busy { words.account.signing_in } else { words.account.sign_in } }
                    </button>
                </form>
            }
            { oidc }
            if !props.options.password && props.options.oidc.is_none() {
                <p class="muted">{ words.account.only_other }</p>
            }
            if props.options.demo {
                <p class="notice">{ icon(IconName::Info) }<span>{ words.account.demo }</span></p>
            }
        </div>
    }
}

/// Message for a failed sign-in.
fn error_message(words: &Words, error: &ApiError) -> String {
    match (error.status(), error) {
        (Some(401), _) => words.account.wrong.to_owned(),
        (Some(429), ApiError::Problem(problem)) => {
            let wait = problem.retry_after.unwrap_or(30);
            (words.account.locked)(&time::duration(words.lang, i64::from(wait)))
        }
        (Some(503), _) => words.account.busy.to_owned(),
        _ => error.explain(words),
    }
}
