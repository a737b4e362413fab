//! Who may do what: every operation of the API, asked by everyone.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_tests::{Options, Request, Tocsin, Webhook, firing, on_both, wait_until, workspace};

/// Whom an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Whoever asks, without any credential.
    Everyone,
    /// Ingest tokens, and nobody else.
    Senders,
    /// Roles from this one on.
    Viewers,
    /// See there.
    Responders,
    /// See there.
    Admins,
    /// Persons who are signed in, whatever their role; no token.
    Persons,
}

/// The decision about every operation. Written here a second time, on purpose:
/// the program's own table cannot be its judge.
const DECISIONS: &[(&str, &str, For)] = &[
    ("get", "/healthz", For::Everyone),
    ("get", "/readyz", For::Everyone),
    ("get", "/api/v1/sign-in", For::Everyone),
    ("post", "/api/v1/sign-in", For::Everyone),
    ("post", "/api/v1/sign-out", For::Everyone),
    ("post", "/api/v1/set-up", For::Everyone),
    ("get", "/api/v1/sign-in/oidc", For::Everyone),
    ("get", "/api/v1/sign-in/oidc/callback", For::Everyone),
    ("post", "/api/v1/webhooks/alertmanager", For::Senders),
    ("put", "/api/v1/webhooks/alertmanager", For::Senders),
    ("get", "/api/v1/me", For::Viewers),
    ("put", "/api/v1/me", For::Persons),
    ("put", "/api/v1/me/password", For::Persons),
    ("get", "/api/v1/me/sessions", For::Persons),
    ("delete", "/api/v1/me/sessions", For::Persons),
    ("delete", "/api/v1/me/sessions/{id}", For::Persons),
    ("get", "/api/v1/alerts", For::Viewers),
    ("get", "/api/v1/alerts/export", For::Viewers),
    ("get", "/api/v1/alerts/{id}", For::Viewers),
    ("post", "/api/v1/alerts/test", For::Responders),
    ("get", "/api/v1/deliveries", For::Viewers),
    ("get", "/api/v1/deliveries/{id}", For::Viewers),
    ("get", "/api/v1/deliveries/{id}/raw", For::Viewers),
    ("get", "/api/v1/incidents", For::Viewers),
    ("get", "/api/v1/incidents/export", For::Viewers),
    ("get", "/api/v1/incidents/{id}", For::Viewers),
    ("patch", "/api/v1/incidents/{id}", For::Responders),
    ("post", "/api/v1/incidents/acknowledge", For::Responders),
    ("post", "/api/v1/incidents/close", For::Responders),
    ("get", "/api/v1/stats/summary", For::Viewers),
    ("get", "/api/v1/stats/top", For::Viewers),
    ("get", "/api/v1/stats/timeline", For::Viewers),
    ("get", "/api/v1/stats/heatmap", For::Viewers),
    ("get", "/api/v1/recipients", For::Viewers),
    ("post", "/api/v1/recipients", For::Admins),
    ("get", "/api/v1/recipients/{id}", For::Viewers),
    ("put", "/api/v1/recipients/{id}", For::Admins),
    ("delete", "/api/v1/recipients/{id}", For::Admins),
    ("get", "/api/v1/groups", For::Viewers),
    ("post", "/api/v1/groups", For::Admins),
    ("get", "/api/v1/groups/{id}", For::Viewers),
    ("put", "/api/v1/groups/{id}", For::Admins),
    ("delete", "/api/v1/groups/{id}", For::Admins),
    ("get", "/api/v1/routes", For::Viewers),
    ("post", "/api/v1/routes", For::Admins),
    ("put", "/api/v1/routes/order", For::Admins),
    ("get", "/api/v1/routes/team", For::Viewers),
    ("put", "/api/v1/routes/team", For::Admins),
    ("get", "/api/v1/routes/{id}", For::Viewers),
    ("put", "/api/v1/routes/{id}", For::Admins),
    ("delete", "/api/v1/routes/{id}", For::Admins),
    ("get", "/api/v1/notifications", For::Viewers),
    ("get", "/api/v1/notifications/{id}", For::Viewers),
    ("post", "/api/v1/notifications/{id}/resend", For::Responders),
    ("get", "/api/v1/users", For::Admins),
    ("post", "/api/v1/users", For::Admins),
    ("get", "/api/v1/users/{id}", For::Admins),
    ("put", "/api/v1/users/{id}", For::Admins),
    ("delete", "/api/v1/users/{id}", For::Admins),
    ("delete", "/api/v1/users/{id}/sessions", For::Admins),
    ("get", "/api/v1/tokens", For::Admins),
    ("post", "/api/v1/tokens", For::Admins),
    ("get", "/api/v1/tokens/{id}", For::Admins),
    ("delete", "/api/v1/tokens/{id}", For::Admins),
    ("get", "/api/v1/audit", For::Admins),
    ("get", "/api/v1/audit/export", For::Admins),
    ("get", "/api/v1/audit/{id}", For::Admins),
    ("get", "/api/v1/events", For::Viewers),
    ("get", "/api/v1/status", For::Viewers),
    ("get", "/api/v1/storage", For::Viewers),
    ("get", "/metrics", For::Viewers),
];

