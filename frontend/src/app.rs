use yew::prelude::*;
use yew_router::prelude::*;

use crate::{
    Pages,
    components::failure,
    pages::{SignInAgain, SignInPage, message_page},
    route::Route,
    shell::{Header, banners, use_shortcuts},
    state::{SharedProvider, use_session, use_status, use_view},
};

#[derive(Properties, PartialEq)]
pub struct AppProps {
    pub pages: Pages,
}

/// The root component: shared state around the current page.
#[component]
pub fn App(props: &AppProps) -> Html {
    html! {
        <SharedProvider><BrowserRouter><Page pages={props.pages} /></BrowserRouter></SharedProvider>
    }
}

#[component]
fn Page(props: &AppProps) -> Html {
    let words = use_view();
    let status = use_status();
    let session = use_session();
    let (help, dialog) = use_shortcuts();
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let signed_in = session.as_ref().is_some_and(|s| s.me.is_some());
    let signed_out = session
        .as_ref()
        .is_some_and(|s| s.sign_in_options.is_some());
    let title = match route {
        Route::SetUp => words.account.set_up,
        Route::SignIn => words.account.sign_in,
        _ if !signed_in && signed_out => words.account.sign_in,
        Route::Log | Route::Entry { .. } => words.shell.log_title,
        Route::Recipients => words.shell.recipients,
        Route::Account => words.account.account,
        Route::Users => words.admin.users,
        Route::Tokens => words.admin.tokens,
        Route::Audit | Route::AuditEntry { .. } => words.admin.audit,
        _ => words.shell.incidents,
    };
    use_effect_with(title, |title| {
        if let Some(document) = web_sys::window().and_then(|window| window.document()) {
            document.set_title(&format!("{title} · Tocsin"));
        }
    });
    let content = match &session {
        _ if route == Route::SetUp => (props.pages.0)(&words, route),
        Some(session) if signed_in && session.role() < route.required_role() => {
            message_page((words.account.only_role)(route.required_role()), &words)
        }
        Some(_) if signed_in && route != Route::SignIn => (props.pages.0)(&words, route),
        Some(session) if signed_in || signed_out => {
            html! { <SignInPage key={session.sign_in_options.is_some().to_string()} /> }
        }
        Some(session) => match &session.error {
            Some(error) => failure(&words, error, Some(session.check.clone())),
            None => html! { <p class="none muted" role="status">{ words.account.connect }</p> },
        },
        None => html! {},
    };
    html! {
        <>
            <a class="skip" href="#main" onclick={skip}>{ words.shell.skip }</a>
            <Header {help} />
            { banners(&words, status.as_deref()) }
            <main id="main" tabindex="-1">
                <h1 class="sr-only">{ title }</h1>
                { content }
            </main>
            { dialog }
            if signed_in && signed_out {
                <SignInAgain />
            }
        </>
    }
}

/// Moves the focus to the content. A plain `#main` link would resolve against the
/// `<base>` and leave the page.
fn skip(event: MouseEvent) {
    use wasm_bindgen::JsCast;
    event.prevent_default();
    let main = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("main"))
        .and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(main) = main {
        // The element is focusable, so this cannot fail.
        let _ = main.focus();
    }
}
