use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

use crate::{
    i18n::use_words,
    query::{Filter, write_matcher},
};

/// Names that are offered; any other may be typed.
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

#[derive(Properties, PartialEq)]
pub struct AddFilterProps {
    pub filter: Filter,
    pub change: Callback<Filter>,
}

/// Puts a matcher together.
#[component]
pub fn AddFilter(props: &AddFilterProps) -> Html {
    let words = use_words();
    let (name, operator, value) = (use_node_ref(), use_node_ref(), use_node_ref());
    let onsubmit = {
        let (name, operator, value) = (name.clone(), operator.clone(), value.clone());
        let (filter, change) = (props.filter.clone(), props.change.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let (Some(name), Some(operator), Some(value)) = (
                name.cast::<HtmlInputElement>(),
                operator.cast::<HtmlSelectElement>(),
                value.cast::<HtmlInputElement>(),
            ) else {
                return;
            };
            let matcher = write_matcher(name.value().trim(), &operator.value(), &value.value());
            if let Some(next) = filter.typed(&matcher) {
                value.set_value("");
                change.emit(next);
            }
        }
    };
    html! {
        <form class="add-filter" {onsubmit}>
            <input ref={name} class="input input-sm" list="label-names" required={true}
                aria-label={words.list.label_name} placeholder={words.list.label_name} autocomplete="off" />
            <datalist id="label-names">{ for NAMES.map(|name| html! { <option value={name} /> }) }</datalist>
            <select ref={operator} class="select select-sm" aria-label={words.list.operator}>
                { for ["=", "!=", "=~", "!~"].map(|op| html! { <option value={op} selected={op == "="}>{ op }</option> }) }
            </select>
            <input ref={value} class="input input-sm" aria-label={words.list.label_value}
                placeholder={words.list.label_value} autocomplete="off" />
            <button type="submit" class="btn btn-sm btn-primary">{ words.common.add }</button>
        </form>
    }
}
