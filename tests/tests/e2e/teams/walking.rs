//! Requests every operation of the OpenAPI description with every ID, and with every
//! query parameter that could find other teams' data.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tocsin_tests::{Database, on_both, workspace};

use super::{MARKER, callers, contains_marker, start_with_two_teams, their_incidents};

on_both!(no_operation_returns_data_of_another_team);

/// Greater than every ID in these tests.
const MAX_ID: i64 = 60;

/// A documented operation.
struct Operation {
    method: Method,
    path: String,
    parameters: Vec<String>,
    has_body: bool,
}

fn operations() -> Vec<Operation> {
    let text = std::fs::read_to_string(workspace().join("openapi/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned();
            let in_query = |parameter: &Value| {
                let parameter = match parameter["$ref"].as_str() {
                    Some(at) => document.pointer(at.trim_start_matches('#')).unwrap(),
                    None => parameter,
                };
                let name = parameter["name"].as_str().unwrap().to_owned();
                match parameter["in"].as_str().unwrap() {
                    "query" => Some(name),
                    "header" => None,
                    "path" => {
                        assert_eq!(name, "id", "{path}: this test only tries IDs");
                        None
                    }
                    other => panic!("{path}: a parameter in the {other}"),
                }
            };
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                parameters: parameters.iter().flatten().filter_map(in_query).collect(),
                has_body: !operation["requestBody"].is_null(),
            });
        }
    }
    operations
}

/// Values with which a caller could find the other team's alerts. The test fails for a
/// parameter that is missing here.
fn values(parameter: &str, cursors: &[String]) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match parameter {
        "severity" | "team" | "q" => words(&[MARKER]),
        "alertname" => words(&["ZqxtheirsDown", "ZqxtheirsFull"]),
        "instance" => vec![format!("{MARKER}-host")],
        "source" => vec![format!("{MARKER}-source"), "alertmanager".to_owned()],
        "label" => vec![
            format!("team=\"{MARKER}\""),
            "team!=\"ours\"".to_owned(),
            "team=~\".*\"".to_owned(),
        ],
        "status" => words(&["firing", "resolved"]),
        "state" => words(&[
            "open", "resolved", "expired", "closed", "canceled", "sent", "written", "failed",
        ]),
        "known" | "stale" | "count" | "unrouted" => words(&["true", "false"]),
        "from" | "startsFrom" | "endsFrom" => words(&["2000-01-01T00:00:00Z"]),
        "to" | "startsTo" | "endsTo" => words(&["2100-01-01T00:00:00Z"]),
        "order" => words(&["asc", "desc"]),
        "sort" => words(&["lastSeenAt", "startsAt", "duration", "occurrences"]),
        "limit" => words(&["1", "100"]),
        "cursor" => cursors.to_vec(),
        "by" => words(&["alertname", "instance", "team"]),
        "bucket" => words(&["hour", "day"]),
        "timeZone" => words(&["Asia/Shanghai"]),
        // A workbook is compressed; it has the same rows.
        "format" => words(&["csv", "jsonl"]),
        "outcome" => words(&["accepted", "refused"]),
        "incidentId" | "recipientId" | "routeId" | "objectId" => {
            (1..=MAX_ID).map(|id| id.to_string()).collect()
        }
        // Used by operations for administrators only, who see all alerts.
        "actor" | "action" | "objectKind" => words(&["user"]),
        // Used in sign-in only.
        "code" | "error" | "iss" | "returnTo" => words(&["x"]),
        // The event stream has its own test.
        "lastEventId" => Vec::new(),
        other => panic!("add values of {other} that could find another team's alerts"),
    }
}

/// Request bodies of an operation.
fn body(path: &str) -> Vec<Value> {
    match path {
        "/api/v1/incidents/{id}" => vec![
            json!({"known": false, "memo": "mine"}),
            json!({"state": "closed"}),
        ],
        "/api/v1/incidents/acknowledge" => vec![
            json!({"ids": (1..=MAX_ID).collect::<Vec<_>>(), "known": false}),
            json!({"filter": {}, "known": false, "memo": "mine"}),
            json!({"filter": {"label": [format!("team=\"{MARKER}\"")]}, "known": false}),
        ],
        "/api/v1/incidents/close" => vec![
            json!({"ids": (1..=MAX_ID).collect::<Vec<_>>()}),
            json!({"filter": {}, "memo": "mine"}),
            json!({"filter": {"label": [format!("team=\"{MARKER}\"")]}}),
        ],
        _ => vec![json!({})],
    }
}

async fn no_operation_returns_data_of_another_team(database: Database) {
    let tocsin = start_with_two_teams(database).await;
    let mut cursors = Vec::new();
    for list in ["alerts", "incidents", "notifications", "deliveries"] {
        let page: Value = tocsin.get(&format!("/api/v1/{list}?limit=2")).await;
        cursors.push(page["nextCursor"].as_str().unwrap().to_owned());
    }
    // The marker is found without restrictions.
    for list in ["alerts", "incidents", "notifications", "deliveries"] {
        assert!(
            contains_marker(&tocsin.get_reply(&format!("/api/v1/{list}")).await),
            "{list}"
        );
    }
    let before = their_incidents(&tocsin).await;
    let callers = callers(&tocsin).await;
    let mut count = 0;
    for operation in operations() {
        let Operation {
            method,
            path,
            parameters,
            has_body,
        } = &operation;
        // The event stream has its own test; the webhook and sign-in return no alerts.
        let skipped = [
            "/api/v1/events",
            "/api/v1/webhooks",
            "/api/v1/sign-",
            "/api/v1/set-up",
        ];
        if skipped.iter().any(|prefix| path.starts_with(prefix)) {
            continue;
        }
        for caller in &callers {
            // The user must stay signed in.
            if caller.name == "a user" && path.starts_with("/api/v1/me") && method != Method::GET {
                continue;
            }
            for url in urls(path, parameters, &cursors) {
                let bodies = if *has_body {
                    body(path).into_iter().map(Some).collect()
                } else {
                    vec![None]
                };
                for body in bodies {
                    let reply = caller.request(&tocsin, method.clone(), &url, body).await;
                    let context = format!("{} {method} {url}: {}", caller.name, reply.status);
                    assert!(
                        reply.status != StatusCode::UNAUTHORIZED && !reply.status.is_server_error(),
                        "{context}"
                    );
                    assert!(!contains_marker(&reply), "{context} {}", reply.text());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 2_000, "{count}");
    assert_eq!(their_incidents(&tocsin).await, before);
}

/// The URLs to request: with every ID, and with every value of each parameter.
fn urls(path: &str, parameters: &[String], cursors: &[String]) -> Vec<String> {
    let paths: Vec<String> = match path.contains("{id}") {
        true => (1..=MAX_ID)
            .map(|id| path.replace("{id}", &id.to_string()))
            .collect(),
        false => vec![path.to_owned()],
    };
    let mut urls = paths.clone();
    for name in parameters {
        for value in values(name, cursors) {
            let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            urls.push(format!("{}?{name}={value}", paths[0]));
        }
    }
    urls
}
