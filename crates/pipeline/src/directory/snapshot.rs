//! Snapshots of recipients, groups and routes with the field names of the API, for the
//! audit log and for entity tags.

use std::collections::HashSet;

use serde_json::{Value, json};
use tocsin_storage::directory::{
    GroupRow, GroupView, NamedRef, RecipientRow, RecipientView, RouteRow, RouteView,
};
use tocsin_storage::enums::Language;

/// Snapshot of a recipient with its groups.
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

/// Snapshot of a group with its recipients.
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

/// Snapshot of a route with its groups and position.
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

/// Limit of list items that an audit log entry keeps.
const MAX_LISTED: usize = 100;

/// Shortens two snapshots of an object for the audit log. Items that both contain are
/// removed from long lists first, so that the changes remain. The original length is
/// then in an additional field such as `recipientsCount`.
pub(super) fn shorten(before: Option<&Value>, after: Option<&Value>) -> [Option<Value>; 2] {
    let cut = |object: &Value, other: Option<&Value>| {
        let mut short = object.clone();
        for (name, value) in object.as_object().into_iter().flatten() {
            let Some(list) = value.as_array().filter(|list| list.len() > MAX_LISTED) else {
                continue;
            };
            let others = other.and_then(|other| other.get(name)?.as_array());
            let others: HashSet<String> =
                others.into_iter().flatten().map(Value::to_string).collect();
            let changed = list
                .iter()
                .filter(|item| !others.contains(&item.to_string()));
            let changed: Vec<&Value> = changed.take(MAX_LISTED).collect();
            short[name] = json!(changed);
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
    fn long_list_is_shortened_to_the_changes() {
        let (short, long) = (group(0..MAX_LISTED), group(0..5_000));
        let [before, after] = shorten(Some(&short), Some(&short));
        assert_eq!((before, after), (Some(short.clone()), Some(short)));
        let more = group((1..5_000).chain([7_000]));
        let [before, after] = shorten(Some(&long), Some(&more));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        assert_eq!(before["recipients"], json!([{"id": 0, "name": "n"}]));
        assert_eq!(after["recipients"], json!([{"id": 7_000, "name": "n"}]));
        assert_eq!(before["recipientsCount"], 5_000);
        assert_eq!(after["name"], "ops");
        let [none, created] = shorten(None, Some(&long));
        assert_eq!(none, None);
        let created = created.unwrap_or_default();
        assert_eq!(
            created["recipients"].as_array().map(Vec::len),
            Some(MAX_LISTED)
        );
        assert_eq!(created["recipientsCount"], 5_000);
    }
}
