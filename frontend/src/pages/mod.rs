//! The pages, of each program apart: what one does not name is no part of it.

mod account;
mod admin;
mod detail;
pub mod empty;
mod entry;
mod incidents;
mod log;
mod recipients;

use yew::prelude::*;
use yew_router::hooks::use_navigator;

use crate::{
    components::RouteLink,
    i18n::Words,
    route::{OPEN, Route, go},
};

pub use entry::{SignInAgain, SignInPage};

/// The lists. A list stays the same component while one of its rows is opened,
/// so that nothing of it is lost.
pub fn lists(words: &Words, route: Route) -> Html {
    match route {
        Route::Home => html! { <Home /> },
        Route::Incidents => incidents::incidents_page(None),
        Route::Incident { id } => incidents::incidents_page(Some(id)),
        Route::Log => log::log_page(None),
        Route::Entry { id } => log::log_page(Some(id)),
        _ => note(words.shell.not_found, words),
    }
}

/// Leads to what one comes for: the incidents that are open.
#[component]
fn Home() -> Html {
    let navigator = use_navigator();
    use_effect_with((), move |()| {
        if let Some(navigator) = navigator {
            go(&navigator, Route::Incidents, OPEN, true);
        }
    });
    html! {}
}

/// What is set up now and then.
pub fn desk(words: &Words, route: Route) -> Html {
    match route {
        Route::SetUp => html! { <entry::SetUpPage /> },
        Route::Recipients => html! { <recipients::RecipientsPage /> },
        Route::Account => html! { <account::AccountPage /> },
        Route::Users | Route::Tokens | Route::Audit | Route::AuditEntry { .. } => {
            admin::admin_page(words, route)
        }
        _ => note(words.shell.not_found, words),
    }
}

/// A page that says one thing.
pub fn note(text: &'static str, words: &Words) -> Html {
    html! {
        <div class="none">
            <p class="none-title">{ text }</p>
            <RouteLink class="btn" to={Route::Incidents} query={OPEN}>{ words.shell.to_incidents }</RouteLink>
        </div>
    }
}
