use yew::prelude::*;

use crate::i18n::use_words;

#[derive(Properties, PartialEq)]
pub struct ChoicesProps {
    /// What is chosen.
    pub label: AttrValue,
    #[prop_or_default]
    pub hint: AttrValue,
    /// All there is, by number.
    pub all: Vec<(i64, AttrValue)>,
    /// The numbers that are chosen.
    pub chosen: Vec<i64>,
    pub change: Callback<Vec<i64>>,
    #[prop_or_default]
    pub error: Option<String>,
}

/// Any number of a few things, each a check box.
#[component]
pub fn Choices(props: &ChoicesProps) -> Html {
    let words = use_words();
    let boxes = props.all.iter().map(|(id, name)| {
        let (id, chosen) = (*id, props.chosen.contains(id));
        let next: Vec<i64> = if chosen {
            props
                .chosen
                .iter()
                .copied()
                .filter(|other| *other != id)
                .collect()
        } else {
            props.chosen.iter().copied().chain([id]).collect()
        };
        let onchange = props.change.reform(move |_: Event| next.clone());
        html! {
            <label key={id} class="choice">
                <input type="checkbox" class="checkbox checkbox-sm" checked={chosen} {onchange} />
                <span>{ name.clone() }</span>
            </label>
        }
    });
    html! {
        <fieldset class="field">
            <legend>{ props.label.clone() }</legend>
            if props.all.is_empty() {
                <p class="muted">{ words.people.choose_none }</p>
            } else {
                <div class="choices">{ for boxes }</div>
            }
            if let Some(error) = &props.error {
                <p class="field-error">{ error }</p>
            } else if !props.hint.is_empty() {
                <p class="field-hint">{ props.hint.clone() }</p>
            }
        </fieldset>
    }
}
