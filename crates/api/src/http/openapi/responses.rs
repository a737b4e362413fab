//! How operations can fail, and the headers that go with it.

use serde_json::{Value, json};

use super::{Operation, each_operation, problems};
use crate::http::problem::ProblemKind;

/// The statuses of failures: the name in the description, an example of the
/// kind, and what such a problem says in detail.
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
        "This token is not known.",
    ),
    (
        403,
        "Forbidden",
        ProblemKind::Forbidden,
        "This needs the role admin; this token has the role viewer.",
    ),
    (
        404,
        "NotFound",
        ProblemKind::NotFound,
        "There is no incident 42.",
    ),
    (
        408,
        "RequestTimeout",
        ProblemKind::RequestTimeout,
        "The body did not arrive within 60 s.",
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
        "It was changed by somebody else meanwhile; look at what it is now, and send your change again.",
    ),
    (
        413,
        "PayloadTooLarge",
        ProblemKind::PayloadTooLarge,
        "The body is longer than 1048576 bytes.",
    ),
    (
        415,
        "UnsupportedMediaType",
        ProblemKind::UnsupportedMediaType,
        "Send JSON with the header Content-Type: application/json.",
    ),
    (
        421,
        "MisdirectedRequest",
        ProblemKind::MisdirectedRequest,
        "Without a token only requests to this machine's own names are answered.",
    ),
    (
        422,
        "Unprocessable",
        ProblemKind::Unprocessable,
        "password: is easily guessed; a few unusual words are better",
    ),
    (
        429,
        "TooManyRequests",
        ProblemKind::TooManyRequests,
        "Too many requests; wait a second.",
    ),
    (
        500,
        "InternalError",
        ProblemKind::Internal,
        "Something went wrong on the server; its log says what.",
    ),
    (
        503,
        "Unavailable",
        ProblemKind::Unavailable,
        "The database is not available now; try again.",
    ),
];

/// What people edit and may find changed by somebody else: the version is in
/// `ETag`.
const VERSIONED: &[&str] = &["recipients", "groups", "routes", "users", "incidents"];

/// What may be asked for twice by accident and is made once.
const REPEATABLE: &[&str] = &["recipients", "groups", "routes", "users", "tokens"];

/// Operations whose texts can be refused though they are as described.
const JUDGED: &[&str] = &[
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
            "description": "Make the change only of this version: the `ETag` of the object as it was read, in its \
                quotes, or `*`, whichever there is. \
                Left out: of any version, too.",
            "schema": {"type": "string"},
            "example": "*",
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A text of your choice, such as a UUID, that makes it safe to send this request again: the \
                same key with the same request within 24 hours makes nothing new, and is answered with what the first \
                one made and `Idempotency-Replayed: true`.",
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
                "description": "How to ask with a token",
                "schema": {"type": "string"},
                "example": "Bearer realm=\"Tocsin\"",
            });
        }
        429 | 503 => {
            response["headers"]["Retry-After"] = json!({
                "description": "In how many seconds to try again",
                "schema": {"type": "integer", "minimum": 0},
                "example": 5,
            });
        }
        _ => {}
    }
    response
}

/// The first part of the path behind the version, such as `groups`.
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

/// What successes say of the object in their headers.
fn describe_headers(operation: &mut Operation<'_>, is_versioned: bool, is_repeatable: bool) {
    // A new token is no object that people edit.
    let has_version = is_versioned && operation.method != "delete"
        || is_repeatable && VERSIONED.contains(&collection(operation));
    for (status, success) in operation.successes() {
        if status == "201" && !success["headers"]["Location"].is_null() {
            success["headers"]["Location"]["required"] = json!(true);
        }
        if has_version {
            success["headers"]["ETag"] = json!({
                "description": "The object's version, for `If-Match`",
                "required": true,
                "schema": {"type": "string"},
                "example": "\"0123456789abcdef\"",
            });
        }
        if is_repeatable {
            success["headers"]["Idempotency-Replayed"] = json!({
                "description": "`true`: an earlier request with this key made it",
                "schema": {"type": "string", "enum": ["true"]},
            });
        }
    }
}

/// The statuses that an operation can fail with.
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
        // Of other sites, where everybody may.
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
        (422, is_repeatable || JUDGED.contains(&id)),
        (429, is_api && !is_webhook || operation.path == "/metrics"),
        (500, true),
        (503, operation.path != "/healthz"),
    ];
    let held = conditions.into_iter().filter(|(_, holds)| *holds);
    held.map(|(status, _)| status).collect()
}
