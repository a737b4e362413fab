//! Example of every request and response body, from one consistent set of objects.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Operation, each_operation};

/// Examples by schema name, by operation and status for single responses, and by media
/// type for bodies other than JSON.
static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    // A test parses all of them.
    serde_json::from_str(include_str!("examples.json")).unwrap_or_default()
});

pub(super) fn complete(document: &mut Value) {
    each_operation(document, |mut operation| {
        let id = operation.value["operationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if let Some(request) = operation.value.get_mut("requestBody") {
            fill(&id, request);
        }
        each_response(&mut operation, |status, response| {
            fill(&format!("{id} {status}"), response);
        });
    });
}

fn each_response(operation: &mut Operation<'_>, mut visit: impl FnMut(&str, &mut Value)) {
    for (status, response) in operation.responses() {
        visit(status, response);
    }
}

/// Adds an example to every content of a body: that of the operation, otherwise that of
/// the schema.
fn fill(key: &str, body: &mut Value) {
    let contents = body.get_mut("content").and_then(Value::as_object_mut);
    for (media_type, content) in contents.into_iter().flatten() {
        let schema = content["schema"]["$ref"].as_str().unwrap_or_default();
        let schema = schema.rsplit('/').next().unwrap_or_default();
        let example = match schema {
            "" => by_key(key).or_else(|| by_key(media_type)),
            _ => by_key(key).or_else(|| by_schema(schema)),
        };
        if let (Some(example), true) = (example, content["example"].is_null()) {
            content["example"] = example;
        }
    }
}

fn by_key(key: &str) -> Option<Value> {
    EXAMPLES.get(key).cloned()
}

fn by_schema(name: &str) -> Option<Value> {
    match name.strip_prefix("Page_") {
        Some(item) => {
            Some(json!({"items": [by_key(item)?], "nextCursor": null, "prevCursor": null}))
        }
        None => by_key(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi::description;

    #[test]
    fn every_body_has_an_example() {
        let mut description = description().clone();
        let mut missing = Vec::new();
        each_operation(&mut description, |mut operation| {
            let name = format!("{} {}", operation.method, operation.path);
            let mut check = |body: &mut Value| {
                for (media_type, content) in body["content"].as_object().into_iter().flatten() {
                    if content["example"].is_null() {
                        missing.push(format!("{name}: {media_type} {}", content["schema"]));
                    }
                }
            };
            if let Some(request) = operation.value.get_mut("requestBody") {
                check(request);
            }
            each_response(&mut operation, |_, response| check(response));
        });
        assert!(
            missing.is_empty(),
            "examples.json does not contain:\n{}",
            missing.join("\n")
        );
    }
}
