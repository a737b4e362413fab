//! Error responses of the operations, and response headers.

use serde_json::{Value, json};

use super::{Operation, each_operation, problems};
use crate::http::problem::ProblemKind;

/// Error statuses: name in the description, and type and detail of the example.
const FAILURES: &[(u16, &str, ProblemKind, &str)] = &[
    (
        400,
        "BadRequest",
        ProblemKind::InvalidRequest,
        "limit: expected a whole number from 1 to 500, found \"0\"",
    ),
    (
        401,
        "Unauthorized",
        ProblemKind::Unauthorized,
        "The token is invalid.",
    ),
    (
        403,
        "Forbidden",
        ProblemKind::Forbidden,
        "This operation requires the role admin; the token has the role viewer.",
    ),
    (
        404,
        "NotFound",
        ProblemKind::NotFound,
        "No such incident: 42.",
    ),
    (
        408,
        "RequestTimeout",
        ProblemKind::RequestTimeout,
        "The body was not received within 60 s.",
    ),
    (
        409,
        "Conflict",
        ProblemKind::Conflict,
        "name: group 3 has this name already",
    ),
    (
        412,
        "PreconditionFailed",
        ProblemKind::PreconditionFailed,
        "The object has been changed by someone else. Compare the versions, and send the request again with the current ETag.",
    ),
    (
        413,
        "PayloadTooLarge",
        ProblemKind::PayloadTooLarge,
        "The body is larger than 1048576 bytes.",
    ),
    (
        415,
        "UnsupportedMediaType",
        ProblemKind::UnsupportedMediaType,
        "The body must be JSON, with the header Content-Type: application/json.",
    ),
    (
        421,
        "MisdirectedRequest",
        ProblemKind::MisdirectedRequest,
        "Without an ingest token, only requests to localhost, 127.0.0.1 or [::1] are accepted.",
    ),
    (
        422,
        "Unprocessable",
        ProblemKind::Unprocessable,
        "password: too easy to guess",
    ),
    (
        429,
        "TooManyRequests",
        ProblemKind::TooManyRequests,
        "Too many requests. Try again later.",
    ),
    (
        500,
        "InternalError",
        ProblemKind::Internal,
        "Internal error. The server log contains the details.",
    ),
    (
        503,
        "Unavailable",
        ProblemKind::Unavailable,
        "The database is unavailable. Try again.",
    ),
];

/// Collections whose objects have a version in `ETag`.
const VERSIONED: &[&str] = &["recipients", "groups", "routes", "users", "incidents"];

/// Collections in which POST accepts an `Idempotency-Key`.
const REPEATABLE: &[&str] = &["recipients", "groups", "routes", "users", "tokens"];

/// Operations that can reject content that matches the schema.
const CONTENT_CHECKED: &[&str] = &[
    "create_user",
    "replace_user",
    "set_up",
    "change_my_password",
];

const JSON_PROBLEM: &str = "application/problem+json";

pub(super) fn complete(document: &mut Value) {
    let kinds = problems::identifiers();
    document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"] = json!(kinds);
    for (status, name, kind, detail) in FAILURES {
        document["components"]["responses"][*name] = response(*status, *kind, detail);
    }
    document["components"]["parameters"] = json!({
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "description": "Change only this version of the object: its `ETag`, including the quotes, or `*` for any \
                version. If omitted, any version is changed.",
            "schema": {"type": "string"},
            "example": "*",
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Key of your choice, such as a UUID, with which the request can be retried safely: within \
                24 hours, the same request with the same key returns the object created by the first one, with \
                `Idempotency-Replayed: true`, and creates nothing.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        },
    });
    each_operation(document, |mut operation| {
        let is_versioned = is_versioned(&operation);
        let is_repeatable = is_repeatable(&operation);
        if is_versioned && operation.method != "get" {
            operation.add_parameter(json!({"$ref": "#/components/parameters/IfMatch"}));
        }
        if is_repeatable {
            operation.add_parameter(json!({"$ref": "#/components/parameters/IdempotencyKey"}));
        }
        describe_headers(&mut operation, is_versioned, is_repeatable);
        let statuses = statuses(&operation, is_versioned, is_repeatable);
        for (status, name, ..) in FAILURES {
            let responses = &mut operation.value["responses"];
            let key = status.to_string();
            if statuses.contains(status) && responses[&key].is_null() {
                responses[&key] = json!({"$ref": format!("#/components/responses/{name}")});
            }
        }
    });
}

