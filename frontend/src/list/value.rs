use yew::prelude::*;

use super::use_list_actions;
use crate::{
    components::{IconName, icon},
    i18n::use_words,
};

#[derive(Properties, PartialEq)]
pub struct ValueProps {
    pub name: AttrValue,
    pub value: AttrValue,
    /// Content; defaults to the value.
    #[prop_or_default]
    pub children: Html,
    /// In a row, the Tab key does not stop at values.
    #[prop_or_default]
    pub in_row: bool,
    #[prop_or_default]
    pub class: Classes,
}

/// A label value. A click filters by it; with Alt or Shift, it excludes the value.
#[component]
pub fn Value(props: &ValueProps) -> Html {
    let words = use_words();
    let actions = use_list_actions();
    let onclick = {
        let (name, value) = (props.name.clone(), props.value.clone());
        move |event: MouseEvent| {
            event.stop_propagation();
            if let Some(actions) = &actions {
                let exclude = event.alt_key() || event.shift_key();
                actions.filter.emit((name.clone(), value.clone(), exclude));
            }
        }
    };
    let matcher = format!("{}=\"{}\"", props.name, props.value);
    let title = format!("{matcher}\n{}", words.list.value_hint);
    let shown = if props.children == Html::default() {
        html! { { props.value.clone() } }
    } else {
        props.children.clone()
    };
    if props.in_row {
        // A click anywhere in a row opens it; only the icon filters.
        return html! {
            <span class={classes!("row-value", props.class.clone())}>
                <span class="row-value-text">{ shown }</span>
                <button type="button" class="row-value-filter" aria-label={(words.list.filter_by)(&matcher)} {title}
                    {onclick} tabindex="-1">{ icon(IconName::Filter) }</button>
            </span>
        };
    }
    html! {
        <button type="button" class={classes!("value", props.class.clone())} {title} {onclick}>{ shown }</button>
    }
}
