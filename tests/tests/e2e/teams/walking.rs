//! Every operation of the description, asked for every number and by every
//! parameter that could find something.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tocsin_tests::{Database, on_both, workspace};

use super::{MARK, all_of_theirs, askers, is_told, told};

on_both!(nothing_of_another_team_is_told_anywhere);

/// Beyond every number of every object in these tests.
const NUMBERS: i64 = 60;

/// An operation of the description.
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
                        assert_eq!(name, "id", "{path}: only numbers are guessed here");
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

/// What somebody asks for who looks for the other team's alerts. A parameter
/// that is not here makes the test fail: say what would find them by it.
fn guesses(parameter: &str, cursors: &[String]) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match parameter {
        "severity" | "team" | "q" => words(&[MARK]),
        "alertname" => words(&["ZqxtheirsDown", "ZqxtheirsFull"]),
        "instance" => vec![format!("{MARK}-host")],
        "source" => vec![format!("{MARK}-source"), "alertmanager".to_owned()],
        "label" => vec![
            format!("team=\"{MARK}\""),
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
        // A workbook is packed; its rows are those of the others.
        "format" => words(&["csv", "jsonl"]),
        "outcome" => words(&["accepted", "refused"]),
        "incidentId" | "recipientId" | "routeId" | "objectId" => {
            (1..=NUMBERS).map(|number| number.to_string()).collect()
        }
        // Of what only administrators see, who see everything.
        "actor" | "action" | "objectKind" => words(&["user"]),
        // Of coming in.
        "code" | "error" | "iss" | "returnTo" => words(&["x"]),
        // The stream has a test of its own.
        "lastEventId" => Vec::new(),
        other => panic!("nobody has said what {other} could find of another team's alerts"),
    }
}

/// A body for whatever takes one.
fn body(path: &str) -> Vec<Value> {
    match path {
        "/api/v1/incidents/{id}" => vec![
            json!({"known": false, "memo": "mine"}),
            json!({"state": "closed"}),
        ],
        "/api/v1/incidents/acknowledge" => vec![
            json!({"ids": (1..=NUMBERS).collect::<Vec<_>>(), "known": false}),
            json!({"filter": {}, "known": false, "memo": "mine"}),
            json!({"filter": {"label": [format!("team=\"{MARK}\"")]}, "known": false}),
        ],
        "/api/v1/incidents/close" => vec![
            json!({"ids": (1..=NUMBERS).collect::<Vec<_>>()}),
            json!({"filter": {}, "memo": "mine"}),
            json!({"filter": {"label": [format!("team=\"{MARK}\"")]}}),
        ],
        _ => vec![json!({})],
    }
}

async fn nothing_of_another_team_is_told_anywhere(database: Database) {
    let tocsin = told(database).await;
    let mut cursors = Vec::new();
    for list in ["alerts", "incidents", "notifications", "deliveries"] {
        let page: Value = tocsin.get(&format!("/api/v1/{list}?limit=2")).await;
        cursors.push(page["nextCursor"].as_str().unwrap().to_owned());
    }
    // The marks are there to be found.
    for list in ["alerts", "incidents", "notifications", "deliveries"] {
        assert!(
            is_told(&tocsin.look(&format!("/api/v1/{list}")).await),
            "{list}"
        );
    }
    let before = all_of_theirs(&tocsin).await;
    let askers = askers(&tocsin).await;
    let mut asked = 0;
    for operation in operations() {
        let Operation {
            method,
            path,
            parameters,
            has_body,
        } = &operation;
        // The stream has no end, and a test of its own; the webhook and the ways
        // in and out are nothing that is read.
        let apart = [
            "/api/v1/events",
            "/api/v1/webhooks",
            "/api/v1/sign-",
            "/api/v1/set-up",
        ];
        if apart.iter().any(|begin| path.starts_with(begin)) {
            continue;
        }
        for asker in &askers {
            // Who ends their own session learns nothing more.
            if asker.name == "a user" && path.starts_with("/api/v1/me") && method != Method::GET {
                continue;
            }
            for address in addresses(path, parameters, &cursors) {
                let bodies = if *has_body {
                    body(path).into_iter().map(Some).collect()
                } else {
                    vec![None]
                };
                for body in bodies {
                    let reply = asker.ask(&tocsin, method.clone(), &address, body).await;
                    let what = format!("{} {method} {address}: {}", asker.name, reply.status);
                    assert!(
                        reply.status != StatusCode::UNAUTHORIZED && !reply.status.is_server_error(),
                        "{what}"
                    );
                    assert!(!is_told(&reply), "{what} {}", reply.text());
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 2_000, "{asked}");
    assert_eq!(all_of_theirs(&tocsin).await, before);
}

/// The addresses that an operation is asked at: every number, and every guess.
fn addresses(path: &str, parameters: &[String], cursors: &[String]) -> Vec<String> {
    let paths: Vec<String> = match path.contains("{id}") {
        true => (1..=NUMBERS)
            .map(|id| path.replace("{id}", &id.to_string()))
            .collect(),
        false => vec![path.to_owned()],
    };
    let mut addresses = paths.clone();
    for name in parameters {
        for value in guesses(name, cursors) {
            let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            addresses.push(format!("{}?{name}={value}", paths[0]));
        }
    }
    addresses
}
