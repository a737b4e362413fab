//! Pages for administrators: users, tokens, audit log.

mod audit;
mod audit_entry;
mod token_form;
mod tokens;
mod user_form;
mod users;

use yew::prelude::*;

use crate::{components::RouteLink, i18n::Words, route::Route};
use audit::AuditPage;
use tokens::Tokens;
use users::Users;

/// The page of a route.
pub fn admin_page(words: &Words, route: Route) -> Html {
    let parts = [
        (Route::Users, words.admin.users),
        (Route::Tokens, words.admin.tokens),
        (Route::Audit, words.admin.audit),
    ];
    let nav = html! {
        <nav class="parts" aria-label={words.admin.administration}>
            { for parts.into_iter().map(|(to, name)| html! {
                <RouteLink class="part" {to} current={to == route || (to == Route::Audit && matches!(route, Route::AuditEntry { .. }))}>
                    { name }
                </RouteLink>
            }) }
        </nav>
    };
    match route {
        Route::Audit => html! { <AuditPage {nav} entry={None::<i64>} /> },
        Route::AuditEntry { id } => html! { <AuditPage {nav} entry={Some(id)} /> },
        Route::Tokens => html! { <div class="people">{ nav }<Tokens /></div> },
        _ => html! { <div class="people">{ nav }<Users /></div> },
    }
}
