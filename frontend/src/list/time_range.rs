use web_sys::HtmlInputElement;
use yew::prelude::*;

use crate::{
    i18n::use_words,
    query::{Preset, Range},
    time,
};

#[derive(Properties, PartialEq)]
pub struct TimeRangeProps {
    pub range: Range,
    pub change: Callback<Range>,
}

/// Chooses the time: one of a few that move along with the clock, or from–to.
#[component]
pub fn TimeRange(props: &TimeRangeProps) -> Html {
    let words = use_words();
    let (from, to) = match props.range {
        Range::Between(from, to) => (from, to),
        _ => (None, None),
    };
    let (from_ref, to_ref) = (use_node_ref(), use_node_ref());
    let presets = [Range::All]
        .into_iter()
        .chain(Preset::ALL.map(Range::Last))
        .map(|range| {
            let onclick = props.change.reform(move |_| range);
            let text = match range {
                Range::Last(preset) => (words.list.preset)(preset),
                _ => words.list.any_time,
            };
            html! {
                <button type="button" class="menu-item" aria-pressed={(props.range == range).to_string()} {onclick}>
                    { text }
                </button>
            }
        });
    let onsubmit = {
        let (from, to, change) = (from_ref.clone(), to_ref.clone(), props.change.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let read = |node: &NodeRef| {
                let input = node.cast::<HtmlInputElement>()?;
                time::from_input(&input.value())
            };
            let range = match (read(&from), read(&to)) {
                (None, None) => Range::All,
                (from, to) => Range::Between(from, to),
            };
            change.emit(range);
        }
    };
    let value = |time: Option<_>| time.map(time::to_input).unwrap_or_default();
    html! {
        <div class="time-range">
            <div class="menu-list" role="group" aria-label={words.list.time}>{ for presets }</div>
            <form class="form" {onsubmit}>
                <label class="field"><span>{ words.list.from }</span>
                    <input ref={from_ref} type="datetime-local" class="input input-sm" value={value(from)} /></label>
                <label class="field"><span>{ words.list.to }</span>
                    <input ref={to_ref} type="datetime-local" class="input input-sm" value={value(to)} /></label>
                <button type="submit" class="btn btn-sm btn-primary">{ words.list.apply }</button>
            </form>
        </div>
    }
}
