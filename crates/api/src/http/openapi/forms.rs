//! What the description says of the form of parameters, requests and answers
//! beyond what the types' derives can say.

use serde_json::{Map, Value, json};

use super::patterns::{SPACE, matcher, words};
use super::{Operation, each_operation, push};
use crate::http::filters::CURSOR;

/// Fields of answers that may be missing. All others are always there, if only
/// as null.
const OPTIONAL: &[(&str, &str)] = &[
    ("Page_", "count"),
    ("Problem", "errors"),
    ("Problem", "current"),
    ("Problem", "yours"),
];

pub(super) fn complete(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    schemas["Matcher"]["pattern"] = json!(matcher());
    let zones = chrono_tz::TZ_VARIANTS.map(|zone| zone.name());
    schemas["TimeZone"]["enum"] = json!(zones.as_slice());
    schemas["AcknowledgeFilter"]["properties"]["q"]["pattern"] = json!(words());
    for (name, rule) in rules() {
        if let (Some(schema), Value::Object(rule)) = (schemas[name].as_object_mut(), rule) {
            schema.extend(rule);
        }
    }
    schemas["AlertmanagerWebhook"] = webhook();
    schemas["RouteOrder"]["properties"]["ids"]["uniqueItems"] = json!(true);
    for name in ["IncidentPatch", "AcknowledgeRequest", "CloseRequest"] {
        // An empty one counts as left out.
        let by = &mut schemas[name]["properties"]["by"];
        push(
            &mut by["oneOf"],
            json!({"type": "string", "pattern": format!("^[{SPACE}]*$")}),
        );
    }
    refer_to_items(schemas);
    each_operation(document, |mut operation| {
        parameters(&mut operation);
        let stream = "/responses/200/content/text~1event-stream/schema";
        if let Some(schema) = operation.value.pointer_mut(stream) {
            *schema = event();
        }
        if operation.path.ends_with("/webhooks/alertmanager") {
            operation.value["requestBody"]["content"]["application/json"]["schema"] =
                reference("AlertmanagerWebhook");
        }
    });
    require_what_is_always_there(document);
}

/// Which fields of a request go together.
fn rules() -> Vec<(&'static str, Value)> {
    let given = |field: &str, kind: &str| json!({"required": [field], "properties": {field: {"type": kind}}});
    let none = json!({"type": "null"});
    let empty = json!({"maxItems": 0});
    let either = json!({"oneOf": [
        {"required": ["ids"], "properties": {"ids": {"type": "array"}, "filter": none}},
        {"required": ["filter"], "properties": {"filter": {"type": "object"}, "ids": none}},
    ]});
    vec![
        (
            "IncidentPatch",
            json!({"anyOf": [
                given("known", "boolean"),
                given("memo", "string"),
                given("state", "string"),
            ]}),
        ),
        ("AcknowledgeRequest", either.clone()),
        ("CloseRequest", either),
        (
            "UserInput",
            json!({"anyOf": [
                {"properties": {"role": {"enum": ["viewer", "responder"]}}},
                {"properties": {"role": {"enum": ["admin"]}, "matchers": empty}},
            ]}),
        ),
        (
            "TokenInput",
            json!({"oneOf": [
                {
                    "title": "ingest",
                    "required": ["scopes"],
                    "properties": {
                        "scopes": {"type": "array", "items": {"enum": ["ingest"]}},
                        "role": none, "matchers": empty,
                    },
                },
                {
                    "title": "read, respond",
                    "required": ["scopes"],
                    "properties": {
                        "scopes": {"type": "array", "items": {"enum": ["read", "respond"]}},
                        "role": none, "source": none,
                    },
                },
                {
                    "title": "admin",
                    "required": ["scopes"],
                    "properties": {
                        "scopes": {
                            "type": "array",
                            "items": {"enum": ["read", "respond", "admin"]},
                            "contains": {"const": "admin"},
                        },
                        "role": none, "source": none, "matchers": empty,
                    },
                },
                {
                    "title": "viewer, responder",
                    "required": ["role"],
                    "properties": {"role": {"enum": ["viewer", "responder"]}, "scopes": none, "source": none},
                },
                {
                    "title": "administrator",
                    "required": ["role"],
                    "properties": {"role": {"enum": ["admin"]}, "scopes": none, "source": none, "matchers": empty},
                },
            ]}),
        ),
    ]
}

/// A sender's body, of which no more is required than is needed: an alert that
/// cannot be read does not turn its neighbours away.
fn webhook() -> Value {
    let told = |about: &str| json!({"description": about});
    json!({
        "type": "object",
        "description": "Alertmanager's webhook body, version 4, or what resembles it, such as Grafana's. What is \
            missing or of another type counts as empty; an alert that cannot be read is named in `rejected`, and the \
            others are stored.",
        "required": ["alerts"],
        "properties": {
            "version": told("\"4\""),
            "groupKey": told("The sender's key of the notification group"),
            "truncatedAlerts": told("How many alerts were left out (`max_alerts`)"),
            "groupLabels": told("The labels that group them"),
            "commonLabels": told("The labels that all alerts share"),
            "commonAnnotations": told("The annotations that all alerts share"),
            "status": told("The group's status: `firing` or `resolved`"),
            "receiver": told("The receiver's name in the sender's configuration"),
            "externalURL": told("The sender's address"),
            "alerts": {
                "type": ["array", "null"],
                "description": "The alerts",
                "items": {
                    "description": "An object with at least `status` or `labels`",
                    "properties": {
                        "status": told("`firing` or `resolved`"),
                        "labels": told("Names and values"),
                        "annotations": told("Names and values"),
                        "startsAt": told("When it began, RFC 3339"),
                        "endsAt": told("When it ended, RFC 3339; the year 1: not yet"),
                        "generatorURL": told("A link to the expression"),
                        "fingerprint": told("Alertmanager's hash of the labels"),
                    },
                },
            },
        },
    })
}

