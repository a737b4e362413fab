use serde_json::Value;
use tocsin_api_types::{ActorKind, AuditEntry};
use yew::prelude::*;
use yew_router::{hooks::use_navigator, query::Raw};

use super::audit::{AuditFilter, actor};
use crate::{
    api::use_fetch,
    components::{RouteLink, exact_time, failure},
    i18n::Words,
    list::ListActions,
    pages::detail::Frame,
    route::Route,
    state::{View, use_view},
};

#[derive(Properties, PartialEq)]
pub struct AuditPanelProps {
    pub id: i64,
    /// Query string of the URL, kept when the panel closes.
    pub query: AttrValue,
}

/// Name of an action; an unknown code is shown as it is.
pub fn action_name(words: &Words, action: &str) -> String {
    (words.admin.action)(action).unwrap_or(action).to_owned()
}

/// An entry of the audit log, with the values before and after.
#[component]
pub fn AuditPanel(props: &AuditPanelProps) -> Html {
    let words = &use_view();
    let navigator = use_navigator();
    let fetched = use_fetch::<AuditEntry>(format!("audit/{}", props.id));
    let close = {
        let query = props.query.clone();
        Callback::from(move |()| {
            if let Some(navigator) = &navigator {
                // A raw query is not encoded, so this cannot fail.
                let _ = navigator.push_with_query(&Route::Audit, Raw(&*query));
            }
        })
    };
    let actions = ListActions {
        filter: Callback::noop(),
        close,
    };
    let title = fetched
        .data
        .as_ref()
        .map(|entry| action_name(words, &entry.action));
    let error = fetched.error.clone().map(|error| match error.is_missing() {
        true => html! { <p class="muted">{ words.detail.missing }</p> },
        false => html! { { failure(words, &error, Some(fetched.reload.clone())) } },
    });
    html! {
        <ContextProvider<ListActions> context={actions}>
            <Frame kind={format!("{} #{}", words.admin.entry, props.id)} title={title.unwrap_or_default()}>
                { error }
                if let Some(entry) = &fetched.data {
                    { body(words, entry) }
                }
            </Frame>
        </ContextProvider<ListActions>>
    }
}

fn body(words: &View, entry: &AuditEntry) -> Html {
    let kind = (words.admin.kind)(&entry.object_kind).unwrap_or(&entry.object_kind);
    let object_id = entry.object_id.map(|id| format!(" #{id}"));
    let by = match (entry.actor_kind, entry.actor_id) {
        (ActorKind::User, Some(id)) => Some(format!("user:{id}")),
        (ActorKind::Token, Some(id)) => Some(format!("token:{id}")),
        _ => None,
    };
    html! {
        <>
            <dl class="facts">
                <div><dt>{ words.admin.when }</dt><dd>{ exact_time(words, entry.at) }</dd></div>
                <div><dt>{ words.admin.who }</dt><dd>{ actor(words, entry) }</dd></div>
                <div><dt>{ words.admin.object }</dt><dd>{ &entry.object_name }{ " " }
                    <span class="muted">{ kind }{ object_id.unwrap_or_default() }</span></dd></div>
                <div><dt>{ words.admin.address }</dt><dd>{ entry.address.clone().unwrap_or_else(|| "–".to_owned()) }</dd></div>
            </dl>
            <p class="audit-links">
                if let Some((to, query)) = object_route(entry) {
                    <RouteLink class="btn btn-sm" {to} {query}>{ words.admin.to_object }</RouteLink>
                }
                if let Some(id) = entry.object_id {
                    <RouteLink class="btn btn-sm" to={Route::Audit} query={AuditFilter::for_object(&entry.object_kind, id)}>
                        { words.admin.object_history }</RouteLink>
                }
                if let Some(by) = by {
                    <RouteLink class="btn btn-sm" to={Route::Audit} query={AuditFilter::for_actor(&by)}>{ words.admin.actor_history }</RouteLink>
                }
            </p>
            <section><h3>{ words.admin.changes }</h3>{ changes(words, entry) }</section>
        </>
    }
}

/// The page that shows the object.
fn object_route(entry: &AuditEntry) -> Option<(Route, &'static str)> {
    if entry.action.ends_with(".delete") {
        return None;
    }
    match entry.object_kind.as_str() {
        "recipient" => Some((Route::Recipients, "show=recipients")),
        "group" => Some((Route::Recipients, "show=groups")),
        "route" => Some((Route::Recipients, "show=routes")),
        "notification" => Some((Route::Recipients, "show=mails")),
        "user" => Some((Route::Users, "")),
        "token" => Some((Route::Tokens, "")),
        "incident" => entry.object_id.map(|id| (Route::Incident { id }, "")),
        _ => None,
    }
}

/// A field before and after.
#[derive(Debug, PartialEq)]
struct Line {
    field: String,
    before: Option<String>,
    after: Option<String>,
}

/// The changed fields. A value that is not an object counts as one field.
fn lines(before: Option<&Value>, after: Option<&Value>) -> Vec<Line> {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (old, new) = match (object(before), object(after)) {
        (None, None) => {
            let line = Line {
                field: String::new(),
                before: before.map(plain),
                after: after.map(plain),
            };
            let empty = line.before.is_none() && line.after.is_none();
            return if empty { Vec::new() } else { vec![line] };
        }
        (old, new) => (old.unwrap_or_default(), new.unwrap_or_default()),
    };
    let mut fields: Vec<&String> = old.keys().chain(new.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| old.get(*field) != new.get(*field))
        .map(|field| Line {
            field: field.clone(),
            before: old.get(field).map(plain),
            after: new.get(field).map(plain),
        })
        .collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().all(|one| !one.is_object()) => {
            let parts: Vec<String> = list.iter().map(plain).collect();
            parts.join(", ")
        }
        other => other.to_string(),
    }
}

fn changes(words: &View, entry: &AuditEntry) -> Html {
    let lines = lines(entry.before.as_ref(), entry.after.as_ref());
    if lines.is_empty() {
        return html! { <p class="muted">{ words.admin.no_changes }</p> };
    }
    let cell = |class: &'static str, label: &'static str, value: Option<String>| {
        value.map(|value| {
            html! { <p {class}><span class="sr-only">{ label }{ ": " }</span>{ value }</p> }
        })
    };
    html! {
        <dl class="diff">
            { for lines.into_iter().map(|line| html! {
                <div>
                    <dt>{ line.field }</dt>
                    <dd>
                        { cell("diff-before", words.admin.before, line.before) }
                        { cell("diff-after", words.admin.after, line.after) }
                    </dd>
                </div>
            }) }
        </dl>
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_changed_fields_are_shown() {
        let before = json!({"name": "Ana", "role": "viewer", "matchers": []});
        let after = json!({"name": "Ana", "role": "admin", "matchers": ["team=\"db\"", "a=\"b\""]});
        let found = lines(Some(&before), Some(&after));
        let fields: Vec<&str> = found.iter().map(|line| line.field.as_str()).collect();
        assert_eq!(fields, ["matchers", "role"]);
        assert_eq!(found[0].after.as_deref(), Some("team=\"db\", a=\"b\""));
        assert_eq!(found[1].before.as_deref(), Some("viewer"));
        assert_eq!(lines(None, Some(&after)).len(), 3);
        assert!(lines(None, None).is_empty());
        assert_eq!(lines(None, Some(&json!(3)))[0].after.as_deref(), Some("3"));
    }
}
