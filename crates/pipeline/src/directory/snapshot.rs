//! What recipients, groups and routes look like: by the names that the API has
//! for their fields, for the audit log and for telling versions apart.

use std::collections::HashSet;

use serde_json::{Value, json};
use tocsin_storage::directory::{
    GroupRow, GroupView, NamedRef, RecipientRow, RecipientView, RouteRow, RouteView,
};
use tocsin_storage::enums::Language;

/// A recipient with its groups.
#[must_use]
pub fn snapshot_recipient(view: &RecipientView) -> Value {
    let RecipientView {
        id,
        recipient,
        groups,
    } = view;
    let RecipientRow {
        name,
        email,
        language,
        time_zone,
        enabled,
    } = recipient;
    json!({
        "id": id,
        "name": name,
        "email": email,
        "language": match language {
            Language::En => "en",
            Language::Zh => "zh",
        },
        "timeZone": time_zone,
        "enabled": enabled,
        "groups": references(groups),
    })
}

/// A group with its recipients.
#[must_use]
pub fn snapshot_group(view: &GroupView) -> Value {
    let GroupView {
        id,
        group,
        recipients,
    } = view;
    let GroupRow { name, is_default } = group;
    json!({
        "id": id,
        "name": name,
        "isDefault": is_default,
        "recipients": references(recipients),
    })
}

/// A route with its groups and its place.
#[must_use]
pub fn snapshot_route(view: &RouteView) -> Value {
    let RouteView {
        id,
        position,
        route,
        groups,
    } = view;
    let RouteRow {
        name,
        matchers,
        go_on,
        repeat,
    } = route;
    json!({
        "id": id,
        "position": position,
        "name": name,
        "matchers": matchers,
        "groups": references(groups),
        "continue": go_on,
        "repeat": repeat,
    })
}

fn references(rows: &[NamedRef]) -> Vec<Value> {
    rows.iter()
        .map(|NamedRef { id, name }| json!({"id": id, "name": name}))
        .collect()
}

/// The longest list that the audit log keeps of one object.
const LISTED: usize = 100;

/// Two states of an object, bounded for the audit log: of a long list first
/// what both states have goes, so that what was changed stays. How long it was
/// is then in a field beside it, such as `recipientsCount`.
pub(super) fn shorten(before: Option<&Value>, after: Option<&Value>) -> [Option<Value>; 2] {
    let cut = |object: &Value, other: Option<&Value>| {
        let mut short = object.clone();
        for (name, value) in object.as_object().into_iter().flatten() {
            let Some(list) = value.as_array().filter(|list| list.len() > LISTED) else {
                continue;
            };
            let others = other.and_then(|other| other.get(name)?.as_array());
            let others: HashSet<String> =
                others.into_iter().flatten().map(Value::to_string).collect();
            let own = list.iter().filter(|one| !others.contains(&one.to_string()));
            let own: Vec<&Value> = own.take(LISTED).collect();
            short[name] = json!(own);
            short[format!("{name}Count")] = json!(list.len());
        }
        short
    };
    [
        before.map(|before| cut(before, after)),
        after.map(|after| cut(after, before)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(members: impl Iterator<Item = usize>) -> Value {
        let recipients: Vec<_> = members.map(|id| json!({"id": id, "name": "n"})).collect();
        json!({"id": 1, "name": "ops", "recipients": recipients})
    }

    #[test]
    fn a_long_list_is_cut_to_what_was_changed() {
        let (short, long) = (group(0..LISTED), group(0..5_000));
        let [before, after] = shorten(Some(&short), Some(&short));
        assert_eq!((before, after), (Some(short.clone()), Some(short)));
        let more = group((1..5_000).chain([7_000]));
        let [before, after] = shorten(Some(&long), Some(&more));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        assert_eq!(before["recipients"], json!([{"id": 0, "name": "n"}]));
        assert_eq!(after["recipients"], json!([{"id": 7_000, "name": "n"}]));
        assert_eq!(before["recipientsCount"], 5_000);
        assert_eq!(after["name"], "ops");
        let [none, made] = shorten(None, Some(&long));
        assert_eq!(none, None);
        let made = made.unwrap_or_default();
        assert_eq!(made["recipients"].as_array().map(Vec::len), Some(LISTED));
        assert_eq!(made["recipientsCount"], 5_000);
    }
}
