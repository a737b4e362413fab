//! Validation of real responses against `openapi/openapi.json`.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::workspace;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let path = workspace().join("openapi/openapi.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("openapi.json is JSON")
});

/// Aliases of documented paths.
const ALIASES: [(&str, &str); 2] = [
    ("/webhook", "/api/v1/webhooks/alertmanager"),
    ("/webhook/", "/api/v1/webhooks/alertmanager"),
];

/// The documented parts of a response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) method: &'a str,
    /// Path without the query.
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
}

/// Validates a response against the OpenAPI description.
///
/// # Panics
/// If it does not match.
pub(crate) fn check(answer: Answer<'_>) {
    let Answer {
        method,
        path,
        status,
        content_type,
        body,
    } = answer;
    let what = format!("{method} {path} → {status} {content_type}");
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let Some(response) = response(method, path, status) else {
        // A page, a static file, the description itself, or an undocumented error, which
        // still has to be a problem.
        if status >= 400 {
            assert_eq!(media_type, "application/problem+json", "{what}");
            validate(
                "problem",
                &json!({"$ref": "#/components/schemas/Problem"}),
                body,
                &what,
            );
        }
        return;
    };
    let content = response.get("content").and_then(Value::as_object);
    let Some(content) = content.filter(|content| !content.is_empty()) else {
        assert!(body.is_empty(), "{what}: no body is described");
        return;
    };
    let described = content.get(media_type);
    let described =
        described.unwrap_or_else(|| panic!("{what}: only {:?} are described", content.keys()));
    if media_type.ends_with("/json") || media_type.ends_with("+json") {
        let key = format!("{response}");
        validate(&key, &described["schema"], body, &what);
    }
}

/// The documented response of an operation with this status.
fn response(method: &str, path: &str, status: u16) -> Option<&'static Value> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == path);
    let path = alias.map_or(path, |(_, described)| *described);
    let paths = DESCRIPTION["paths"].as_object()?;
    // Fixed paths take precedence over paths with an ID.
    let exact = paths.get(path);
    let found = exact.or_else(|| {
        paths
            .iter()
            .find(|(template, _)| fits(template, path))
            .map(|(_, item)| item)
    });
    let described = found?.get(method.to_lowercase())?["responses"].get(status.to_string());
    // The method is not documented for this path; another matching path may have it.
    assert!(
        described.is_some() || status == 405,
        "{method} {path}: the status {status} is not described"
    );
    described.map(resolve)
}

fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part == given || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn validate(key: &str, schema: &Value, body: &[u8], what: &str) {
    static COMPILED: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);
    let value: Value = serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(body)));
    let mut compiled = COMPILED.lock().unwrap();
    let validator = compiled
        .entry(key.to_owned())
        .or_insert_with(|| compile(schema));
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| format!("  {}: {error}", error.instance_path()))
        .collect();
    let whole = String::from_utf8_lossy(body);
    assert!(
        errors.is_empty(),
        "{what} is not as described:\n{}\n{whole}",
        errors.join("\n")
    );
}

/// Validates the examples of the description, and checks that every body has one.
///
/// # Panics
/// If an example is invalid or missing.
pub fn check_examples() {
    let mut checked = 0;
    for (path, item) in DESCRIPTION["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let responses = operation["responses"].as_object();
            let bodies = responses.into_iter().flatten();
            let bodies = bodies.map(|(status, response)| (status.as_str(), response));
            for (name, body) in bodies.chain([("request", &operation["requestBody"])]) {
                for (media_type, content) in
                    resolve(body)["content"].as_object().into_iter().flatten()
                {
                    let what = format!("the example of {method} {path}, {name} {media_type}");
                    let example = &content["example"];
                    assert!(!example.is_null(), "{what} is missing");
                    if media_type.ends_with("json") && !media_type.ends_with("ndjson") {
                        let key = format!("{}", content["schema"]);
                        let text = example.to_string();
                        validate(&key, &content["schema"], text.as_bytes(), &what);
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 100, "only {checked} examples were found");
}

/// Resolves a reference in the description.
fn resolve(value: &'static Value) -> &'static Value {
    let reference = value["$ref"].as_str();
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    pointer
        .and_then(|pointer| DESCRIPTION.pointer(pointer))
        .unwrap_or(value)
}

/// Compiles a schema with its references. Undocumented fields are errors.
fn compile(schema: &Value) -> Validator {
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": DESCRIPTION["components"],
        "allOf": [schema],
        "unevaluatedProperties": false,
    });
    jsonschema::options()
        .should_validate_formats(true)
        .build(&whole)
        .expect("openapi.json holds JSON schemas")
}
