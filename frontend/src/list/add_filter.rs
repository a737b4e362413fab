use yew::prelude::*;

use super::form;
use crate::{
    i18n::Words,
    query::{Filter, write_matcher},
};

/// Suggested label names.
const NAMES: [&str; 8] = [
    "severity",
    "team",
    "alertname",
    "instance",
    "source",
    "job",
    "cluster",
    "namespace",
];

/// Form that builds a matcher.
pub fn add_filter(words: &Words, filter: &Filter, change: &Callback<Filter>) -> Html {
    let onsubmit = {
        let (filter, change) = (filter.clone(), change.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let (name, operator) = (form::text(&event, "name"), form::text(&event, "operator"));
            let matcher = write_matcher(name.trim(), &operator, &form::text(&event, "value"));
            if let Some(next) = filter.typed(&matcher) {
                form::clear(&event);
                change.emit(next);
            }
        }
    };
    html! {
        <form class="add-filter" {onsubmit}>
            <input name="name" class="input input-sm" list="label-names" required={true}
                aria-label={words.list.label_name} placeholder={words.list.label_name} autocomplete="off" />
            <datalist id="label-names">{ for NAMES.map(|name| html! { <option value={name} /> }) }</datalist>
            <select name="operator" class="select select-sm" aria-label={words.list.operator}>
                { for ["=", "!=", "=~", "!~"].map(|op| html! { <option value={op} selected={op == "="}>{ op }</option> }) }
            </select>
            <input name="value" class="input input-sm" aria-label={words.list.label_value}
                placeholder={words.list.label_value} autocomplete="off" />
            <button type="submit" class="btn btn-sm btn-primary">{ words.common.add }</button>
        </form>
    }
}
