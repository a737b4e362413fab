//! Permissions: every operation of the API, requested with every role.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_tests::{Options, Request, Tocsin, Webhook, firing, on_both, wait_until, workspace};

/// The permission that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Required {
    /// No credential.
    Nothing,
    /// An ingest token.
    IngestToken,
    /// At least the role viewer.
    Viewer,
    /// At least the role responder.
    Responder,
    /// The role administrator.
    Admin,
    /// A signed-in user of any role; no token.
    User,
}

/// The permission of every operation. It repeats the program's own table on purpose, as
/// the program cannot check itself.
const PERMISSIONS: &[(&str, &str, Required)] = &[
    ("get", "/healthz", Required::Nothing),
    ("get", "/readyz", Required::Nothing),
    ("get", "/api/v1/sign-in", Required::Nothing),
    ("post", "/api/v1/sign-in", Required::Nothing),
    ("post", "/api/v1/sign-out", Required::Nothing),
    ("post", "/api/v1/set-up", Required::Nothing),
    ("get", "/api/v1/sign-in/oidc", Required::Nothing),
    ("get", "/api/v1/sign-in/oidc/callback", Required::Nothing),
    (
        "post",
        "/api/v1/webhooks/alertmanager",
        Required::IngestToken,
    ),
    (
        "put",
        "/api/v1/webhooks/alertmanager",
        Required::IngestToken,
    ),
    ("get", "/api/v1/me", Required::Viewer),
    ("put", "/api/v1/me", Required::User),
    ("put", "/api/v1/me/password", Required::User),
    ("get", "/api/v1/me/sessions", Required::User),
    ("delete", "/api/v1/me/sessions", Required::User),
    ("delete", "/api/v1/me/sessions/{id}", Required::User),
    ("get", "/api/v1/alerts", Required::Viewer),
    ("get", "/api/v1/alerts/export", Required::Viewer),
    ("get", "/api/v1/alerts/{id}", Required::Viewer),
    ("post", "/api/v1/alerts/test", Required::Responder),
    ("get", "/api/v1/deliveries", Required::Viewer),
    ("get", "/api/v1/deliveries/{id}", Required::Viewer),
    ("get", "/api/v1/deliveries/{id}/raw", Required::Viewer),
    ("get", "/api/v1/incidents", Required::Viewer),
    ("get", "/api/v1/incidents/export", Required::Viewer),
    ("get", "/api/v1/incidents/{id}", Required::Viewer),
    ("patch", "/api/v1/incidents/{id}", Required::Responder),
    ("post", "/api/v1/incidents/acknowledge", Required::Responder),
    ("post", "/api/v1/incidents/close", Required::Responder),
    ("get", "/api/v1/stats/summary", Required::Viewer),
    ("get", "/api/v1/stats/top", Required::Viewer),
    ("get", "/api/v1/stats/timeline", Required::Viewer),
    ("get", "/api/v1/stats/heatmap", Required::Viewer),
    ("get", "/api/v1/recipients", Required::Viewer),
    ("post", "/api/v1/recipients", Required::Admin),
    ("get", "/api/v1/recipients/{id}", Required::Viewer),
    ("put", "/api/v1/recipients/{id}", Required::Admin),
    ("delete", "/api/v1/recipients/{id}", Required::Admin),
    ("get", "/api/v1/groups", Required::Viewer),
    ("post", "/api/v1/groups", Required::Admin),
    ("get", "/api/v1/groups/{id}", Required::Viewer),
    ("put", "/api/v1/groups/{id}", Required::Admin),
    ("delete", "/api/v1/groups/{id}", Required::Admin),
    ("get", "/api/v1/routes", Required::Viewer),
    ("post", "/api/v1/routes", Required::Admin),
    ("put", "/api/v1/routes/order", Required::Admin),
    ("get", "/api/v1/routes/team", Required::Viewer),
    ("put", "/api/v1/routes/team", Required::Admin),
    ("get", "/api/v1/routes/{id}", Required::Viewer),
    ("put", "/api/v1/routes/{id}", Required::Admin),
    ("delete", "/api/v1/routes/{id}", Required::Admin),
    ("get", "/api/v1/notifications", Required::Viewer),
    ("get", "/api/v1/notifications/{id}", Required::Viewer),
    (
        "post",
        "/api/v1/notifications/{id}/resend",
        Required::Responder,
    ),
    ("get", "/api/v1/users", Required::Admin),
    ("post", "/api/v1/users", Required::Admin),
    ("get", "/api/v1/users/{id}", Required::Admin),
    ("put", "/api/v1/users/{id}", Required::Admin),
    ("delete", "/api/v1/users/{id}", Required::Admin),
    ("delete", "/api/v1/users/{id}/sessions", Required::Admin),
    ("get", "/api/v1/tokens", Required::Admin),
    ("post", "/api/v1/tokens", Required::Admin),
    ("get", "/api/v1/tokens/{id}", Required::Admin),
    ("delete", "/api/v1/tokens/{id}", Required::Admin),
    ("get", "/api/v1/audit", Required::Admin),
    ("get", "/api/v1/audit/export", Required::Admin),
    ("get", "/api/v1/audit/{id}", Required::Admin),
    ("get", "/api/v1/events", Required::Viewer),
    ("get", "/api/v1/status", Required::Viewer),
    ("get", "/api/v1/storage", Required::Viewer),
    ("get", "/metrics", Required::Viewer),
];

/// Callers, from the fewest permissions to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Caller {
    Anonymous,
    Ingest,
    Viewer,
    Responder,
    Admin,
}

