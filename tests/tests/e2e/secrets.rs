//! Secrets must not appear in any log, response, audit entry, metric or file.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{NewToken, SystemStatus, User};
use tocsin_tests::{
    Certificates, Database, Options, Reply, SmtpServer, Tocsin, Webhook, eventually, firing,
    on_both, team,
};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";
const TOKEN: &str = "ingest-token-4711";
const SMTP: &str = "smtp-password-1234";
const MISTYPED: &str = "wrongly-typed-5678";
const OIDC: &str = "oidc-client-secret-9012";
const FIRST: &str = "nine brown foxes 31415";
const SECOND: &str = "eleven blue whales 27182";
const RESET: &str = "twelve green parrots 16180";

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The cookie that a response sets: the pair to send back, and its secret.
fn cookie(reply: &Reply) -> (String, String) {
    let pair = reply.header("set-cookie");
    let pair = pair.split(';').next().unwrap_or_default().to_owned();
    let (_, secret) = pair.split_once('=').expect("a cookie");
    assert!(secret.len() >= 40, "{pair}");
    (pair.clone(), secret.to_owned())
}

async fn secrets_are_not_exposed(database: Database) {
    let certificates = Certificates::new();
    let server = SmtpServer::secure(&certificates, "tocsin", "another");
    let options = Options::on(database)
        .token(TOKEN)
        .secure_smtp(&server, &certificates, ("tocsin", SMTP))
        .set("auth.oidc.issuer", "http://127.0.0.1:9/")
        .set("auth.oidc.client_id", "tocsin")
        .set("auth.oidc.client_secret", OIDC)
        .set("log.level", "trace");
    let mut tocsin = Tocsin::start(options).await;
    let mut secrets: Vec<String> = [TOKEN, SMTP, MISTYPED, OIDC, FIRST, SECOND, RESET]
        .map(str::to_owned)
        .to_vec();
    secrets.push(tocsin.admin().to_owned());
    let mut outputs = Vec::new();

    // The set-up link is printed to the terminal, and not logged.
    let link = tocsin
        .log()
        .lines()
        .find_map(|line| {
            line.split_once("/set-up#")
                .map(|(_, token)| token.trim().to_owned())
        })
        .expect("the set-up link");
    let post = async |path: &str, body: &Value| {
        let request = tocsin.request(Method::POST, path).anonymous();
        request.json(body).send().await
    };
    let set_up =
        json!({"token": link, "name": "Ada", "email": "ada@example.com", "password": FIRST});
    let wrong = json!({"token": "tocsin_setup_wrong", "name": "A", "email": "a@example.com", "password": MISTYPED});
    outputs.push(post("/api/v1/set-up", &wrong).await.text());
    let first = post("/api/v1/set-up", &set_up).await.expect(201);
    outputs.push(first.text());
    let (first_cookie, secret) = cookie(&first);
    secrets.push(secret);
    // The link is used up, and the error does not repeat it.
    outputs.push(post("/api/v1/set-up", &set_up).await.text());

    for password in [MISTYPED, FIRST] {
        let body = json!({"email": "ada@example.com", "password": password});
        let reply = post("/api/v1/sign-in", &body).await;
        outputs.push(reply.text());
        if password == FIRST {
            secrets.push(cookie(&reply.expect(200)).1);
        }
    }
    // The password in the wrong field.
    let body = json!({"email": MISTYPED, "password": "ada@example.com"});
    outputs.push(post("/api/v1/sign-in", &body).await.text());
    let change = json!({"current": FIRST, "new": SECOND});
    let request = tocsin
        .request(Method::PUT, "/api/v1/me/password")
        .anonymous();
    let request = request.header("cookie", &first_cookie).json(&change);
    request.send().await.expect(204);

    let user =
        json!({"name": "Bob", "email": "bob@example.com", "role": "viewer", "password": SECOND});
    let created = tocsin
        .send(Method::POST, "/api/v1/users", &user)
        .await
        .expect(201);
    outputs.push(created.text());
    let bob: User = created.json();
    let user =
        json!({"name": "Bob", "email": "bob@example.com", "role": "viewer", "password": RESET});
    let path = format!("/api/v1/users/{}", bob.id);
    outputs.push(
        tocsin
            .send(Method::PUT, &path, &user)
            .await
            .expect(200)
            .text(),
    );
    let token = json!({"name": "script", "scopes": ["read"]});
    let created: NewToken = tocsin
        .send(Method::POST, "/api/v1/tokens", &token)
        .await
        .expect(201)
        .json();
    let script = created.secret.expect("the secret, once");
    let read: Value = tocsin
        .get(&format!("/api/v1/tokens/{}", created.token.id))
        .await;
    outputs.push(read.to_string());
    let request = tocsin.request(Method::GET, "/api/v1/alerts");
    let request = request.authorization(&format!("Bearer {script}"));
    request.send().await.expect(200);
    secrets.push(script.clone());
    tocsin
        .request(
            Method::DELETE,
            &format!("/api/v1/tokens/{}", created.token.id),
        )
        .send()
        .await
        .expect(204);
    let revoked = tocsin.request(Method::GET, "/api/v1/alerts");
    let revoked = revoked.authorization(&format!("Bearer {script}"));
    outputs.push(revoked.send().await.expect(401).text());

    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    eventually("e-mail is paused", || async {
        let status: SystemStatus = tocsin.get("/api/v1/status").await;
        status.mail.paused_since
    })
    .await;
    for path in ["/api/v1/status", WEBHOOK, "/api/v1/alerts?q=%00"] {
        let request = tocsin.request(Method::POST, path).bytes("{}");
        let request = request.authorization(&format!("Bearer {MISTYPED}"));
        outputs.push(request.send().await.text());
        let request = tocsin.request(Method::GET, path);
        let request = request.authorization(&basic("admin", MISTYPED));
        outputs.push(request.send().await.text());
    }
    for path in [
        "/metrics",
        "/api/v1/status",
        "/api/v1/notifications",
        "/api/v1/deliveries",
        "/api/v1/users",
        "/api/v1/tokens",
        "/api/v1/audit?limit=500",
        "/api/v1/audit/export?format=jsonl",
        "/openapi.json",
        "/readyz",
        "/api/v1/sign-in",
    ] {
        outputs.push(tocsin.get_reply(path).await.expect(200).text());
    }
    outputs.push(dump(&tocsin).await);
    tocsin.terminate();
    tocsin.wait_for_exit().await;
    let log = tocsin.log();
    let (printed, logged): (Vec<_>, Vec<_>) = log
        .lines()
        .partition(|line| !line.trim_start().starts_with('{'));
    outputs.push(logged.join("\n"));
    // The text printed for people has the link, but no other secret.
    outputs.push(printed.join("\n").replace(&link, ""));
    secrets.push(link);
    assert_no_secrets(&secrets, &outputs, &tocsin.data_dir());
}

/// A dump of all tables; empty on SQLite, where the files are searched instead.
async fn dump(tocsin: &Tocsin) -> String {
    let Database::Postgres(database) = tocsin.options().database().clone() else {
        return String::new();
    };
    let dumped = tokio::task::spawn_blocking(move || database.dump(&["--data-only", "--inserts"]));
    let text = dumped.await.expect("the dump");
    assert!(text.contains("ada@example.com"), "the dump is complete");
    text
}

fn assert_no_secrets(secrets: &[String], outputs: &[String], data_dir: &Path) {
    let encoded = secrets.iter().flat_map(|secret| {
        [
            STANDARD.encode(secret),
            STANDARD.encode(format!("\0tocsin\0{secret}")),
            basic("admin", secret),
        ]
    });
    let needles: Vec<String> = secrets.iter().cloned().chain(encoded).collect();
    for (index, text) in outputs.iter().enumerate() {
        for needle in &needles {
            let found = text.lines().find(|line| line.contains(needle.as_str()));
            assert_eq!(found, None, "{needle} in output {index}");
        }
    }
    for entry in std::fs::read_dir(data_dir).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        for needle in &needles {
            let found = bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} in {}", path.display());
        }
    }
}

on_both!(secrets_are_not_exposed);
