//! Ways in that somebody tried from outside, each shut.

use reqwest::header::HeaderValue;
use reqwest::{Client, Method};
use serde_json::json;
use tocsin_api_types::{Me, Role};
use tocsin_tests::{Database, Options, Tocsin, on_both, wait_until};

use super::sign_in::{PASSWORD, SIGN_IN};

on_both!(an_address_that_looks_alike_is_anothers,);

/// The KELVIN SIGN is a capital of `k`, as far as Unicode goes; for mail servers
/// it is another letter. Whoever has the one mailbox must not get into the
/// account of the other.
async fn an_address_that_looks_alike_is_anothers(database: Database) {
    let config = "[auth.proxy]\nheader = \"X-Forwarded-Email\"\nfrom = [\"127.0.0.2\"]\n";
    let tocsin = Tocsin::start(Options::on(database).config(config)).await;
    let body = json!({
        "name": "Kim", "email": "kim@example.com", "role": "admin", "password": PASSWORD,
    });
    let made = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    made.expect(201);
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
        let told = HeaderValue::from_bytes(email.as_bytes()).unwrap();
        let answer = request.header("x-forwarded-email", told).send().await;
        let me: Me = answer.unwrap().json().await.unwrap();
        assert_eq!(me.role, role, "{email}");
    }
    let body = json!({ "email": "\u{212a}im@example.com", "password": PASSWORD });
    let request = tocsin.request(Method::POST, SIGN_IN).anonymous();
    request.json(&body).send().await.problem(401);
}

/// Passwords are text; some of them are also numbers, and a script in a hurry
/// sends them so.
#[tokio::test]
async fn a_secret_of_the_wrong_type_is_not_told_back() {
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

/// Rule 11: not every proxy says so by X-Forwarded-For.
#[tokio::test]
async fn what_any_proxy_sends_on_finds_the_open_webhook_shut() {
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

/// HEAD of a stream has no body whose end could be waited for, and one caller
/// leaves streams to others.
#[tokio::test]
async fn one_caller_does_not_take_all_event_streams() {
    let tocsin = Tocsin::start(Options::default().set("server.max_event_streams", 30)).await;
    let other = tocsin.make_token(&["--scope", "read"]).await;
    for _ in 0..40 {
        let head = tocsin.request(Method::HEAD, "/api/v1/events");
        assert_eq!(head.send().await.status, 200);
    }
    let follow = async |token: &str| {
        let request = tocsin.http().get(tocsin.url("/api/v1/events"));
        request.bearer_auth(token).send().await.unwrap()
    };
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(follow(tocsin.admin()).await);
    }
    assert!(open.iter().all(|stream| stream.status() == 200));
    let refused = follow(tocsin.admin()).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(follow(&other).await.status(), 200);
    drop(open);
    wait_until("a place is free again", || async {
        follow(tocsin.admin()).await.status() == 200
    })
    .await;
}