fn is_allowed(caller: Caller, required: Required) -> bool {
    match required {
        Required::Nothing => true,
        Required::IngestToken => caller == Caller::Ingest,
        Required::Viewer => caller >= Caller::Viewer,
        Required::Responder => caller >= Caller::Responder,
        Required::Admin => caller == Caller::Admin,
        // All callers here use tokens.
        Required::User => false,
    }
}

fn described() -> BTreeMap<(String, String), Value> {
    let file = workspace().join("openapi/openapi.json");
    let text = std::fs::read_to_string(file).expect("the description");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").clone();
    let mut operations = BTreeMap::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("a path").clone() {
            operations.insert((method, path.clone()), operation);
        }
    }
    operations
}

#[test]
fn every_operation_has_a_permission() {
    let described = described();
    let listed: BTreeMap<_, _> = PERMISSIONS
        .iter()
        .map(|(method, path, required)| (((*method).to_owned(), (*path).to_owned()), *required))
        .collect();
    for operation in described.keys() {
        assert!(
            listed.contains_key(operation),
            "{operation:?} has no permission: add it to PERMISSIONS"
        );
    }
    for operation in listed.keys() {
        assert!(
            described.contains_key(operation),
            "{operation:?} does not exist"
        );
    }
}

/// The description documents the same permissions for authors of clients.
#[test]
fn description_documents_the_required_role() {
    let described = described();
    for (method, path, required) in PERMISSIONS {
        let operation = &described[&((*method).to_owned(), (*path).to_owned())];
        let documented = &operation["x-required-role"];
        let expected = match required {
            Required::Nothing => "none",
            Required::IngestToken => "ingest",
            Required::Viewer | Required::User => "viewer",
            Required::Responder => "responder",
            Required::Admin => "admin",
        };
        assert_eq!(documented, expected, "{method} {path}");
        let security = operation["security"].as_array();
        match required {
            Required::Nothing => assert_eq!(security.map(Vec::len), Some(0), "{method} {path}"),
            _ => assert!(security.is_some_and(|list| !list.is_empty()), "{path}"),
        }
    }
}

/// A request of an operation that changes nothing, so that all callers find the same
/// state.
fn request_of<'a>(tocsin: &'a Tocsin, method: &str, path: &str) -> Request<'a> {
    let method_name: Method = method.to_uppercase().parse().expect("a method");
    let path = path.replace("{id}", "987654321");
    let path = match path.as_str() {
        "/api/v1/alerts/export" | "/api/v1/incidents/export" | "/api/v1/audit/export" => {
            format!("{path}?format=csv")
        }
        _ => path,
    };
    let request = tocsin.request(method_name, &path).anonymous();
    let body = match path.as_str() {
        "/api/v1/webhooks/alertmanager" => {
            return request.bytes(Webhook::of([firing("A")]).bytes());
        }
        "/api/v1/incidents/acknowledge" => json!({"ids": [], "known": true, "by": "A"}),
        "/api/v1/incidents/close" => json!({"ids": [], "by": "A"}),
        _ => json!({"there": "is no such field"}),
    };
    match method {
        "get" | "delete" => request,
        _ if path.ends_with("/resend")
            || path.ends_with("/test")
            || path.ends_with("/sign-out") =>
        {
            request
        }
        _ => request.json(&body),
    }
}

async fn roles_are_enforced_for_every_operation(database: tocsin_tests::Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let tokens = [
        (Caller::Anonymous, None),
        (
            Caller::Ingest,
            Some(tocsin.create_token(&["--scope", "ingest"]).await),
        ),
        (
            Caller::Viewer,
            Some(tocsin.create_token(&["--scope", "read"]).await),
        ),
        (
            Caller::Responder,
            Some(tocsin.create_token(&["--role", "responder"]).await),
        ),
        (
            Caller::Admin,
            Some(tocsin.create_token(&["--scope", "admin"]).await),
        ),
    ];
    wait_until("the webhook requires a token", || async {
        let request = request_of(&tocsin, "post", "/api/v1/webhooks/alertmanager");
        request.send().await.status == 401
    })
    .await;
    let mut count = 0;
    for (method, path, required) in PERMISSIONS {
        for (caller, token) in &tokens {
            let mut request = request_of(&tocsin, method, path);
            if let Some(token) = token {
                request = request.authorization(&format!("Bearer {token}"));
            }
            let status = if *path == "/api/v1/events" {
                // The stream has no end.
                let mut stream = tocsin
                    .http()
                    .get(tocsin.url(path))
                    .header("accept", "text/event-stream");
                if let Some(token) = token {
                    stream = stream.bearer_auth(token);
                }
                stream.send().await.expect("a response").status().as_u16()
            } else {
                request.send().await.status.as_u16()
            };
            let context = format!("{caller:?} {method} {path}: {status}");
            count += 1;
            if is_allowed(*caller, *required) {
                // An authorized request may be invalid or name an object that does not exist.
                let is_authorized = !matches!(status, 401 | 403) && status < 500;
                assert!(is_authorized, "{context}");
            } else if *caller == Caller::Anonymous {
                assert_eq!(status, 401, "{context}");
            } else {
                assert_eq!(status, 403, "{context}");
            }
        }
    }
    assert_eq!(count, 5 * PERMISSIONS.len());
    // Undocumented paths return 401 without a credential, and otherwise 404.
    for path in ["/api/v1/nothing", "/api/v2/alerts", "/api"] {
        let anonymous = tocsin.request(Method::GET, path).anonymous();
        anonymous.send().await.problem(401);
        tocsin.get_reply(path).await.problem(404);
    }
}

on_both!(roles_are_enforced_for_every_operation);
