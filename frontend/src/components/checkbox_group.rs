use yew::prelude::*;

use crate::i18n::Words;

/// A group of check boxes.
pub struct CheckboxGroup<'a> {
    pub label: &'static str,
    pub hint: &'static str,
    /// All choices: ID and name.
    pub all: Vec<(i64, String)>,
    /// IDs of the chosen ones.
    pub chosen: &'a [i64],
    pub change: Callback<Vec<i64>>,
    pub error: Option<String>,
}

impl CheckboxGroup<'_> {
    pub fn draw(self, words: &Words) -> Html {
        let empty = self.all.is_empty();
        let boxes = self.all.into_iter().map(|(id, name)| {
            let checked = self.chosen.contains(&id);
            let mut next: Vec<i64> = self
                .chosen
                .iter()
                .copied()
                .filter(|other| *other != id)
                .collect();
            if !checked {
                next.push(id);
            }
            let onchange = self.change.reform(move |_: Event| next.clone());
            html! {
                <label key={id} class="choice">
                    <input type="checkbox" class="checkbox checkbox-sm" {checked} {onchange} />
                    <span>{ name }</span>
                </label>
            }
        });
        html! {
            <fieldset class="field">
                <legend>{ self.label }</legend>
                if empty {
                    <p class="muted">{ words.recipients.choose_none }</p>
                } else {
                    <div class="choices">{ for boxes }</div>
                }
                if let Some(error) = self.error {
                    <p class="field-error">{ error }</p>
                } else if !self.hint.is_empty() {
                    <p class="field-hint">{ self.hint }</p>
                }
            </fieldset>
        }
    }
}