/// What each event of the stream has.
fn event() -> Value {
    json!({
        "type": "object",
        "description": "One event",
        "required": ["event", "data"],
        "properties": {
            "id": {"type": "string", "description": "For `Last-Event-ID`"},
            "event": {"type": "string", "enum": ["delivery", "incident", "notification"]},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": reference("ChangeEvent"),
            },
        },
    })
}

/// The rows of a page are described once.
fn refer_to_items(schemas: &mut Value) {
    let names: Vec<String> = schemas
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter_map(|name| Some(name.strip_prefix("Page_")?.to_owned()))
        .collect();
    for name in names {
        let items = &mut schemas[format!("Page_{name}")]["properties"]["items"]["items"];
        let whole = std::mem::replace(items, reference(&name));
        if schemas[&name].is_null() {
            schemas[name] = whole;
        }
    }
}

pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn parameters(operation: &mut Operation<'_>) {
    let parameters = operation.value.get_mut("parameters");
    for parameter in parameters
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let is_number = parameter["schema"]["format"] == "int64";
        if is_number && parameter["schema"]["minimum"].is_null() {
            parameter["schema"]["minimum"] = json!(1);
        }
        if parameter["in"] != "query" {
            continue;
        }
        let limits = match parameter["name"].as_str().unwrap_or_default() {
            // Whether it is one of this list is found out by asking for it.
            "cursor" => json!({"pattern": format!("^{CURSOR}[A-Za-z0-9_-]+$")}),
            "lastEventId" => json!({"pattern": "^[0-9]{1,18}-[0-9]{1,18}$"}),
            "label" => json!({"items": reference("Matcher")}),
            "timeZone" => reference("TimeZone"),
            "source" if operation.method != "get" => {
                json!({"pattern": "^[A-Za-z0-9._-]+$", "maxLength": 64})
            }
            "q" => json!({"pattern": words(), "maxLength": tocsin_core::search::MAX_LENGTH}),
            _ => json!({}),
        };
        if !limits["$ref"].is_null() {
            parameter["schema"] = limits;
        } else if let (Some(schema), Value::Object(limits)) =
            (parameter["schema"].as_object_mut(), limits)
        {
            schema.extend(limits);
        }
        allow_empty(parameter);
    }
}

/// An empty value counts as left out: that is what an emptied form field sends.
/// Where it can, the schema itself says so; tools know little of
/// `allowEmptyValue`.
fn allow_empty(parameter: &mut Value) {
    let schema = &mut parameter["schema"];
    if schema["type"] == "array" {
        return;
    }
    let is_plain_text =
        schema["type"] == "string" && schema["format"].is_null() && schema["enum"].is_null();
    if !is_plain_text {
        parameter["allowEmptyValue"] = json!(true);
    } else if let Some(pattern) = schema["pattern"].as_str() {
        let inner = pattern.trim_start_matches('^').trim_end_matches('$');
        schema["pattern"] = json!(format!("^({inner})?$"));
    }
}

/// Derives call a field that may be null not required, which it is in a request.
/// What only answers hold has every field.
fn require_what_is_always_there(document: &mut Value) {
    let mut requests = Vec::new();
    each_operation(document, |operation| {
        gather(operation.value.get("requestBody"), &mut requests);
    });
    let mut at = 0;
    while let Some(name) = requests.get(at).cloned() {
        gather(document["components"]["schemas"].get(&name), &mut requests);
        at += 1;
    }
    let schemas = document["components"]["schemas"].as_object_mut();
    for (name, schema) in schemas.into_iter().flatten() {
        if !requests.contains(name) {
            require(name, schema);
        }
    }
}

/// The names of the schemas that are referred to in `value`, each once.
fn gather(value: Option<&Value>, names: &mut Vec<String>) {
    match value {
        Some(Value::Object(object)) => {
            if let Some(Value::String(name)) = object.get("$ref") {
                let name = name.rsplit('/').next().unwrap_or_default().to_owned();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            object.values().for_each(|value| gather(Some(value), names));
        }
        Some(Value::Array(list)) => list.iter().for_each(|value| gather(Some(value), names)),
        _ => {}
    }
}

fn require(name: &str, schema: &mut Value) {
    let is_optional = |field: &str| {
        OPTIONAL
            .iter()
            .any(|(schema, optional)| name.starts_with(schema) && *optional == field)
    };
    match schema {
        Value::Object(object) => {
            let fields = object.get("properties").and_then(Value::as_object);
            let fields: Option<Vec<String>> = fields.map(|fields| {
                fields
                    .keys()
                    .filter(|field| !is_optional(field))
                    .cloned()
                    .collect()
            });
            if let Some(fields) = fields {
                object.insert("required".to_owned(), json!(fields));
            }
            object.values_mut().for_each(|value| require(name, value));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| require(name, value)),
        _ => {}
    }
}
