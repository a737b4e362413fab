use tocsin_api_types::SystemStatus;
use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    state::View,
    time,
};

/// Warnings shown on every page.
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
    let database = match (
        status.database.damaged,
        u64::try_from(status.database.unreadable_rows),
    ) {
        (true, _) => Some(words.shell.database_damaged.to_owned()),
        (false, Ok(rows @ 1..)) => Some((words.shell.unreadable_rows)(rows)),
        (false, _) => None,
    };
    html! {
        <>
            if let Some(text) = database {
                <div class="banner is-warning" role="alert">{ icon(IconName::Alert) }<p>{ text }</p></div>
            }
            if let Some(text) = paused {
                <div class="banner is-warning" role="alert">{ icon(IconName::Mail) }<p>{ text }</p></div>
            }
            if status.demo {
                <div class="banner is-quiet">{ icon(IconName::Info) }<p>{ words.shell.demo }</p></div>
            }
        </>
    }
}
