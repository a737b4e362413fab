use tocsin_api_types::SystemStatus;
use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    state::View,
    time,
};

/// What everybody must know, whatever page they are on.
pub fn banners(words: &View, status: Option<&SystemStatus>) -> Html {
    let Some(status) = status else {
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
        (words.shell.mail_paused)(&time::local_short(since, words.now), &why)
    });
    html! {
        <>
            if let Some(text) = paused {
                <div class="banner is-warning" role="alert">{ icon(IconName::Mail) }<p>{ text }</p></div>
            }
            if status.demo {
                <div class="banner is-quiet">{ icon(IconName::Info) }<p>{ words.shell.demo }</p></div>
            }
        </>
    }
}
