use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
};

/// How many rows there are, and the way to more.
pub struct Pager {
    /// Rows on this page.
    pub rows: usize,
    /// The number of this page, where it is known.
    pub page: Option<usize>,
    /// Whether this is the first page.
    pub first: bool,
    /// Goes to the next page; none ends the list.
    pub next: Option<Callback<()>>,
    /// Goes back.
    pub previous: Callback<()>,
    /// There is a page before this one, which is not just the first.
    pub before: bool,
    /// More rows are being looked for.
    pub searching: bool,
}

/// Draws it.
pub fn pager(words: &Words, props: &Pager) -> Html {
    let more = props.next.is_some();
    let count = if props.first {
        (words.list.rows)(props.rows, more)
    } else {
        (words.list.rows_after)(props.rows, more)
    };
    html! {
        <nav class="pager" aria-label={words.list.pages}>
            <span class="muted tabular-nums">{ count }</span>
            <span class="muted" role="status">
                if props.searching { { words.list.searching } }
            </span>
            <span class="grow"></span>
            if !props.first {
                <button type="button" class="btn btn-sm" onclick={props.previous.reform(|_| ())}>
                    { icon(IconName::Left) }
                    { if props.before { words.list.previous } else { words.list.first } }
                </button>
            }
            if let Some(page) = props.page.filter(|page| *page > 1) {
                <span class="tabular-nums">{ (words.list.page)(page) }</span>
            }
            if let Some(next) = &props.next {
                <button type="button" class="btn btn-sm" onclick={next.reform(|_| ())}>
                    { words.list.next }{ icon(IconName::Right) }
                </button>
            }
        </nav>
    }
}
