use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::selection::Selection;
use crate::{
    components::{Icon, IconName},
    i18n::use_words,
};

#[derive(Properties, PartialEq)]
pub struct BulkBarProps {
    pub selection: Selection,
    /// Incidents that the selected rows belong to.
    pub incidents: u64,
    /// All that match are being counted.
    pub counting: bool,
    /// Selects all that match; none where the list cannot.
    pub select_matching: Option<Callback<()>>,
    pub clear: Callback<()>,
    /// Acknowledges, with a memo if there is one.
    pub acknowledge: Callback<Option<String>>,
}

/// What can be done with the selected rows.
#[component]
pub fn BulkBar(props: &BulkBarProps) -> Html {
    let words = use_words();
    let memo = use_state(String::new);
    let oninput = {
        let memo = memo.setter();
        move |event: InputEvent| memo.set(event.target_unchecked_into::<HtmlInputElement>().value())
    };
    let onsubmit = {
        let (memo, acknowledge) = (memo.clone(), props.acknowledge.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let text = memo.trim();
            acknowledge.emit((!text.is_empty()).then(|| text.to_owned()));
        }
    };
    let what = match &props.selection {
        Selection::Matching(Some(ids)) => (words.list.matching)(ids.len()),
        Selection::Matching(None) => words.list.matching_many.to_owned(),
        _ if props.counting => words.list.matching_counting.to_owned(),
        _ => (words.list.selected)(props.incidents),
    };
    let rows = matches!(props.selection, Selection::Rows(_));
    html! {
        <form class="bulk" {onsubmit} aria-label={words.list.known_column}>
            <span class="bulk-what" role="status">{ what }</span>
            if let Some(select) = props.select_matching.as_ref().filter(|_| rows && !props.counting) {
                <button type="button" class="link-btn" onclick={select.reform(|_| ())}>{ words.list.select_matching }</button>
            }
            <input class="input input-sm grow" value={(*memo).clone()} {oninput} maxlength="4000"
                placeholder={words.common.memo_hint} aria-label={words.common.memo} autocomplete="off" />
            <button type="submit" class="btn btn-sm btn-primary"><Icon name={IconName::Check} />{ words.common.acknowledge }</button>
            <button type="button" class="icon-btn" aria-label={words.list.clear_selection} title={words.list.clear_selection}
                onclick={props.clear.reform(|_| ())}><Icon name={IconName::Close} /></button>
        </form>
    }
}
