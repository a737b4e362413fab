//! The pages of both programs. A program contains only the pages that it uses.

mod account;
mod admin;
mod auth;
mod detail;
pub mod empty;
mod incidents;
mod log;
mod recipients;

use yew::prelude::*;
use yew_router::hooks::use_navigator;

use crate::{
    components::RouteLink,
    i18n::Words,
    route::{OPEN_INCIDENTS, Route, go},
};

pub use auth::{SignInAgain, SignInPage};

/// Pages of the list program. Opening a row keeps the same component, so that its state
/// is kept.
pub fn lists(words: &Words, route: Route) -> Html {
    match route {
        Route::Home => html! { <Home /> },
        Route::Incidents => incidents::incidents_page(None),
        Route::Incident { id } => incidents::incidents_page(Some(id)),
        Route::Log => log::log_page(None),
        Route::Entry { id } => log::log_page(Some(id)),
        _ => message_page(words.shell.not_found, words),
    }
}

/// Redirects to the open incidents.
#[component]
fn Home() -> Html {
    let navigator = use_navigator();
    use_effect_with((), move |()| {
        if let Some(navigator) = navigator {
            go(&navigator, Route::Incidents, OPEN_INCIDENTS, true);
        }
    });
    html! {}
}

/// Pages of the administration program.
pub fn administration(words: &Words, route: Route) -> Html {
    match route {
        Route::SetUp => html! { <auth::SetUpPage /> },
        Route::Recipients => html! { <recipients::RecipientsPage /> },
        Route::Account => html! { <account::AccountPage /> },
        Route::Users | Route::Tokens | Route::Audit | Route::AuditEntry { .. } => {
            admin::admin_page(words, route)
        }
        _ => message_page(words.shell.not_found, words),
    }
}

/// A page with a message.
pub fn message_page(text: &'static str, words: &Words) -> Html {
    html! {
        <div class="none">
            <p class="none-title">{ text }</p>
            <RouteLink class="btn" to={Route::Incidents} query={OPEN_INCIDENTS}>{ words.shell.to_incidents }</RouteLink>
        </div>
    }
}
