//! Real answers against `openapi/openapi.json`.

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

/// The second addresses of described operations.
const ALIASES: [(&str, &str); 2] = [
    ("/webhook", "/api/v1/webhooks/alertmanager"),
    ("/webhook/", "/api/v1/webhooks/alertmanager"),
];

/// An answer as far as it is described.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) method: &'a str,
    /// Without the query.
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) body: &'a [u8],
}

/// Says what an answer lacks of its description.
///
/// # Panics
/// It lacks something.
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
        // A page, a browser file, the description itself, or nothing at all,
        // which still has to be said as a problem.
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

/// What is described for that status of that operation.
fn response(method: &str, path: &str, status: u16) -> Option<&'static Value> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == path);
    let path = alias.map_or(path, |(_, described)| *described);
    let paths = DESCRIPTION["paths"].as_object()?;
    // A fixed path before one with a number in it.
    let exact = paths.get(path);
    let found = exact.or_else(|| {
        paths
            .iter()
            .find(|(template, _)| fits(template, path))
            .map(|(_, item)| item)
    });
    let described = found?.get(method.to_lowercase())?["responses"].get(status.to_string());
    // A method that is described does not answer this, but another way to it may.
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

/// Says which examples of the description are not as it describes, and which
/// bodies have none.
///
/// # Panics
/// There is one.
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

/// What a reference of the description stands for.
fn resolve(value: &'static Value) -> &'static Value {
    let reference = value["$ref"].as_str();
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    pointer
        .and_then(|pointer| DESCRIPTION.pointer(pointer))
        .unwrap_or(value)
}

/// The schema with what it refers to. A field that is not described is a
/// mistake too.
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
