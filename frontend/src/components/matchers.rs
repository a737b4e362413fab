use yew::prelude::*;

use super::{IconName, TextField, icon};
use crate::{i18n::Words, query::looks_like_matcher};

/// Matcher inputs, one per line.
pub struct Matchers<'a> {
    pub label: &'static str,
    pub hint: &'static str,
    pub lines: &'a [String],
    pub change: Callback<Vec<String>>,
    /// The form was submitted before: show errors for invalid matchers.
    pub tried: bool,
    /// Server error for a field such as `matchers[1]`.
    pub wrong: &'a dyn Fn(&str) -> Option<String>,
}

/// Non-empty lines. These are sent and also kept in the form, so that the server's
/// error for `matchers[1]` appears next to the second line.
pub fn non_empty_lines(lines: &[String]) -> Vec<String> {
    let written = lines.iter().filter(|line| !line.trim().is_empty());
    written.cloned().collect()
}

impl Matchers<'_> {
    pub fn draw(self, words: &Words) -> Html {
        let lines = self.lines.iter().enumerate().map(|(place, text)| {
            let looks_wrong = self.tried && !text.trim().is_empty() && !looks_like_matcher(text);
            let error = (self.wrong)(&format!("matchers[{place}]"))
                .or_else(|| looks_wrong.then(|| words.recipients.matcher_wrong.to_owned()));
            let change = {
                let (change, lines) = (self.change.clone(), self.lines.to_vec());
                Callback::from(move |text| {
                    let mut next = lines.clone();
                    next[place] = text;
                    change.emit(next);
                })
            };
            let onclick = {
                let (change, lines) = (self.change.clone(), self.lines.to_vec());
                move |_| {
                    let mut next = lines.clone();
                    next.remove(place);
                    change.emit(next);
                }
            };
            html! {
                <div class="matcher-line" key={place}>
                    { TextField {
                        id: format!("matcher-{place}").into(),
                        label: (words.recipients.matcher_n)(place + 1).into(),
                        value: text.clone().into(),
                        change,
                        error,
                        placeholder: "team=\"infra\"".into(),
                        maxlength: 1000,
                        ..TextField::default()
                    }.draw() }
                    <button type="button" class="icon-btn" aria-label={words.recipients.remove_matcher}
                        title={words.recipients.remove_matcher} {onclick}>{ icon(IconName::Close) }</button>
                </div>
            }
        });
        let add = {
            let (change, mut next) = (self.change.clone(), self.lines.to_vec());
            next.push(String::new());
            move |_| change.emit(next.clone())
        };
        // Error for all matchers together.
        let whole = (self.wrong)("matchers").filter(|_| {
            (0..self.lines.len()).all(|n| (self.wrong)(&format!("matchers[{n}]")).is_none())
        });
        html! {
            <fieldset class="field">
                <legend>{ self.label }</legend>
                { for lines }
                <button type="button" class="link-btn" onclick={add}>{ icon(IconName::Plus) }{ words.recipients.add_matcher }</button>
                if let Some(error) = whole {
                    <p class="field-error">{ error }</p>
                }
                <p class="field-hint">{ self.hint }</p>
            </fieldset>
        }
    }
}

/// Read-only matchers.
pub fn matcher_list(matchers: &[String]) -> Html {
    html! {
        <span class="matchers">{ for matchers.iter().map(|matcher| html! { <code class="matcher">{ matcher }</code> }) }</span>
    }
}
