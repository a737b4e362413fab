use chrono::{DateTime, Utc};
use tocsin_api_types::{Page, Scope, Token};
use yew::prelude::*;
use yew_router::hooks::use_location;

use super::token_form::TokenForm;
use crate::{
    api::use_fetch,
    components::{ConfirmDialog, IconName, failure, icon, matcher_list, time},
    query::pairs,
    state::{View, use_view},
};

/// The tokens page.
#[component]
pub fn Tokens() -> Html {
    let words = &use_view();
    let fetched = use_fetch::<Page<Token>>("tokens?limit=500".to_owned());
    // The empty state links here with `?new=ingest`.
    let query = use_location().map(|l| l.query_str().to_owned());
    let parameters = pairs(&query.unwrap_or_default());
    let adding = use_state_eq(|| parameters.iter().any(|(name, _)| name == "new"));
    let revoking = use_state(|| None::<Token>);
    let ended = use_state_eq(|| false);
    let close = {
        let (adding, revoking) = (adding.setter(), revoking.setter());
        Callback::from(move |()| {
            adding.set(false);
            revoking.set(None);
        })
    };
    let done = {
        let (close, reload) = (close.clone(), fetched.reload.clone());
        Callback::from(move |()| {
            close.emit(());
            reload.emit(());
        })
    };
    let add = {
        let adding = adding.setter();
        move |_| adding.set(true)
    };
    let list = fetched.data.as_ref().map_or(&[][..], |page| &page.items);
    let is_inactive = |token: &Token| {
        token.revoked_at.is_some() || token.expires_at.is_some_and(|at| at <= words.now)
    };
    let over = list.iter().filter(|token| is_inactive(token)).count();
    let show_over = {
        let ended = ended.clone();
        move |_| ended.set(!*ended)
    };
    let shown = list.iter().filter(|token| *ended || !is_inactive(token));
    let rows = shown.map(|token| {
        let revoke = {
            let (revoking, token) = (revoking.setter(), token.clone());
            move |_: MouseEvent| revoking.set(Some(token.clone()))
        };
        html! {
            <tr key={token.id} class={is_inactive(token).then_some("is-over")}>
                <th scope="row" class="card-name">{ &token.name }{ state(words, token) }
                    <span class="token-hint"><code>{ &token.hint }{ "…" }</code></span>
                </th>
                <td class="nowrap">{ token.scopes.iter().max().map_or("", |scope| (words.admin.scope)(*scope)) }</td>
                <td>{ bound(words, token) }</td>
                <td class="muted" data-label={words.admin.expires}>{ at(words, token.expires_at, words.admin.never_expires) }</td>
                <td class="muted" data-label={words.admin.last_used}>{ at(words, token.last_used_at, words.admin.never) }</td>
                <td class="muted" data-label={words.admin.created}>{ time(words, token.created_at) }{ " " }{ (words.admin.created_by)(&token.created_by) }</td>
                <td class="card-actions">
                    if token.revoked_at.is_none() {
                        <button type="button" class="btn btn-sm" aria-label={(words.admin.revoke_named)(&token.name)}
                            onclick={revoke}>{ words.admin.revoke }</button>
                    }
                </td>
            </tr>
        }
    });
    html! {
        <section aria-label={words.admin.tokens}>
            <div class="part-bar">
                <p class="muted grow">{ words.admin.tokens_why }</p>
                <button type="button" class="btn btn-sm btn-primary" onclick={add}>{ icon(IconName::Plus) }{ words.admin.add_token }</button>
            </div>
            if let Some(error) = fetched.error.clone() {
                { failure(words, &error, Some(fetched.reload.clone())) }
            }
            if list.len() == over && !*ended && fetched.data.is_some() {
                <p class="none muted">{ words.admin.no_tokens }</p>
            } else {
                <table class="table-plain is-tall">
                    <thead><tr>
                        <th scope="col">{ words.recipients.name }</th><th scope="col">{ words.admin.scopes }</th>
                        <th scope="col">{ words.admin.source_column }</th><th scope="col">{ words.admin.expires }</th>
                        <th scope="col">{ words.admin.last_used }</th><th scope="col">{ words.admin.created }</th>
                        <th scope="col"><span class="sr-only">{ words.recipients.actions }</span></th>
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            }
            if over > 0 {
                <p class="p-4"><button type="button" class="link-btn" aria-pressed={ended.to_string()} onclick={show_over}>
                    { words.admin.show_ended }{ format!(" ({over})") }</button></p>
            }
            if *adding {
                <TokenForm done={done.clone()} close={done.clone()} />
            }
            if let Some(token) = &*revoking {
                <ConfirmDialog title={(words.admin.revoke_named)(&token.name)} text={(words.admin.revoke_confirm)(&token.name)}
                    action={words.admin.revoke} path={format!("tokens/{}", token.id)} {done} {close} />
            }
        </section>
    }
}

/// Badge for a revoked or expired token.
fn state(words: &View, token: &Token) -> Html {
    let text = if token.revoked_at.is_some() {
        words.admin.revoked
    } else if token.expires_at.is_some_and(|at| at <= words.now) {
        words.admin.expired
    } else {
        return html! {};
    };
    html! { <span class="pill pill-lost ms-2">{ text }</span> }
}

/// The source of an ingest token, or the matchers of another one.
fn bound(words: &View, token: &Token) -> Html {
    match &token.source {
        Some(source) => html! { { (words.admin.source_of)(source) } },
        None if !token.matchers.is_empty() => matcher_list(&token.matchers),
        None if token.scopes.contains(&Scope::Ingest) => {
            html! { <span class="muted">{ "–" }</span> }
        }
        None => html! { <span class="muted">{ words.admin.all_alerts }</span> },
    }
}

fn at(words: &View, at: Option<DateTime<Utc>>, none: &'static str) -> Html {
    at.map_or_else(|| html! { { none } }, |at| time(words, at))
}
