use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
    state::{Live, LiveStatus},
};

/// Button with the state of the live connection; pauses and resumes it.
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
            // Outside the button, because it is not part of its name.
            <span class="sr-only" role="status">{ text }</span>
        </>
    }
}
