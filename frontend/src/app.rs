use yew::prelude::*;
use yew_router::prelude::*;

use crate::{
    components::RouteLink,
    i18n::Words,
    pages::{RecipientsPage, incidents_page, log_page},
    route::Route,
    shell::{Header, banners, use_shortcuts},
    state::{SharedProvider, use_status, use_view},
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
            { banners(&words, status.as_deref()) }
            <main id="main" tabindex="-1">
                <h1 class="sr-only">{ title }</h1>
                <Switch<Route> render={move |route| page(&words, route)} />
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
fn page(words: &Words, route: Route) -> Html {
    match route {
        Route::Home => html! { <Redirect<Route> to={Route::Incidents} /> },
        Route::Incidents => incidents_page(None),
        Route::Incident { id } => incidents_page(Some(id)),
        Route::Log => log_page(None),
        Route::Entry { id } => log_page(Some(id)),
        Route::Recipients => html! { <RecipientsPage /> },
        Route::NotFound => html! {
            <div class="none">
                <p class="none-title">{ words.shell.not_found }</p>
                <RouteLink class="btn" to={Route::Incidents}>{ words.shell.to_incidents }</RouteLink>
            </div>
        },
    }
}
