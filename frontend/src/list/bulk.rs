use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::selection::Selection;
use crate::{
    components::{CloseDialog, IconName, icon},
    i18n::use_words,
    state::Act,
};

/// What can be done with the selected rows.
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
    /// Acknowledges or closes, with a memo if there is one.
    pub change: Callback<(Act, Option<String>)>,
}

/// Draws it.
#[component]
pub fn BulkBar(props: &BulkBarProps) -> Html {
    let words = use_words();
    let memo = use_state_eq(String::new);
    let asking = use_state_eq(|| false);
    let change = {
        let (change, memo) = (props.change.clone(), memo.clone());
        Callback::from(move |act| {
            let memo = memo.trim().to_owned();
            change.emit((act, (!memo.is_empty()).then_some(memo)));
        })
    };
    let onsubmit = {
        let change = change.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            change.emit(Act::Acknowledge);
        }
    };
    let oninput = {
        let memo = memo.setter();
        move |event: InputEvent| memo.set(event.target_unchecked_into::<HtmlInputElement>().value())
    };
    let ask = {
        let asking = asking.setter();
        Callback::from(move |is: bool| asking.set(is))
    };
    let what = match &props.selection {
        Selection::Matching(Some(ids), _) => (words.list.matching)(ids.len()),
        Selection::Matching(None, count) => (words.list.matching_many)(*count),
        _ if props.counting => words.list.matching_counting.to_owned(),
        _ => (words.list.selected)(props.incidents),
    };
    let rows = matches!(props.selection, Selection::Rows(_));
    html! {
        <form class="bulk" {onsubmit} aria-label={words.list.known_column}>
            <span class="bulk-what" role="status">{ &what }</span>
            if let Some(select) = props.select_matching.as_ref().filter(|_| rows && !props.counting) {
                <button type="button" class="link-btn" onclick={select.reform(|_| ())}>{ words.list.select_matching }</button>
            }
            <input name="memo" class="input input-sm grow" maxlength="4000" value={(*memo).clone()} {oninput}
                placeholder={words.common.memo_hint} aria-label={words.common.memo} autocomplete="off" />
            <button type="submit" class="btn btn-sm btn-primary">{ icon(IconName::Check) }{ words.common.acknowledge }</button>
            <button type="button" class="btn btn-sm" onclick={ask.reform(|_| true)}>{ words.common.close_incidents }</button>
            <button type="button" class="icon-btn" aria-label={words.list.clear_selection} title={words.list.clear_selection}
                onclick={props.clear.reform(|_| ())}>{ icon(IconName::Close) }</button>
            if *asking {
                <CloseDialog title={format!("{}: {what}", words.common.close_incidents)} sure={change.reform(|()| Act::Close)}
                    close={ask.reform(|()| false)} />
            }
        </form>
    }
}
