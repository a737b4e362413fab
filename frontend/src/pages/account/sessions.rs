use gloo_net::http::Method;
use tocsin_api_types::{Page, Session};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, use_fetch},
    components::{ConfirmDialog, failure, time},
    i18n::Words,
    state::{use_toasts, use_view},
};

/// Sessions of the account.
#[component]
pub fn Sessions() -> Html {
    let words = &use_view();
    let toasts = use_toasts();
    let fetched = use_fetch::<Page<Session>>("me/sessions".to_owned());
    let confirming = use_state_eq(|| false);
    let end = {
        let (toasts, reload) = (toasts.clone(), fetched.reload.clone());
        let lang = words.lang;
        Callback::from(move |id: i64| {
            let (toasts, reload, words) = (toasts.clone(), reload.clone(), lang.words());
            spawn_local(async move {
                if let Err(error) = api::call(Method::DELETE, &format!("me/sessions/{id}")).await {
                    toasts.error(error.explain(words));
                }
                reload.emit(());
            });
        })
    };
    let open_confirm = {
        let confirming = confirming.clone();
        move |_| confirming.set(true)
    };
    let close = {
        let confirming = confirming.setter();
        Callback::from(move |()| confirming.set(false))
    };
    let done = {
        let (close, reload) = (close.clone(), fetched.reload.clone());
        let text = words.account.ended_others;
        Callback::from(move |()| {
            close.emit(());
            reload.emit(());
            toasts.info(text);
        })
    };
    let list = fetched.data.as_ref().map_or(&[][..], |page| &page.items);
    let others = list.iter().any(|session| !session.current);
    html! {
        <section class="part-card is-wide">
            <div class="part-bar">
                <div class="grow">
                    <h2>{ words.account.sessions }</h2>
                    <p class="muted">{ words.account.sessions_why }</p>
                </div>
                if others {
                    <button type="button" class="btn btn-sm" aria-haspopup="dialog" onclick={open_confirm}>{ words.account.end_others }</button>
                }
            </div>
            if let Some(error) = fetched.error.clone() {
                { failure(words, &error, Some(fetched.reload.clone())) }
            }
            if list.is_empty() && fetched.data.is_some() {
                <p class="muted">{ words.account.no_sessions }</p>
            }
            <ul class="plain-list">
                { for list.iter().map(|session| {
                    let (id, what) = (session.id, browser(words, &session.user_agent));
                    html! {
                        <li key={id} class="session">
                            <div class="grow min-w-0">
                                <p class="strong" title={session.user_agent.clone()}>{ &what }
                                    if session.current {
                                        <span class="pill pill-resolved ms-2">{ words.account.this_browser }</span>
                                    }
                                </p>
                                <p class="muted text-sm break-words">
                                    { &session.address }{ " · " }{ (words.account.method)(session.method) }{ " · " }
                                    { words.account.session_began }{ " " }{ time(words, session.created_at) }{ " · " }
                                    { words.account.session_seen }{ " " }{ time(words, session.last_seen_at) }
                                </p>
                            </div>
                            if !session.current {
                                <button type="button" class="btn btn-sm" aria-label={(words.account.end_session)(&what)}
                                    onclick={end.reform(move |_: MouseEvent| id)}>{ words.account.end_session_short }</button>
                            }
                        </li>
                    }
                }) }
            </ul>
            if *confirming {
                <ConfirmDialog title={words.account.end_others} text={words.account.end_others_confirm}
                    action={words.account.end_others} path="me/sessions" {done} {close} />
            }
        </section>
    }
}

/// Display name for a `User-Agent`.
fn browser(words: &Words, agent: &str) -> String {
    // Order matters: each browser also names the later ones.
    let name = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let system = [
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iPadOS"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |list: &[(&str, &'static str)]| {
        let found = list.iter().find(|(sign, _)| agent.contains(sign));
        found.map(|(_, name)| *name)
    };
    match (find(&name), find(&system)) {
        (Some(name), Some(system)) => (words.account.on)(name, system),
        (Some(name), None) => name.to_owned(),
        // An unknown agent is shown as received.
        (None, _) if !agent.trim().is_empty() => agent.chars().take(60).collect(),
        (None, _) => words.account.unknown_browser.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn user_agents_have_display_names() {
        let words = Lang::En.words();
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iOS",
            ),
            ("curl/8.0", "curl/8.0"),
            ("", "Unknown browser"),
        ] {
            assert_eq!(browser(words, agent), name);
        }
    }
}
