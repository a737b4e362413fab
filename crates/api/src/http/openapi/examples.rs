//! Examples of every body, from one list of objects that belong together.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Operation, each_operation};

/// Examples by the names of their schemas, of one answer by its operation and
/// status, and of bodies that are no JSON by their media types.
static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    // A test reads them all.
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
        each_answer(&mut operation, |status, answer| {
            fill(&format!("{id} {status}"), answer);
        });
    });
}

fn each_answer(operation: &mut Operation<'_>, mut visit: impl FnMut(&str, &mut Value)) {
    for (status, answer) in operation.answers() {
        visit(status, answer);
    }
}

/// Gives every content of a body its example: that of the operation, else that
/// of the schema.
fn fill(key: &str, body: &mut Value) {
    let contents = body.get_mut("content").and_then(Value::as_object_mut);
    for (media_type, content) in contents.into_iter().flatten() {
        let schema = content["schema"]["$ref"].as_str().unwrap_or_default();
        let schema = schema.rsplit('/').next().unwrap_or_default();
        let example = match schema {
            "" => of(key).or_else(|| of(media_type)),
            _ => of(key).or_else(|| of_schema(schema)),
        };
        if let (Some(example), true) = (example, content["example"].is_null()) {
            content["example"] = example;
        }
    }
}

fn of(key: &str) -> Option<Value> {
    EXAMPLES.get(key).cloned()
}

fn of_schema(name: &str) -> Option<Value> {
    match name.strip_prefix("Page_") {
        Some(item) => Some(json!({"items": [of(item)?], "nextCursor": null, "prevCursor": null})),
        None => of(name),
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
            let what = format!("{} {}", operation.method, operation.path);
            let mut look = |body: &mut Value| {
                for (media_type, content) in body["content"].as_object().into_iter().flatten() {
                    if content["example"].is_null() {
                        missing.push(format!("{what}: {media_type} {}", content["schema"]));
                    }
                }
            };
            if let Some(request) = operation.value.get_mut("requestBody") {
                look(request);
            }
            each_answer(&mut operation, |_, answer| look(answer));
        });
        assert!(
            missing.is_empty(),
            "examples.json lacks:\n{}",
            missing.join("\n")
        );
    }
}
