use tocsin_api_types::Role;
use yew::prelude::*;
use yew_router::prelude::*;

use crate::{
    components::{RouteLink, failure},
    i18n::Words,
    pages::{
        AccountPage, RecipientsPage, SetUpPage, SignInAgain, SignInPage, admin_page,
        incidents_page, log_page,
    },
    route::Route,
    shell::{Header, banners, use_shortcuts},
    state::{SharedProvider, use_session, use_status, use_view},
};

/// The whole program: what is shared, then what is shown.
#[component]
pub fn App() -> Html {
    html! {
        <SharedProvider><BrowserRouter><Page /></BrowserRouter></SharedProvider>
    }
}

#[component]
fn Page() -> Html {
    let words = use_view();
    let status = use_status();
    let session = use_session();
    let (help, dialog) = use_shortcuts();
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let inside = session.as_ref().is_some_and(|s| s.me.is_some());
    let out = session.as_ref().is_some_and(|s| s.out.is_some());
    let title = match route {
        Route::SetUp => words.account.set_up,
        Route::SignIn => words.account.sign_in,
        _ if !inside && out => words.account.sign_in,
        Route::Log | Route::Entry { .. } => words.shell.log,
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
        _ if route == Route::SetUp => html! { <SetUpPage /> },
        Some(session) if inside && route != Route::SignIn => {
            html! { { page(&words, route, session.role()) } }
        }
        Some(session) if inside || out => {
            html! { <SignInPage key={session.out.is_some().to_string()} /> }
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
            if inside && out {
                <SignInAgain />
            }
        </>
    }
}

/// The base element would turn the plain link into one to another page.
fn skip(event: MouseEvent) {
    use wasm_bindgen::JsCast;
    event.prevent_default();
    let main = web_sys::window()
        .and_then(|window| window.document())
        .and_then(|document| document.get_element_by_id("main"))
        .and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(main) = main {
        // It is focusable; nothing else could go wrong.
        let _ = main.focus();
    }
}

/// A list stays the same component while one of its rows is opened, so that
/// nothing of it is lost.
fn page(words: &Words, route: Route, role: Role) -> Html {
    if role < route.needs() {
        return note((words.account.only_role)(route.needs()), words);
    }
    match route {
        Route::Home => html! { <Redirect<Route> to={Route::Incidents} /> },
        Route::Incidents => incidents_page(None),
        Route::Incident { id } => incidents_page(Some(id)),
        Route::Log => log_page(None),
        Route::Entry { id } => log_page(Some(id)),
        Route::Recipients => html! { <RecipientsPage /> },
        Route::Account => html! { <AccountPage /> },
        Route::Users | Route::Tokens | Route::Audit | Route::AuditEntry { .. } => {
            admin_page(words, route)
        }
        Route::NotFound | Route::SignIn | Route::SetUp => note(words.shell.not_found, words),
    }
}

fn note(text: &'static str, words: &Words) -> Html {
    html! {
        <div class="none">
            <p class="none-title">{ text }</p>
            <RouteLink class="btn" to={Route::Incidents}>{ words.shell.to_incidents }</RouteLink>
        </div>
    }
}
