use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
    state::{Live, LiveStatus},
};

/// Says truthfully whether news arrive by themselves; pauses and resumes them.
pub fn live_badge(words: &Words, live: &Live) -> Html {
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
        <>
            <button type="button" class={classes!("live", class)} title={hint} onclick={live.toggle.reform(|_| ())}>
                if live.status == LiveStatus::Paused {
                    { icon(IconName::Pause) }
                } else {
                    <span class="live-dot" aria-hidden="true"></span>
                }
                <span>{ text }</span>
            </button>
            // Apart from the button, whose name it would be no part of.
            <span class="sr-only" role="status">{ text }</span>
        </>
    }
}
