use yew::prelude::*;

use super::{form, selection::Selection};
use crate::{
    components::{IconName, icon},
    i18n::Words,
};

/// What can be done with the selected rows.
pub struct Bulk<'a> {
    pub selection: &'a Selection,
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

/// Draws it.
pub fn bulk(words: &Words, props: Bulk) -> Html {
    let acknowledge = props.acknowledge;
    let onsubmit = move |event: SubmitEvent| {
        event.prevent_default();
        let memo = form::text(&event, "memo").trim().to_owned();
        acknowledge.emit((!memo.is_empty()).then_some(memo));
    };
    let what = match props.selection {
        Selection::Matching(Some(ids), _) => (words.list.matching)(ids.len()),
        Selection::Matching(None, count) => (words.list.matching_many)(*count),
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
            <input name="memo" class="input input-sm grow" maxlength="4000"
                placeholder={words.common.memo_hint} aria-label={words.common.memo} autocomplete="off" />
            <button type="submit" class="btn btn-sm btn-primary">{ icon(IconName::Check) }{ words.common.acknowledge }</button>
            <button type="button" class="icon-btn" aria-label={words.list.clear_selection} title={words.list.clear_selection}
                onclick={props.clear.reform(|_| ())}>{ icon(IconName::Close) }</button>
        </form>
    }
}
