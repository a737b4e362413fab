//! Tokens as administrators see them: made, used, revoked.

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{NewToken, Page, Role, Scope, Token};
use tocsin_tests::{
    Database, Options, Reply, Request, Tocsin, Webhook, firing, now, on_both, wait_until,
};

on_both!(
    tokens_open_what_they_say_and_end,
    tokens_are_checked_field_by_field,
);

const TOKENS: &str = "/api/v1/tokens";

async fn start(database: Database) -> Tocsin {
    Tocsin::start(Options::on(database)).await
}

async fn post(tocsin: &Tocsin, path: &str, body: &Value) -> Reply {
    tocsin.send(Method::POST, path, body).await
}

fn on<'a>(tocsin: &'a Tocsin, method: Method, path: &str, id: i64) -> Request<'a> {
    tocsin.request(method, &format!("{path}/{id}"))
}

async fn tokens_open_what_they_say_and_end(database: Database) {
    let tocsin = start(database).await;
    let make = async |body: Value| {
        let made: NewToken = post(&tocsin, TOKENS, &body).await.expect(201).json();
        (made.secret.unwrap(), made.token)
    };
    let get = async |secret: &str, path: &str| {
        let request = tocsin.request(Method::GET, path);
        let request = request.authorization(&format!("Bearer {secret}"));
        request.send().await
    };
    let (secret, token) = make(json!({"name": "graphs", "scopes": ["respond", "read"]})).await;
    assert!(secret.starts_with("tocsin_") && secret.starts_with(&token.hint));
    assert_eq!(secret.len(), "tocsin_".len() + 49);
    assert!(token.hint.len() < 16, "{}", token.hint);
    assert_eq!(token.scopes, [Scope::Read, Scope::Respond]);
    assert_eq!(token.role, Some(Role::Responder));
    assert_eq!(token.created_by, "tests");
    get(&secret, "/api/v1/incidents").await.expect(200);
    get(&secret, "/api/v1/users").await.problem(403);
    wait_until("its use is noted", || async {
        let is: Token = tocsin.get(&format!("{TOKENS}/{}", token.id)).await;
        is.last_used_at.is_some()
    })
    .await;

    let body = json!({"name": "eu", "scopes": ["ingest"], "source": "eu"});
    let (sender, of_sender) = make(body).await;
    assert_eq!(
        (of_sender.role, of_sender.source.as_deref()),
        (None, Some("eu"))
    );
    get(&sender, "/api/v1/incidents").await.problem(403);
    let body = Webhook::of([firing("DiskFull")]).bytes();
    let request = tocsin.request(Method::POST, "/api/v1/webhooks/alertmanager");
    let request = request.authorization(&format!("Bearer {sender}"));
    request
        .header("content-type", "application/json")
        .bytes(body)
        .send()
        .await
        .expect(200);

    let revoke = || on(&tocsin, Method::DELETE, TOKENS, token.id).send();
    revoke().await.expect(204);
    let refused = get(&secret, "/api/v1/incidents").await.problem(401);
    assert!(refused.detail.contains("revoked"), "{}", refused.detail);
    // Once is for good, twice is once.
    let is: Token = tocsin.get(&format!("{TOKENS}/{}", token.id)).await;
    revoke().await.expect(204);
    let still: Token = tocsin.get(&format!("{TOKENS}/{}", token.id)).await;
    assert!(is.revoked_at.is_some() && is.revoked_at == still.revoked_at);

    let soon = now() + chrono::TimeDelta::seconds(2);
    let (short, _) = make(json!({"name": "short", "role": "viewer", "expiresAt": soon})).await;
    wait_until("it expires", || async {
        let reply = get(&short, "/api/v1/incidents").await;
        reply.status == 401 && reply.problem(401).detail.contains("expired")
    })
    .await;
    let all: Page<Token> = tocsin.get(TOKENS).await;
    let names: Vec<&str> = all.items.iter().map(|token| &*token.name).collect();
    assert_eq!(names, ["tests", "graphs", "eu", "short"]);
    let listed = tocsin.look(TOKENS).await.text();
    for secret in [&secret, &sender, &short] {
        assert!(!listed.contains(secret.as_str()));
    }
    on(&tocsin, Method::GET, TOKENS, 99)
        .send()
        .await
        .problem(404);
    on(&tocsin, Method::DELETE, TOKENS, 99)
        .send()
        .await
        .problem(404);
}

async fn tokens_are_checked_field_by_field(database: Database) {
    let tocsin = start(database).await;
    for (body, field) in [
        (json!({"name": ""  , "role": "viewer"}), "name"),
        (json!({"name": "x"}), "scopes"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": ["ingest", "read"]}), "scopes"),
        (
            json!({"name": "x", "scopes": ["read"], "role": "viewer"}),
            "role",
        ),
        (
            json!({"name": "x", "scopes": ["read"], "source": "eu"}),
            "source",
        ),
        (
            json!({"name": "x", "scopes": ["ingest"], "source": "e u"}),
            "source",
        ),
        (
            json!({"name": "x", "scopes": ["ingest"], "matchers": ["a=b"]}),
            "matchers",
        ),
        (
            json!({"name": "x", "role": "admin", "matchers": ["a=b"]}),
            "matchers",
        ),
        (
            json!({"name": "x", "role": "viewer", "matchers": ["a"]}),
            "matchers[0]",
        ),
        (
            json!({"name": "x", "role": "viewer", "expiresAt": "2020-01-01T00:00:00Z"}),
            "expiresAt",
        ),
    ] {
        let reply = post(&tocsin, TOKENS, &body).await;
        let status = reply.status.as_u16();
        assert!([400, 422].contains(&status), "{body}: {}", reply.text());
        assert_eq!(reply.fields(status), [field], "{body}");
    }
    let all: Page<Token> = tocsin.get(TOKENS).await;
    assert_eq!(all.items.len(), 1);
}
