//! SQL, HTML and template injection in every user-written string: stored unchanged,
//! returned unchanged, and never interpreted.

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_tests::{Database, Options, Tocsin, Webhook, firing, on_both};

const NASTY: [&str; 5] = [
    "Robert'); DROP TABLE users;--",
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "\" OR \"\"=\"",
    "{{7*7}} ${7*7} %n%s \\",
    "=cmd|'/c calc'!A1",
];

const PASSWORD: &str = "nine brown foxes 31415";

/// The object that a GET returns after a POST. `field` is the same in both responses.
async fn create_and_read(tocsin: &Tocsin, path: &str, body: &Value, field: &str) -> Value {
    let created = tocsin.send(Method::POST, path, body).await.expect(201);
    assert!(
        created
            .header("content-type")
            .starts_with("application/json")
    );
    assert_eq!(created.header("x-content-type-options"), "nosniff");
    let created: Value = created.json();
    let created = if created["token"].is_object() {
        &created["token"]
    } else {
        &created
    };
    let read: Value = tocsin.get(&format!("{path}/{}", created["id"])).await;
    assert_eq!(created[field], read[field]);
    read
}

async fn injected_text_is_stored_unchanged(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    for (index, nasty) in NASTY.into_iter().enumerate() {
        for (path, mut body) in [
            (
                "/api/v1/recipients",
                json!({"email": format!("r{index}@example.com")}),
            ),
            ("/api/v1/groups", json!({})),
            ("/api/v1/routes", json!({"matchers": [], "groupIds": []})),
            (
                "/api/v1/users",
                json!({"email": format!("u{index}@example.com"), "role": "viewer", "password": PASSWORD}),
            ),
            ("/api/v1/tokens", json!({"scopes": ["read"]})),
        ] {
            body["name"] = nasty.into();
            let read = create_and_read(&tocsin, path, &body, "name").await;
            assert_eq!(read["name"], *nasty, "{path}");
        }
        // In a matcher, quoted as Alertmanager quotes values.
        let quoted = serde_json::to_string(nasty).expect("JSON");
        let matcher = format!("team={quoted}");
        let route = json!({"name": "r", "matchers": [matcher], "groupIds": []});
        let read = create_and_read(&tocsin, "/api/v1/routes", &route, "matchers").await;
        assert_eq!(read["matchers"], json!([matcher]));
        // In the note and the name of an acknowledgement.
        let unacknowledge = json!({"known": false});
        tocsin
            .send(Method::PATCH, "/api/v1/incidents/1", &unacknowledge)
            .await
            .expect(200);
        let acknowledge = json!({"known": true, "memo": nasty, "by": nasty});
        let changed = tocsin
            .send(Method::PATCH, "/api/v1/incidents/1", &acknowledge)
            .await;
        let changed: Value = changed.expect(200).json();
        assert_eq!(
            (&changed["memo"], &changed["knownBy"]),
            (&json!(nasty), &json!(nasty))
        );
        // In filters, which find nothing and do not fail.
        for query in ["q", "team", "severity", "alertname", "instance", "source"] {
            let encoded: String = url::form_urlencoded::byte_serialize(nasty.as_bytes()).collect();
            let found: Value = tocsin
                .get(&format!("/api/v1/alerts?{query}={encoded}"))
                .await;
            assert_eq!(found["items"], json!([]), "{query}={nasty}");
        }
        let encoded: String = url::form_urlencoded::byte_serialize(nasty.as_bytes()).collect();
        for query in ["actor", "action", "objectKind", "q"] {
            let reply = tocsin
                .get_reply(&format!("/api/v1/audit?{query}={encoded}"))
                .await;
            assert!(
                matches!(reply.status.as_u16(), 200 | 400),
                "{}",
                reply.text()
            );
        }
        // In sign-in and set-up.
        for body in [
            json!({"email": nasty, "password": nasty}),
            json!({"email": format!("u{index}@example.com"), "password": nasty}),
        ] {
            let request = tocsin.request(Method::POST, "/api/v1/sign-in").anonymous();
            let request = request.header("user-agent", "<b>' OR 1=1 --").json(&body);
            request.send().await.problem(401);
        }
        let set_up =
            json!({"token": nasty, "name": nasty, "email": "a@example.com", "password": PASSWORD});
        let request = tocsin.request(Method::POST, "/api/v1/set-up").anonymous();
        let status = request.json(&set_up).send().await.status.as_u16();
        assert!((400..500).contains(&status), "{status}");
        let token = format!(
            "Bearer {}",
            nasty.replace(|c: char| !c.is_ascii_graphic(), "")
        );
        let request = tocsin.request(Method::GET, "/api/v1/me");
        request.authorization(&token).send().await.problem(401);
    }
    // Nothing was dropped, and every change is audited unchanged.
    let users: Vec<Value> = tocsin.all("users").await;
    assert_eq!(users.len(), NASTY.len());
    let entries: Vec<Value> = tocsin.all("audit?objectKind=user&action=user.create").await;
    let names: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["after"]["name"].as_str())
        .collect();
    for nasty in NASTY {
        assert!(names.contains(&nasty), "{nasty}: {names:?}");
    }
    // User input must not become a formula in a spreadsheet.
    let csv = tocsin
        .get_reply("/api/v1/audit/export?format=csv")
        .await
        .expect(200)
        .text();
    assert!(csv.contains("'=cmd"), "{csv}");
    assert!(!csv.contains(",=cmd") && !csv.contains(",\"=cmd"), "{csv}");
}

on_both!(injected_text_is_stored_unchanged);
