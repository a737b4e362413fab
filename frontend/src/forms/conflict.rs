use serde_json::Value;
use yew::prelude::*;

use super::Submit;
use crate::{
    components::{IconName, icon},
    i18n::Words,
};

/// The three versions of an edit conflict, each as a request body: at opening, in the
/// form, and on the server.
pub struct ConflictView<'a> {
    pub base: Value,
    pub mine: Value,
    /// Converts the server's object to a request body.
    pub theirs: &'a dyn Fn(&Value) -> Option<Value>,
    /// Labels of the fields.
    pub labels: &'a [(&'a str, &'a str)],
    /// Names for the IDs in list fields.
    pub names: &'a [(i64, String)],
    /// Loads the server's object into the form.
    pub load: Callback<Value>,
}

/// A field that another user changed.
#[derive(Debug, PartialEq)]
struct Difference {
    field: String,
    theirs: Value,
    mine: Value,
}

/// Fields whose value on the server differs from the one at opening.
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

impl ConflictView<'_> {
    /// Renders the conflict: the other user's changes, and the buttons to reload or
    /// overwrite. Renders nothing without a conflict.
    pub fn draw(self, words: &'static Words, submit: &Submit) -> Html {
        let Some(conflict) = submit.conflict.clone() else {
            return html! {};
        };
        let theirs = (self.theirs)(&conflict.object).unwrap_or_default();
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
            let (submit, load, conflict) = (submit.clone(), self.load.clone(), conflict.clone());
            move |_| {
                load.emit(conflict.object.clone());
                submit.accept(&conflict);
            }
        };
        let keep = {
            let (submit, mine) = (submit.clone(), self.mine.clone());
            move |_| {
                submit.accept(&conflict);
                submit.send.emit(mine.clone());
            }
        };
        html! {
            <div class="conflict" role="alert">
                <p class="conflict-lead">{ icon(IconName::Alert) }<span>{ words.common.conflict }</span></p>
                <table class="conflict-table">
                    <thead><tr>
                        <th scope="col">{ words.common.field }</th><th scope="col">{ words.common.theirs }</th>
                        <th scope="col">{ words.common.yours }</th>
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
                <div class="form-actions">
                    <button type="button" class="btn btn-sm" onclick={load}>{ words.common.reload_theirs }</button>
                    <button type="button" class="btn btn-sm" disabled={submit.busy} onclick={keep}>{ words.common.overwrite }</button>
                </div>
            </div>
        }
    }
}

/// A value as text.
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
    fn only_fields_changed_by_the_other_user_are_shown() {
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
