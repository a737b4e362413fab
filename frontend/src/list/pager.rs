use yew::prelude::*;

use crate::{
    components::{IconName, icon},
    i18n::Words,
};

/// Row count and page navigation.
pub struct Pager {
    pub rows: usize,
    /// Page number, if known.
    pub page: Option<usize>,
    pub first: bool,
    /// `None` on the last page.
    pub next: Option<Callback<()>>,
    pub previous: Callback<()>,
    /// There is a previous page other than the first.
    pub before: bool,
    /// The server is still searching for more rows.
    pub searching: bool,
}

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
