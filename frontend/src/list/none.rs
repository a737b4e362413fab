use yew::prelude::*;

use super::chips::term_text;
use crate::{
    components::{Icon, IconName},
    i18n::use_words,
    query::Filter,
};

#[derive(Properties, PartialEq)]
pub struct NoneMatchProps {
    pub filter: Filter,
    pub change: Callback<Filter>,
}

/// Nothing matches: names each condition, to drop it.
#[component]
pub fn NoneMatch(props: &NoneMatchProps) -> Html {
    let words = use_words();
    let drop = props.filter.terms().into_iter().map(|term| {
        let onclick = {
            let (change, next) = (props.change.clone(), props.filter.without(&term));
            move |_| change.emit(next.clone())
        };
        let text = term_text(&term, words);
        html! {
            <button type="button" class="btn btn-sm" aria-label={(words.list.remove)(&text)} {onclick}>
                <Icon name={IconName::Close} /><span class="chip-text">{ text }</span>
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
