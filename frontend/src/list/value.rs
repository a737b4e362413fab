use yew::prelude::*;

use super::use_list_actions;
use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct ValueProps {
    /// The label's name.
    pub name: AttrValue,
    /// Its value.
    pub value: AttrValue,
    /// What is shown; the value itself by default.
    #[prop_or_default]
    pub children: Html,
    /// In a row, where the Tab key should not stop at each value.
    #[prop_or_default]
    pub in_row: bool,
    #[prop_or_default]
    pub class: Classes,
}

/// A label's value that filters the list by it; with Alt or Shift, without it.
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
    let title = format!(
        "{}=\"{}\"\n{}",
        props.name, props.value, words.list.value_hint
    );
    html! {
        <button type="button" class={classes!("value", props.class.clone())} {title} {onclick}
            tabindex={props.in_row.then_some("-1")}>
            if props.children == Html::default() {
                { props.value.clone() }
            } else {
                { props.children.clone() }
            }
        </button>
    }
}