fn response(status: u16, kind: ProblemKind, detail: &str) -> Value {
    let mut example = problems::example(kind, detail);
    match kind {
        ProblemKind::InvalidRequest | ProblemKind::Conflict | ProblemKind::Unprocessable => {
            let (field, message) = detail.split_once(": ").unwrap_or_default();
            example["errors"] = json!([{"field": field, "message": message}]);
        }
        ProblemKind::PreconditionFailed => {
            example["current"] =
                json!({"name": "On call", "isDefault": true, "recipientIds": [1, 2]});
            example["yours"] = json!({"name": "On call", "isDefault": false, "recipientIds": [1]});
        }
        _ => {}
    }
    let mut response = json!({
        "description": problems::sentences(status),
        "content": {JSON_PROBLEM: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": example,
        }},
    });
    match status {
        401 => {
            response["headers"]["WWW-Authenticate"] = json!({
                "description": "Authentication scheme",
                "schema": {"type": "string"},
                "example": "Bearer realm=\"Tocsin\"",
            });
        }
        429 | 503 => {
            response["headers"]["Retry-After"] = json!({
                "description": "Seconds to wait before a retry",
                "schema": {"type": "integer", "minimum": 0},
                "example": 5,
            });
        }
        _ => {}
    }
    response
}

/// First path segment after the version, such as `groups`.
fn collection<'a>(operation: &Operation<'a>) -> &'a str {
    let rest = operation.path.strip_prefix("/api/v1/").unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

fn is_versioned(operation: &Operation<'_>) -> bool {
    let collection = collection(operation);
    VERSIONED.contains(&collection) && operation.path == format!("/api/v1/{collection}/{{id}}")
}

fn is_repeatable(operation: &Operation<'_>) -> bool {
    let collection = collection(operation);
    operation.path.ends_with("/resend")
        || operation.method == "post"
            && REPEATABLE.contains(&collection)
            && operation.path == format!("/api/v1/{collection}")
}

/// Describes the headers of successful responses.
fn describe_headers(operation: &mut Operation<'_>, is_versioned: bool, is_repeatable: bool) {
    // Tokens cannot be edited, so they have no version.
    let has_version = is_versioned && operation.method != "delete"
        || is_repeatable && VERSIONED.contains(&collection(operation));
    for (status, success) in operation.successes() {
        if status == "201" && !success["headers"]["Location"].is_null() {
            success["headers"]["Location"]["required"] = json!(true);
        }
        if has_version {
            success["headers"]["ETag"] = json!({
                "description": "Version of the object, for `If-Match`",
                "required": true,
                "schema": {"type": "string"},
                "example": "\"0123456789abcdef\"",
            });
        }
        if is_repeatable {
            success["headers"]["Idempotency-Replayed"] = json!({
                "description": "`true` if the object was created by an earlier request with the same key",
                "schema": {"type": "string", "enum": ["true"]},
            });
        }
    }
}

/// Error statuses of an operation.
fn statuses(operation: &Operation<'_>, is_versioned: bool, is_repeatable: bool) -> Vec<u16> {
    let is_api = operation.path.starts_with("/api/");
    let is_webhook = collection(operation) == "webhooks";
    let is_public = operation.value["security"] == json!([]);
    let writes = operation.method != "get";
    let id = operation.value["operationId"].as_str().unwrap_or_default();
    let conditions = [
        (400, is_api),
        (
            401,
            !is_public || collection(operation) == "sign-in" && writes,
        ),
        // Public operations that write reject cross-site requests.
        (403, !is_public || writes),
        (
            404,
            operation.path.contains('{')
                || operation.path.contains("/oidc")
                || operation.value["parameters"]
                    .to_string()
                    .contains("\"cursor\""),
        ),
        (408, operation.has_body()),
        (409, writes && is_api && !is_webhook),
        (412, is_versioned && writes),
        (413, operation.has_body()),
        (415, operation.has_body()),
        (421, is_webhook),
        (422, is_repeatable || CONTENT_CHECKED.contains(&id)),
        (429, is_api && !is_webhook || operation.path == "/metrics"),
        (500, true),
        (503, operation.path != "/healthz"),
    ];
    let applicable = conditions.into_iter().filter(|(_, applies)| *applies);
    applicable.map(|(status, _)| status).collect()
}
