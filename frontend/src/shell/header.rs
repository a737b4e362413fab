use yew::prelude::*;
use yew_router::hooks::use_route;

use super::{live_badge::live_badge, settings::settings};
use crate::{
    components::{IconName, RouteLink, icon},
    i18n::use_words,
    route::Route,
    state::{use_live, use_prefs},
};

#[derive(Properties, PartialEq)]
pub struct HeaderProps {
    /// Shows the keyboard shortcuts.
    pub help: Callback<()>,
}

/// The name, the pages, and what belongs to the whole page.
#[component]
pub fn Header(props: &HeaderProps) -> Html {
    let words = use_words();
    let (live, prefs) = (use_live(), use_prefs());
    let route = use_route::<Route>().unwrap_or(Route::NotFound);
    let pages = [
        (Route::Incidents, words.shell.incidents, IconName::Flame),
        (Route::Log, words.shell.log, IconName::List),
        (Route::Recipients, words.shell.recipients, IconName::People),
    ];
    let here = |to: Route| match route {
        Route::Incident { .. } => to == Route::Incidents,
        Route::Entry { .. } => to == Route::Log,
        other => to == other,
    };
    html! {
        <header class="top-bar">
            <RouteLink class="brand" to={Route::Incidents}>{ icon(IconName::Bell) }<span>{ "Tocsin" }</span></RouteLink>
            <nav class="pages" aria-label={words.shell.navigation}>
                { for pages.into_iter().map(|(to, label, picture)| html! {
                    <RouteLink class="page-link" {to} current={here(to)}>{ icon(picture) }<span>{ label }</span></RouteLink>
                }) }
            </nav>
            <span class="grow"></span>
            { for live.iter().map(|live| live_badge(words, live)) }
            { for prefs.iter().map(|prefs| settings(words, prefs)) }
            <button type="button" class="icon-btn only-wide" aria-label={words.shell.help} title={words.shell.help_hint}
                aria-haspopup="dialog" onclick={props.help.reform(|_| ())}>
                { icon(IconName::Help) }
            </button>
        </header>
    }
}