/// Those who ask, from the least to the most that they may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asker {
    Stranger,
    Sender,
    Viewer,
    Responder,
    Admin,
}

fn is_let_in(asker: Asker, whom: For) -> bool {
    match whom {
        For::Everyone => true,
        For::Senders => asker == Asker::Sender,
        For::Viewers => asker >= Asker::Viewer,
        For::Responders => asker >= Asker::Responder,
        For::Admins => asker == Asker::Admin,
        // The askers here have tokens.
        For::Persons => false,
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
fn every_operation_has_a_decision() {
    let described = described();
    let decided: BTreeMap<_, _> = DECISIONS
        .iter()
        .map(|(method, path, whom)| (((*method).to_owned(), (*path).to_owned()), *whom))
        .collect();
    for operation in described.keys() {
        assert!(
            decided.contains_key(operation),
            "{operation:?} has no decision: say in this file whom it is for"
        );
    }
    for operation in decided.keys() {
        assert!(described.contains_key(operation), "{operation:?} is gone");
    }
}

/// The description says the same of every operation, for those who write
/// clients.
#[test]
fn the_description_says_the_role() {
    let described = described();
    for (method, path, whom) in DECISIONS {
        let operation = &described[&((*method).to_owned(), (*path).to_owned())];
        let said = &operation["x-required-role"];
        let expected = match whom {
            For::Everyone => "none",
            For::Senders => "ingest",
            For::Viewers | For::Persons => "viewer",
            For::Responders => "responder",
            For::Admins => "admin",
        };
        assert_eq!(said, expected, "{method} {path}");
        let security = operation["security"].as_array();
        match whom {
            For::Everyone => assert_eq!(security.map(Vec::len), Some(0), "{method} {path}"),
            _ => assert!(security.is_some_and(|list| !list.is_empty()), "{path}"),
        }
    }
}

/// The request that an operation is asked with: one that changes nothing, or
/// nothing of use, so that all askers find the same.
fn ask<'a>(tocsin: &'a Tocsin, method: &str, path: &str) -> Request<'a> {
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

async fn everyone_may_do_what_their_role_says_and_no_more(database: tocsin_tests::Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let tokens = [
        (Asker::Stranger, None),
        (
            Asker::Sender,
            Some(tocsin.make_token(&["--scope", "ingest"]).await),
        ),
        (
            Asker::Viewer,
            Some(tocsin.make_token(&["--scope", "read"]).await),
        ),
        (
            Asker::Responder,
            Some(tocsin.make_token(&["--role", "responder"]).await),
        ),
        (
            Asker::Admin,
            Some(tocsin.make_token(&["--scope", "admin"]).await),
        ),
    ];
    wait_until("the webhook wants a token", || async {
        let request = ask(&tocsin, "post", "/api/v1/webhooks/alertmanager");
        request.send().await.status == 401
    })
    .await;
    let mut asked = 0;
    for (method, path, whom) in DECISIONS {
        for (asker, token) in &tokens {
            let mut request = ask(&tocsin, method, path);
            if let Some(token) = token {
                request = request.authorization(&format!("Bearer {token}"));
            }
            let status = if *path == "/api/v1/events" {
                // Its body has no end.
                let mut stream = tocsin
                    .http()
                    .get(tocsin.url(path))
                    .header("accept", "text/event-stream");
                if let Some(token) = token {
                    stream = stream.bearer_auth(token);
                }
                stream.send().await.expect("an answer").status().as_u16()
            } else {
                request.send().await.status.as_u16()
            };
            let place = format!("{asker:?} {method} {path}: {status}");
            asked += 1;
            if is_let_in(*asker, *whom) {
                // What is asked may be nonsense or nowhere, but it is looked at.
                // Signing in with nonsense is refused as any wrong password is.
                let fine = !matches!(status, 401 | 403) && status < 500;
                assert!(fine, "{place}");
            } else if *asker == Asker::Stranger {
                assert_eq!(status, 401, "{place}");
            } else {
                assert_eq!(status, 403, "{place}");
            }
        }
    }
    assert_eq!(asked, 5 * DECISIONS.len());
    // What nobody described is nowhere: it tells strangers nothing, and others 404.
    for path in ["/api/v1/nothing", "/api/v2/alerts", "/api"] {
        let stranger = tocsin.request(Method::GET, path).anonymous();
        stranger.send().await.problem(401);
        tocsin.look(path).await.problem(404);
    }
}

on_both!(everyone_may_do_what_their_role_says_and_no_more);
