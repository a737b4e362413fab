//! Schema details of parameters, requests and responses that the derives cannot express.

use serde_json::{Map, Value, json};

use super::patterns::{SPACE, matcher, words};
use super::{Operation, each_operation, push};
use crate::http::filters::CURSOR;

/// Optional response fields. All others are always present, possibly null.
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
        // An empty string counts as omitted.
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
    require_response_fields(document);
}

/// Valid combinations of request fields.
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

/// Webhook body. As little as possible is required: a malformed alert does not cause the
/// others to be rejected.
fn webhook() -> Value {
    let described = |about: &str| json!({"description": about});
    json!({
        "type": "object",
        "description": "Alertmanager's webhook body, version 4, or a compatible one, such as Grafana's. A missing \
            field, or one of an unexpected type, counts as empty. Malformed alerts are listed in `rejected`; the others \
            are stored.",
        "required": ["alerts"],
        "properties": {
            "version": described("Version of the format: \"4\""),
            "groupKey": described("Key of the alert group"),
            "truncatedAlerts": described("Number of alerts omitted because of `max_alerts`"),
            "groupLabels": described("Labels by which the alerts are grouped"),
            "commonLabels": described("Labels common to all alerts"),
            "commonAnnotations": described("Annotations common to all alerts"),
            "status": described("Status of the alert group: `firing` or `resolved`"),
            "receiver": described("Name of the receiver in the configuration of the sender"),
            "externalURL": described("External URL of the sender"),
            "alerts": {
                "type": ["array", "null"],
                "description": "Alerts of the group",
                "items": {
                    "description": "Alert: an object with at least `status` or `labels`",
                    "properties": {
                        "status": described("`firing` or `resolved`"),
                        "labels": described("Label values by name"),
                        "annotations": described("Annotation values by name"),
                        "startsAt": described("Start of the alert, RFC 3339"),
                        "endsAt": described("End of the alert, RFC 3339. A firing alert has the year 1"),
                        "generatorURL": described("URL of the alert expression in Prometheus"),
                        "fingerprint": described("Hash of the label set as computed by Alertmanager"),
                    },
                },
            },
        },
    })
}

/// Schema of an event of the stream.
fn event() -> Value {
    json!({
        "type": "object",
        "description": "Server-sent event",
        "required": ["event", "data"],
        "properties": {
            "id": {"type": "string", "description": "Event ID, for `Last-Event-ID`"},
            "event": {"type": "string", "enum": ["delivery", "incident", "notification"]},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": reference("ChangeEvent"),
            },
        },
    })
}

/// Replaces the inlined item schemas of pages by references.
fn refer_to_items(schemas: &mut Value) {
    let names: Vec<String> = schemas
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .filter_map(|name| Some(name.strip_prefix("Page_")?.to_owned()))
        .collect();
    for name in names {
        let items = &mut schemas[format!("Page_{name}")]["properties"]["items"]["items"];
        let schema = std::mem::replace(items, reference(&name));
        if schemas[&name].is_null() {
            schemas[name] = schema;
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
        let is_id = parameter["schema"]["format"] == "int64";
        if is_id && parameter["schema"]["minimum"].is_null() {
            parameter["schema"]["minimum"] = json!(1);
        }
        if parameter["in"] != "query" {
            continue;
        }
        let limits = match parameter["name"].as_str().unwrap_or_default() {
            // Whether the cursor belongs to this list is not expressed by the schema.
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

/// Allows an empty value, which counts as omitted: HTML forms send empty fields. If
/// possible, the schema expresses it, because few tools support `allowEmptyValue`.
fn allow_empty(parameter: &mut Value) {
    let schema = &mut parameter["schema"];
    if schema["type"] == "array" {
        return;
    }
    let is_plain_string =
        schema["type"] == "string" && schema["format"].is_null() && schema["enum"].is_null();
    if !is_plain_string {
        parameter["allowEmptyValue"] = json!(true);
    } else if let Some(pattern) = schema["pattern"].as_str() {
        let inner = pattern.trim_start_matches('^').trim_end_matches('$');
        schema["pattern"] = json!(format!("^({inner})?$"));
    }
}

/// Marks all fields of response schemas as required. The derives mark nullable fields as
/// optional, which holds for requests only.
fn require_response_fields(document: &mut Value) {
    let mut requests = Vec::new();
    each_operation(document, |operation| {
        collect_schemas(operation.value.get("requestBody"), &mut requests);
    });
    let mut at = 0;
    while let Some(name) = requests.get(at).cloned() {
        collect_schemas(document["components"]["schemas"].get(&name), &mut requests);
        at += 1;
    }
    let schemas = document["components"]["schemas"].as_object_mut();
    for (name, schema) in schemas.into_iter().flatten() {
        if !requests.contains(name) {
            require(name, schema);
        }
    }
}

/// Collects the names of the schemas referenced in `value`, without duplicates.
fn collect_schemas(value: Option<&Value>, names: &mut Vec<String>) {
    match value {
        Some(Value::Object(object)) => {
            if let Some(Value::String(name)) = object.get("$ref") {
                let name = name.rsplit('/').next().unwrap_or_default().to_owned();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            object
                .values()
                .for_each(|value| collect_schemas(Some(value), names));
        }
        Some(Value::Array(list)) => list
            .iter()
            .for_each(|value| collect_schemas(Some(value), names)),
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
