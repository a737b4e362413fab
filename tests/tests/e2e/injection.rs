//! SQL, HTML and worse in every text that people write: it is stored as it is,
//! given back as it is, and does nothing.

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

/// What answers give back of `field` after a POST and a fresh GET.
async fn there_and_back(tocsin: &Tocsin, path: &str, body: &Value, at: &str) -> Value {
    let made = tocsin.send(Method::POST, path, body).await.expect(201);
    assert!(made.header("content-type").starts_with("application/json"));
    assert_eq!(made.header("x-content-type-options"), "nosniff");
    let made: Value = made.json();
    let made = if made["token"].is_object() {
        &made["token"]
    } else {
        &made
    };
    let read: Value = tocsin.get(&format!("{path}/{}", made["id"])).await;
    assert_eq!(made[at], read[at]);
    read
}

async fn texts_do_nothing(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    for (number, nasty) in NASTY.into_iter().enumerate() {
        for (path, mut body) in [
            (
                "/api/v1/recipients",
                json!({"email": format!("r{number}@example.com")}),
            ),
            ("/api/v1/groups", json!({})),
            ("/api/v1/routes", json!({"matchers": [], "groupIds": []})),
            (
                "/api/v1/users",
                json!({"email": format!("u{number}@example.com"), "role": "viewer", "password": PASSWORD}),
            ),
            ("/api/v1/tokens", json!({"scopes": ["read"]})),
        ] {
            body["name"] = nasty.into();
            let read = there_and_back(&tocsin, path, &body, "name").await;
            assert_eq!(read["name"], *nasty, "{path}");
        }
        // In a matcher, quoted as Alertmanager quotes.
        let quoted = serde_json::to_string(nasty).expect("JSON");
        let matcher = format!("team={quoted}");
        let route = json!({"name": "r", "matchers": [matcher], "groupIds": []});
        let read = there_and_back(&tocsin, "/api/v1/routes", &route, "matchers").await;
        assert_eq!(read["matchers"], json!([matcher]));
        // In what is said of an incident.
        let taken_back = json!({"known": false});
        tocsin
            .send(Method::PATCH, "/api/v1/incidents/1", &taken_back)
            .await
            .expect(200);
        let said = json!({"known": true, "memo": nasty, "by": nasty});
        let changed = tocsin
            .send(Method::PATCH, "/api/v1/incidents/1", &said)
            .await;
        let changed: Value = changed.expect(200).json();
        assert_eq!(
            (&changed["memo"], &changed["knownBy"]),
            (&json!(nasty), &json!(nasty))
        );
        // Where nothing is found by it, nothing is broken by it.
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
                .look(&format!("/api/v1/audit?{query}={encoded}"))
                .await;
            assert!(
                matches!(reply.status.as_u16(), 200 | 400),
                "{}",
                reply.text()
            );
        }
        // Where somebody is asked who they are.
        for body in [
            json!({"email": nasty, "password": nasty}),
            json!({"email": format!("u{number}@example.com"), "password": nasty}),
        ] {
            let request = tocsin.request(Method::POST, "/api/v1/sign-in").anonymous();
            let request = request.header("user-agent", "<b>' OR 1=1 --").json(&body);
            request.send().await.problem(401);
        }
        let set_up =
            json!({"token": nasty, "name": nasty, "email": "a@example.com", "password": PASSWORD});
        let request = tocsin.request(Method::POST, "/api/v1/set-up").anonymous();
        let refused = request.json(&set_up).send().await.status.as_u16();
        assert!((400..500).contains(&refused), "{refused}");
        let token = format!(
            "Bearer {}",
            nasty.replace(|c: char| !c.is_ascii_graphic(), "")
        );
        let request = tocsin.request(Method::GET, "/api/v1/me");
        request.authorization(&token).send().await.problem(401);
    }
    // Nothing was dropped, and every change is written down as it was.
    let users: Vec<Value> = tocsin.all("users").await;
    assert_eq!(users.len(), NASTY.len());
    let written: Vec<Value> = tocsin.all("audit?objectKind=user&action=user.create").await;
    let names: Vec<&str> = written
        .iter()
        .filter_map(|line| line["after"]["name"].as_str())
        .collect();
    for nasty in NASTY {
        assert!(names.contains(&nasty), "{nasty}: {names:?}");
    }
    // A spreadsheet must not take what people wrote for a formula.
    let csv = tocsin
        .look("/api/v1/audit/export?format=csv")
        .await
        .expect(200)
        .text();
    assert!(csv.contains("'=cmd"), "{csv}");
    assert!(!csv.contains(",=cmd") && !csv.contains(",\"=cmd"), "{csv}");
}

on_both!(texts_do_nothing);
