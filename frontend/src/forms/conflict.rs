use serde_json::Value;
use yew::prelude::*;

use super::Submit;
use crate::{
    components::{IconName, icon},
    i18n::Words,
};

/// What a form began with, what stands in it, and what somebody else wrote
/// meanwhile; each as the body that the form would send.
pub struct Sides<'a> {
    pub base: Value,
    pub mine: Value,
    /// Makes a body of the object as it is now.
    pub theirs: &'a dyn Fn(&Value) -> Option<Value>,
    /// What the fields are called.
    pub labels: &'a [(&'a str, &'a str)],
    /// What the numbers in lists stand for.
    pub names: &'a [(i64, String)],
    /// Puts the object as it is now into the form.
    pub load: Callback<Value>,
}

/// One field that somebody else changed.
#[derive(Debug, PartialEq)]
struct Difference {
    field: String,
    theirs: Value,
    mine: Value,
}

/// The fields in which theirs is not what the form began with.
fn differences(base: &Value, mine: &Value, theirs: &Value) -> Vec<Difference> {
    let fields = theirs.as_object().into_iter().flatten();
    fields
        .filter(|(field, value)| base.get(field.as_str()) != Some(value))
        .map(|(field, value)| Difference {
            field: field.clone(),
            theirs: value.clone(),
            mine: mine.get(field).cloned().unwrap_or_default(),
        })
        .collect()
}

impl Sides<'_> {
    /// Shows what the other one changed, and asks whose shall stand; nothing
    /// where nobody was faster.
    pub fn draw(self, words: &'static Words, submit: &Submit) -> Html {
        let Some(changed) = submit.changed.clone() else {
            return html! {};
        };
        let theirs = (self.theirs)(&changed.object).unwrap_or_default();
        let rows = differences(&self.base, &self.mine, &theirs)
            .into_iter()
            .map(|row| {
                let label = self.labels.iter().find(|(field, _)| *field == row.field);
                let label = label
                    .map_or(row.field.as_str(), |(_, label)| label)
                    .to_owned();
                html! {
                    <tr key={row.field.clone()}>
                        <th scope="row">{ label }</th>
                        <td>{ text(words, self.names, &row.theirs) }</td>
                        <td>{ text(words, self.names, &row.mine) }</td>
                    </tr>
                }
            });
        let load = {
            let (submit, load, changed) = (submit.clone(), self.load.clone(), changed.clone());
            move |_| {
                load.emit(changed.object.clone());
                submit.accept(&changed);
            }
        };
        let keep = {
            let (submit, mine) = (submit.clone(), self.mine.clone());
            move |_| {
                submit.accept(&changed);
                submit.send.emit(mine.clone());
            }
        };
        html! {
            <div class="conflict" role="alert">
                <p class="conflict-lead">{ icon(IconName::Alert) }<span>{ words.common.changed_meanwhile }</span></p>
                <table class="conflict-table">
                    <thead><tr>
                        <th scope="col">{ words.common.field }</th><th scope="col">{ words.common.theirs }</th>
                        <th scope="col">{ words.common.yours }</th>
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
                <div class="form-actions">
                    <button type="button" class="btn btn-sm" onclick={load}>{ words.common.load_theirs }</button>
                    <button type="button" class="btn btn-sm" disabled={submit.busy} onclick={keep}>{ words.common.overwrite }</button>
                </div>
            </div>
        }
    }
}

/// A value as people read it.
fn text(words: &Words, names: &[(i64, String)], value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => words.common.yes.to_owned(),
        Value::Bool(false) => words.common.no.to_owned(),
        Value::String(text) if text.is_empty() => words.common.empty_value.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "–".to_owned(),
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(|one| text(words, names, one)).collect();
            parts.join(", ")
        }
        Value::Number(number) => {
            let known = names.iter().find(|(id, _)| Some(*id) == number.as_i64());
            known.map_or_else(|| number.to_string(), |(_, name)| name.clone())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn only_what_the_other_one_changed_is_shown() {
        let base = json!({"name": "Ana", "email": "ana@example.com", "groupIds": [1]});
        let mine = json!({"name": "Ana B.", "email": "ana@example.com", "groupIds": [1]});
        let theirs = json!({"name": "Ana", "email": "ana@example.com", "groupIds": [1, 2]});
        let found = differences(&base, &mine, &theirs);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field, "groupIds");
        let names = [(1, "db".to_owned()), (2, "web".to_owned())];
        let words = Lang::En.words();
        assert_eq!(text(words, &names, &found[0].theirs), "db, web");
        assert_eq!(text(words, &names, &found[0].mine), "db");
    }
}
