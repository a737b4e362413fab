use yew::prelude::*;

use crate::{
    components::{Icon, IconName},
    i18n::use_words,
};

#[derive(Properties, PartialEq)]
pub struct PagerProps {
    /// Rows on this page.
    pub rows: usize,
    /// Pages before this one, where they are known.
    pub page: Option<usize>,
    /// Whether this is the first page.
    pub first: bool,
    /// Goes to the next page; none ends the list.
    pub next: Option<Callback<()>>,
    /// Goes back.
    pub previous: Callback<()>,
}

/// How many rows there are, and the way to more.
#[component]
pub fn Pager(props: &PagerProps) -> Html {
    let words = use_words();
    let more = props.next.is_some();
    let count = if props.first {
        (words.list.rows)(props.rows, more)
    } else {
        (words.list.rows_after)(props.rows, more)
    };
    html! {
        <nav class="pager" aria-label={words.list.pages}>
            <span class="muted tabular-nums">{ count }</span>
            <span class="grow"></span>
            if !props.first {
                <button type="button" class="btn btn-sm" onclick={props.previous.reform(|_| ())}>
                    <Icon name={IconName::Left} />
                    { if props.page.is_some() { words.list.previous } else { words.list.first } }
                </button>
            }
            if let Some(page) = props.page.filter(|page| *page > 1) {
                <span class="tabular-nums">{ (words.list.page)(page) }</span>
            }
            if let Some(next) = &props.next {
                <button type="button" class="btn btn-sm" onclick={next.reform(|_| ())}>
                    { words.list.next }<Icon name={IconName::Right} />
                </button>
            }
        </nav>
    }
}
