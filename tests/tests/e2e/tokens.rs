//! Token administration: creating, using and revoking tokens.

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{NewToken, Page, Role, Scope, Token};
use tocsin_tests::{
    Database, Options, Reply, Request, Tocsin, Webhook, firing, now, on_both, wait_until,
};

on_both!(
    tokens_permit_their_scopes_until_revoked_or_expired,
    token_fields_are_validated,
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

async fn tokens_permit_their_scopes_until_revoked_or_expired(database: Database) {
    let tocsin = start(database).await;
    let create = async |body: Value| {
        let created: NewToken = post(&tocsin, TOKENS, &body).await.expect(201).json();
        (created.secret.unwrap(), created.token)
    };
    let get = async |secret: &str, path: &str| {
        let request = tocsin.request(Method::GET, path);
        let request = request.authorization(&format!("Bearer {secret}"));
        request.send().await
    };
    let (secret, token) = create(json!({"name": "graphs", "scopes": ["respond", "read"]})).await;
    assert!(secret.starts_with("tocsin_") && secret.starts_with(&token.hint));
    assert_eq!(secret.len(), "tocsin_".len() + 49);
    assert!(token.hint.len() < 16, "{}", token.hint);
    assert_eq!(token.scopes, [Scope::Read, Scope::Respond]);
    assert_eq!(token.role, Some(Role::Responder));
    assert_eq!(token.created_by, "tests");
    get(&secret, "/api/v1/incidents").await.expect(200);
    get(&secret, "/api/v1/users").await.problem(403);
    wait_until("the last use is recorded", || async {
        let read: Token = tocsin.get(&format!("{TOKENS}/{}", token.id)).await;
        read.last_used_at.is_some()
    })
    .await;

    let body = json!({"name": "eu", "scopes": ["ingest"], "source": "eu"});
    let (sender, sender_token) = create(body).await;
    assert_eq!(
        (sender_token.role, sender_token.source.as_deref()),
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
    let rejected = get(&secret, "/api/v1/incidents").await.problem(401);
    assert!(rejected.detail.contains("revoked"), "{}", rejected.detail);
    // Revoking a token twice changes nothing.
    let first: Token = tocsin.get(&format!("{TOKENS}/{}", token.id)).await;
    revoke().await.expect(204);
    let second: Token = tocsin.get(&format!("{TOKENS}/{}", token.id)).await;
    assert!(first.revoked_at.is_some() && first.revoked_at == second.revoked_at);

    let soon = now() + chrono::TimeDelta::seconds(2);
    let (short, _) = create(json!({"name": "short", "role": "viewer", "expiresAt": soon})).await;
    wait_until("the token expires", || async {
        let reply = get(&short, "/api/v1/incidents").await;
        reply.status == 401 && reply.problem(401).detail.contains("expired")
    })
    .await;
    let all: Page<Token> = tocsin.get(TOKENS).await;
    let names: Vec<&str> = all.items.iter().map(|token| &*token.name).collect();
    assert_eq!(names, ["tests", "graphs", "eu", "short"]);
    let listed = tocsin.get_reply(TOKENS).await.text();
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

async fn token_fields_are_validated(database: Database) {
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
