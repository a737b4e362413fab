use web_sys::HtmlInputElement;
use yew::prelude::*;

use super::selection::Selection;
use crate::{
    components::{CloseDialog, IconName, icon},
    i18n::use_words,
    state::IncidentAction,
};

/// Actions for the selected rows.
#[derive(Properties, PartialEq)]
pub struct BulkBarProps {
    pub selection: Selection,
    /// Number of selected incidents.
    pub incidents: u64,
    /// The matching incidents are being counted.
    pub counting: bool,
    /// `None` if the list does not support it.
    pub select_matching: Option<Callback<()>>,
    pub clear: Callback<()>,
    /// Acknowledges or closes, with an optional note.
    pub change: Callback<(IncidentAction, Option<String>)>,
}

#[component]
pub fn BulkBar(props: &BulkBarProps) -> Html {
    let words = use_words();
    let note = use_state_eq(String::new);
    let confirming = use_state_eq(|| false);
    let change = {
        let (change, note) = (props.change.clone(), note.clone());
        Callback::from(move |action| {
            let note = note.trim().to_owned();
            change.emit((action, (!note.is_empty()).then_some(note)));
        })
    };
    let onsubmit = {
        let change = change.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            change.emit(IncidentAction::Acknowledge);
        }
    };
    let oninput = {
        let note = note.setter();
        move |event: InputEvent| note.set(event.target_unchecked_into::<HtmlInputElement>().value())
    };
    let set_confirming = {
        let confirming = confirming.setter();
        Callback::from(move |is: bool| confirming.set(is))
    };
    let what = match &props.selection {
        Selection::Matching(Some(ids), _) => (words.list.matching)(ids.len()),
        Selection::Matching(None, count) => (words.list.matching_many)(*count),
        _ if props.counting => words.list.matching_counting.to_owned(),
        _ => (words.list.selected)(props.incidents),
    };
    let rows = matches!(props.selection, Selection::Rows(_));
    html! {
        <form class="bulk" {onsubmit} aria-label={words.list.acknowledge}>
            <span class="bulk-what" role="status">{ &what }</span>
            if let Some(select) = props.select_matching.as_ref().filter(|_| rows && !props.counting) {
                <button type="button" class="link-btn" onclick={select.reform(|_| ())}>{ words.list.select_matching }</button>
            }
            <input name="note" class="input input-sm grow" maxlength="4000" value={(*note).clone()} {oninput}
                placeholder={words.common.note_hint} aria-label={words.common.note} autocomplete="off" />
            <button type="submit" class="btn btn-sm btn-primary">{ icon(IconName::Check) }{ words.common.acknowledge }</button>
            <button type="button" class="btn btn-sm" onclick={set_confirming.reform(|_| true)}>{ words.common.close_incidents }</button>
            <button type="button" class="icon-btn" aria-label={words.list.clear_selection} title={words.list.clear_selection}
                onclick={props.clear.reform(|_| ())}>{ icon(IconName::Close) }</button>
            if *confirming {
                <CloseDialog title={format!("{}: {what}", words.common.close_incidents)} confirm={change.reform(|()| IncidentAction::Close)}
                    close={set_confirming.reform(|()| false)} />
            }
        </form>
    }
}
