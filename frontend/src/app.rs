use yew::prelude::*;
use yew_router::prelude::*;

use crate::{
    components::RouteLink,
    i18n::use_words,
    pages::{IncidentsPage, LogPage, RecipientsPage},
    route::Route,
    shell::{Banners, Header, use_shortcuts},
    state::{
        AckProvider, ClockProvider, LiveProvider, PrefsProvider, SignalsProvider, StatusProvider,
        ToastsProvider,
    },
};

/// The whole program: what is shared, then what is shown. Each of the shared
/// things may use those around it.
#[component]
pub fn App() -> Html {
    html! {
        <PrefsProvider><ClockProvider><SignalsProvider><ToastsProvider><StatusProvider><LiveProvider><AckProvider>
            <BrowserRouter><Page /></BrowserRouter>
        </AckProvider></LiveProvider></StatusProvider></ToastsProvider></SignalsProvider></ClockProvider></PrefsProvider>
    }
}

#[component]
fn Page() -> Html {
    let words = use_words();
    let (help, dialog) = use_shortcuts();
    let title = match use_route::<Route>() {
        Some(Route::Log | Route::Entry { .. }) => words.shell.log,
        Some(Route::Recipients) => words.shell.recipients,
        _ => words.shell.incidents,
    };
    use_effect_with(title, |title| {
        if let Some(document) = web_sys::window().and_then(|window| window.document()) {
            document.set_title(&format!("{title} · Tocsin"));
        }
    });
    html! {
        <>
            <a class="skip" href="#main" onclick={skip}>{ words.shell.skip }</a>
            <Header {help} />
            <Banners />
            <main id="main" tabindex="-1">
                <h1 class="sr-only">{ title }</h1>
                <Switch<Route> render={page} />
            </main>
            { dialog }
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
fn page(route: Route) -> Html {
    match route {
        Route::Home => html! { <Redirect<Route> to={Route::Incidents} /> },
        Route::Incidents => html! { <IncidentsPage /> },
        Route::Incident { id } => html! { <IncidentsPage selected={id} /> },
        Route::Log => html! { <LogPage /> },
        Route::Entry { id } => html! { <LogPage selected={id} /> },
        Route::Recipients => html! { <RecipientsPage /> },
        Route::NotFound => html! { <NotFound /> },
    }
}

#[component]
fn NotFound() -> Html {
    let words = use_words();
    html! {
        <div class="none">
            <p class="none-title">{ words.shell.not_found }</p>
            <RouteLink class="btn" to={Route::Incidents}>{ words.shell.to_incidents }</RouteLink>
        </div>
    }
}
