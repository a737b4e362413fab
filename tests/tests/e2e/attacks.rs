//! Attacks from outside, each of which must fail.

use reqwest::header::HeaderValue;
use reqwest::{Client, Method};
use serde_json::json;
use tocsin_api_types::{Me, Role};
use tocsin_tests::{Database, Options, Tocsin, on_both, wait_until};

use super::sign_in::{PASSWORD, SIGN_IN};

on_both!(similar_unicode_email_is_another_user,);

/// Unicode case folding maps the KELVIN SIGN to `k`; mail servers treat it as another
/// letter. The owner of one mailbox must not get access to the other's account.
async fn similar_unicode_email_is_another_user(database: Database) {
    let config = "[auth.proxy]\nheader = \"X-Forwarded-Email\"\nfrom = [\"127.0.0.2\"]\n";
    let tocsin = Tocsin::start(Options::on(database).config(config)).await;
    let body = json!({
        "name": "Kim", "email": "kim@example.com", "role": "admin", "password": PASSWORD,
    });
    let created = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    created.expect(201);
    let address: std::net::IpAddr = "127.0.0.2".parse().unwrap();
    let http = Client::builder().no_proxy().local_address(address);
    let http = http.build().unwrap();
    for (email, role) in [
        ("kim@example.com", Role::Admin),
        ("KIM@EXAMPLE.COM", Role::Admin),
        ("\u{212a}im@example.com", Role::Viewer),
        ("K\u{131}m@example.com", Role::Viewer),
    ] {
        let request = http.get(tocsin.url("/api/v1/me"));
        let header = HeaderValue::from_bytes(email.as_bytes()).unwrap();
        let answer = request.header("x-forwarded-email", header).send().await;
        let me: Me = answer.unwrap().json().await.unwrap();
        assert_eq!(me.role, role, "{email}");
    }
    let body = json!({ "email": "\u{212a}im@example.com", "password": PASSWORD });
    let request = tocsin.request(Method::POST, SIGN_IN).anonymous();
    request.json(&body).send().await.problem(401);
}

/// Passwords are strings; a script may send an all-digit password as a number.
#[tokio::test]
async fn secret_of_wrong_type_is_not_echoed() {
    let tocsin = Tocsin::start(Options::default()).await;
    let secret = 48_159_265_358_979_u64;
    let user = json!({
        "name": "Kim", "email": "kim@example.com", "role": "viewer", "password": secret,
    });
    let set_up = json!({
        "token": secret, "name": "Kim", "email": "kim@example.com", "password": secret,
    });
    for (method, path, body) in [
        (
            Method::POST,
            SIGN_IN,
            json!({ "email": "kim@example.com", "password": secret }),
        ),
        (Method::POST, SIGN_IN, json!(secret.to_string())),
        (
            Method::POST,
            SIGN_IN,
            json!({ "email": "kim@example.com", "password": [secret] }),
        ),
        (
            Method::POST,
            SIGN_IN,
            json!([format!("{secret}, expected a string"), secret]),
        ),
        (Method::POST, "/api/v1/set-up", set_up),
        (Method::POST, "/api/v1/users", user.clone()),
        (Method::PUT, "/api/v1/users/1", user),
        (
            Method::POST,
            "/api/v1/tokens",
            json!({ "name": secret, "scopes": ["read"] }),
        ),
    ] {
        let request = tocsin.request(method, path);
        let reply = request.json(&body).send().await;
        reply.problem(400);
        let text = reply.text();
        assert!(!text.contains(&secret.to_string()), "{path}: {text}");
    }
}

/// Some proxies do not send X-Forwarded-For.
#[tokio::test]
async fn open_webhook_rejects_proxied_requests() {
    let tocsin = Tocsin::start(Options::default()).await;
    for (name, value) in [
        ("via", "1.1 proxy.example.com"),
        ("x-real-ip", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
    ] {
        let request = tocsin.request(Method::POST, "/webhook").anonymous();
        let reply = request.header(name, value).bytes("{}").send().await;
        reply.problem(403);
    }
}

/// A HEAD request holds no stream open, and one caller cannot use all streams.
#[tokio::test]
async fn event_streams_are_limited_per_caller() {
    let tocsin = Tocsin::start(Options::default().set("server.max_event_streams", 30)).await;
    let other = tocsin.create_token(&["--scope", "read"]).await;
    for _ in 0..40 {
        let head = tocsin.request(Method::HEAD, "/api/v1/events");
        assert_eq!(head.send().await.status, 200);
    }
    let open_stream = async |token: &str| {
        let request = tocsin.http().get(tocsin.url("/api/v1/events"));
        request.bearer_auth(token).send().await.unwrap()
    };
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(open_stream(tocsin.admin()).await);
    }
    assert!(open.iter().all(|stream| stream.status() == 200));
    let rejected = open_stream(tocsin.admin()).await;
    assert_eq!(rejected.status(), 429);
    assert!(rejected.headers().contains_key("retry-after"));
    assert_eq!(open_stream(&other).await.status(), 200);
    drop(open);
    wait_until("a stream is available again", || async {
        open_stream(tocsin.admin()).await.status() == 200
    })
    .await;
}
