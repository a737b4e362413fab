use tocsin_api_types::{Me, Role};
use yew::prelude::*;
use yew_router::hooks::use_route;

use super::{account_menu::account_menu, live_badge::live_badge, settings::settings};
use crate::{
    components::{IconName, RouteLink, icon},
    i18n::{Words, use_words},
    route::{OPEN_INCIDENTS, Route},
    state::{use_live, use_prefs, use_session, use_toasts},
};

#[derive(Properties, PartialEq)]
pub struct HeaderProps {
    /// Shows the keyboard shortcuts.
    pub help: Callback<()>,
}

/// The header: navigation, live status, settings and account.
#[component]
pub fn Header(props: &HeaderProps) -> Html {
    let words = use_words();
    let (live, prefs, session) = (use_live(), use_prefs(), use_session());
    let toasts = use_toasts();
    let me = session.as_ref().and_then(|session| session.me.clone());
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let mut pages = Vec::new();
    if let Some(me) = &me {
        pages.extend([
            (
                Route::Incidents,
                OPEN_INCIDENTS,
                words.shell.incidents,
                IconName::Flame,
            ),
            (Route::Log, "", words.shell.log, IconName::List),
            (
                Route::Recipients,
                "",
                words.shell.recipients,
                IconName::People,
            ),
        ]);
        if me.role == Role::Admin {
            pages.push((
                Route::Users,
                "",
                words.admin.administration,
                IconName::Shield,
            ));
        }
    }
    let here = |to: Route| match route {
        Route::Incident { .. } => to == Route::Incidents,
        Route::Entry { .. } => to == Route::Log,
        Route::Tokens | Route::Audit | Route::AuditEntry { .. } => to == Route::Users,
        other => to == other,
    };
    // Without a user there is no page to link to.
    let brand = html! { <>{ icon(IconName::Bell) }<span>{ "Tocsin" }</span></> };
    let settings = match (&prefs, &session) {
        (Some(prefs), Some(session)) => settings(words, prefs, session, &toasts),
        _ => html! {},
    };
    html! {
        <header class="top-bar">
            if me.is_some() {
                <RouteLink class="brand" to={Route::Incidents} query={OPEN_INCIDENTS}>{ brand }</RouteLink>
                <nav class="pages" aria-label={words.shell.navigation}>
                    { for pages.into_iter().map(|(to, query, label, picture)| html! {
                        <RouteLink class="page-link" {to} {query} current={here(to)}>{ icon(picture) }<span>{ label }</span></RouteLink>
                    }) }
                </nav>
            } else {
                <span class="brand">{ brand }</span>
            }
            <span class="grow"></span>
            if let Some(me) = me.as_ref().filter(|me| !me.matchers.is_empty()) {
                { scope(words, me) }
            }
            if let (Some(live), true) = (&live, me.is_some()) {
                { live_badge(words, live) }
            }
            { settings }
            if me.is_some() {
                <button type="button" class="icon-btn only-wide" aria-label={words.shell.help} title={words.shell.help_hint}
                    aria-haspopup="dialog" onclick={props.help.reform(|_| ())}>
                    { icon(IconName::Help) }
                </button>
            }
            if let (Some(session), Some(me)) = (&session, &me) {
                { account_menu(words, session, me, &toasts, route) }
            }
        </header>
    }
}

/// The restriction on alerts, so that the list is not taken for all alerts.
fn scope(words: &Words, me: &Me) -> Html {
    let what = me.matchers.join(", ");
    let text = (words.account.visible_alerts)(&what);
    html! {
        <span class="scope" title={format!("{text}\n{}", words.account.visible_alerts_hint)}>
            { icon(IconName::Filter) }<span class="only-wide">{ (words.account.visible_alerts)("") }</span>
            <span class="scope-text">{ what }</span>
        </span>
    }
}
