use yew::prelude::*;

use super::chips::term_text;
use crate::{
    components::{IconName, icon},
    i18n::Words,
    query::Filter,
};

/// Empty state: no open incident.
pub fn no_open_incidents(words: &Words, change: &Callback<Filter>) -> Html {
    let change = change.clone();
    let onclick = move |_: MouseEvent| change.emit(Filter::default());
    html! {
        <div class="none">
            <p class="none-title">{ words.list.none_open }</p>
            <button type="button" class="btn btn-sm" {onclick}>{ words.list.show_all }</button>
        </div>
    }
}

/// Empty state: no match. Offers to remove each filter.
pub fn no_matches(words: &Words, filter: &Filter, change: &Callback<Filter>) -> Html {
    let drop = filter.terms().into_iter().map(|term| {
        let onclick = {
            let (change, next) = (change.clone(), filter.without(&term));
            move |_| change.emit(next.clone())
        };
        let text = term_text(&term, words);
        html! {
            <button type="button" class="btn btn-sm" aria-label={(words.list.remove)(&text)} {onclick}>
                { icon(IconName::Close) }<span class="chip-text">{ text }</span>
            </button>
        }
    });
    html! {
        <div class="none">
            <p class="none-title">{ words.list.none_match }</p>
            <p class="muted">{ words.list.none_match_hint }</p>
            <div class="flex flex-wrap gap-2 justify-center">{ for drop }</div>
        </div>
    }
}
