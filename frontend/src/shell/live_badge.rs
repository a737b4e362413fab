use yew::prelude::*;

use crate::{
    components::{Icon, IconName},
    i18n::use_words,
    state::{LiveStatus, use_live},
};

/// Says truthfully whether news arrive by themselves; pauses and resumes them.
#[component]
pub fn LiveBadge() -> Html {
    let words = use_words();
    let Some(live) = use_live() else {
        return html! {};
    };
    let (class, text, hint) = match live.status {
        LiveStatus::Live => ("is-live", words.shell.live, words.shell.live_hint),
        LiveStatus::Reconnecting => (
            "is-broken",
            words.shell.reconnecting,
            words.shell.reconnecting_hint,
        ),
        LiveStatus::Paused => ("is-paused", words.shell.paused, words.shell.paused_hint),
    };
    html! {
        <button type="button" class={classes!("live", class)} title={hint} onclick={live.toggle.reform(|_| ())}>
            if live.status == LiveStatus::Paused {
                <Icon name={IconName::Pause} />
            } else {
                <span class="live-dot" aria-hidden="true"></span>
            }
            <span role="status">{ text }</span>
        </button>
    }
}
