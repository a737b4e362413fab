use yew::prelude::*;

use crate::{
    components::DraftInput,
    i18n::Words,
    query::{Preset, Range},
    time,
};

/// Time range picker: relative presets, or from–to. `meaning` describes what the range
/// selects.
pub fn time_range(
    words: &Words,
    range: Range,
    change: &Callback<Range>,
    meaning: &'static str,
) -> Html {
    let (from, to) = match range {
        Range::Between(from, to) => (from, to),
        _ => (None, None),
    };
    let chosen = range;
    let presets = [Range::All]
        .into_iter()
        .chain(Preset::ALL.map(Range::Last))
        .map(|range| {
            let onclick = change.reform(move |_| range);
            let text = match range {
                Range::Last(preset) => (words.list.preset)(preset),
                _ => words.list.any_time,
            };
            html! {
                <button type="button" class="menu-item" aria-pressed={(chosen == range).to_string()} {onclick}>
                    { text }
                </button>
            }
        });
    let onsubmit = {
        let change = change.clone();
        move |event: SubmitEvent| {
            event.prevent_default();
            let read = |name| time::from_input(&super::form::text(&event, name));
            let range = match (read("from"), read("to")) {
                (None, None) => Range::All,
                (from, to) => Range::Between(from, to),
            };
            change.emit(range);
        }
    };
    let value = |time: Option<_>| time.map(time::to_input).unwrap_or_default();
    html! {
        <div class="time-range">
            <p class="muted">{ meaning }</p>
            <div class="menu-list" role="group" aria-label={meaning}>{ for presets }</div>
            <form class="form" {onsubmit}>
                <label class="field"><span>{ words.list.from }</span>
                    <DraftInput name="from" kind="datetime-local" value={value(from)} /></label>
                <label class="field"><span>{ words.list.to }</span>
                    <DraftInput name="to" kind="datetime-local" value={value(to)} /></label>
                <button type="submit" class="btn btn-sm btn-primary">{ words.list.apply }</button>
            </form>
        </div>
    }
}
