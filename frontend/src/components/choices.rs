use yew::prelude::*;

use crate::i18n::Words;

/// Any number of a few things, each a check box.
pub struct Choices<'a> {
    /// What is chosen.
    pub label: &'static str,
    pub hint: &'static str,
    /// All there is, by number.
    pub all: Vec<(i64, String)>,
    /// The numbers that are chosen.
    pub chosen: &'a [i64],
    pub change: Callback<Vec<i64>>,
    /// What is wrong with the choice.
    pub error: Option<String>,
}

impl Choices<'_> {
    /// Draws them.
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
                    <p class="muted">{ words.people.choose_none }</p>
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
