//! What recipients, groups and routes look like: by the names that the API has
//! for their fields, for the audit log and for telling versions apart.

use serde_json::{Value, json};
use tocsin_storage::codes::Language;
use tocsin_storage::directory::{
    GroupRow, GroupView, NamedRef, RecipientRow, RecipientView, RouteRow, RouteView,
};

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
