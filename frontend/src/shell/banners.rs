use yew::prelude::*;

use crate::{
    components::{Icon, IconName},
    i18n::use_words,
    state::{use_clock, use_status},
    time,
};

/// What everybody must know, whatever page they are on.
#[component]
pub fn Banners() -> Html {
    let words = use_words();
    let now = use_clock();
    let Some(status) = use_status() else {
        return html! {};
    };
    let paused = status.mail.paused_since.map(|since| {
        let why = match status
            .mail
            .error
            .as_deref()
            .unwrap_or(words.shell.mail_paused_unknown)
        {
            why if why.ends_with(['.', '。', '!', '?']) => why.to_owned(),
            why => format!("{why}."),
        };
        (words.shell.mail_paused)(&time::local_short(since, now), &why)
    });
    html! {
        <>
            if let Some(text) = paused {
                <div class="banner is-warning" role="alert"><Icon name={IconName::Mail} /><p>{ text }</p></div>
            }
            if status.demo {
                <div class="banner is-quiet"><Icon name={IconName::Info} /><p>{ words.shell.demo }</p></div>
            }
        </>
    }
}
