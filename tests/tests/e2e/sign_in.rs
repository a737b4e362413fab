//! Password sign-in, sign-out, lockout and the set-up link.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Me, Role, SignInOptions, User};
use tocsin_tests::{BrowserSession, Database, Options, Tocsin, on_both};

on_both!(user_signs_in_and_out, failed_sign_ins_lock_the_account,);

pub(super) const ANN: &str = "ann@example.com";
pub(super) const PASSWORD: &str = "seven brown bricks fall";
pub(super) const SIGN_IN: &str = "/api/v1/sign-in";
pub(super) const ME: &str = "/api/v1/me";

pub(super) async fn start(options: Options) -> Tocsin {
    let tocsin = Tocsin::start(options.set("limits.sign_ins_per_minute", 0)).await;
    add_user(&tocsin, "Ann", ANN).await;
    tocsin
}

pub(super) async fn add_user(tocsin: &Tocsin, name: &str, email: &str) -> User {
    let body = json!({
        "name": name, "email": email, "role": "responder", "password": PASSWORD,
    });
    let created = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    created.expect(201).json()
}

/// The session of a signed-in user.
pub(super) async fn ann(tocsin: &Tocsin) -> BrowserSession {
    let mut browser = BrowserSession::new();
    browser.sign_in(tocsin, ANN, PASSWORD).await.expect(200);
    browser
}

pub(super) async fn is_signed_in(browser: &mut BrowserSession, tocsin: &Tocsin) -> bool {
    match browser
        .request(tocsin, Method::GET, ME)
        .await
        .status
        .as_u16()
    {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

async fn user_signs_in_and_out(database: Database) {
    let tocsin = start(Options::on(database)).await;
    let mut browser = BrowserSession::new();
    browser.request(&tocsin, Method::GET, ME).await.problem(401);
    // E-mail addresses are case-insensitive, and surrounding spaces are ignored.
    let reply = browser
        .sign_in(&tocsin, " ANN@Example.com ", PASSWORD)
        .await;
    let signed_in: Me = reply.json();
    assert_eq!(
        (signed_in.role, signed_in.email.as_deref()),
        (Role::Responder, Some(ANN))
    );
    assert!(signed_in.has_password);
    let cookie = reply.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(
        cookie.starts_with("tocsin=") && !cookie.contains("Secure"),
        "{cookie}"
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    let me: Me = browser.request(&tocsin, Method::GET, ME).await.json();
    assert_eq!(me, signed_in);
    browser
        .request(&tocsin, Method::GET, "/api/v1/incidents")
        .await
        .expect(200);

    // Every sign-in creates a new session secret (no session fixation).
    let secret = browser.cookies(&tocsin)["tocsin"].clone();
    assert_eq!(secret.len(), 43);
    browser.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    assert_ne!(browser.cookies(&tocsin)["tocsin"], secret);
    let mut fixated = BrowserSession::new();
    let chosen = "A".repeat(43);
    fixated.set_cookie(&tocsin, "tocsin", &chosen);
    fixated.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    assert_ne!(fixated.cookies(&tocsin)["tocsin"], chosen);

    let cookie_value = browser.cookies(&tocsin)["tocsin"].clone();
    let signed_out = browser
        .request(&tocsin, Method::POST, "/api/v1/sign-out")
        .await;
    assert!(
        signed_out
            .expect(204)
            .header("set-cookie")
            .contains("Max-Age=0")
    );
    assert!(browser.cookies(&tocsin).is_empty());
    // The session has ended on the server too; signing out again is no error.
    browser.set_cookie(&tocsin, "tocsin", &cookie_value);
    assert!(!is_signed_in(&mut browser, &tocsin).await);
    browser
        .request(&tocsin, Method::POST, "/api/v1/sign-out")
        .await
        .expect(204);
    // An old cookie does not prevent a sign-in.
    browser.set_cookie(&tocsin, "tocsin", &cookie_value);
    browser.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    let entries: Vec<AuditEntry> = tocsin.all("audit?action=sign-out").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].actor_name, "Ann");
}

async fn failed_sign_ins_lock_the_account(database: Database) {
    let tocsin = start(Options::on(database)).await;
    let mut ann = ann(&tocsin).await;
    for email in [ANN, "unknown@example.com"] {
        let mut browser = BrowserSession::new();
        for attempt in 1..=5 {
            let reply = browser.sign_in(&tocsin, email, "wrong password").await;
            assert_eq!(
                reply.problem(401).kind,
                "urn:tocsin:problem:wrong-credentials",
                "{email} {attempt}"
            );
        }
        // Also with the correct password, and in another case.
        for email in [email.to_owned(), email.to_uppercase()] {
            let reply = browser.sign_in(&tocsin, &email, PASSWORD).await;
            reply.problem(429);
            let wait: u64 = reply.header("retry-after").parse().unwrap();
            assert!((1..=30).contains(&wait), "{wait}");
        }
    }
    // Existing sessions stay valid, and other users can sign in.
    assert!(is_signed_in(&mut ann, &tocsin).await);
    add_user(&tocsin, "Bob", "bob@example.com").await;
    let mut bob = BrowserSession::new();
    let reply = bob.sign_in(&tocsin, "bob@example.com", PASSWORD).await;
    reply.expect(200);
    let entries: Vec<AuditEntry> = tocsin.all("audit?action=sign-in.locked").await;
    let names: Vec<_> = entries
        .iter()
        .map(|entry| entry.object_name.as_str())
        .collect();
    assert_eq!(names, ["", ANN], "unknown addresses are not recorded");
}

#[tokio::test]
async fn sign_ins_are_limited_per_address() {
    let tocsin = Tocsin::start(Options::default().set("limits.sign_ins_per_minute", 3)).await;
    let mut browser = BrowserSession::new();
    let mut statuses = Vec::new();
    for n in 0..5 {
        let email = format!("user{n}@example.com");
        let reply = browser.sign_in(&tocsin, &email, "wrong password").await;
        if reply.status == 429 {
            assert!(!reply.header("retry-after").is_empty());
        }
        statuses.push(reply.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}

/// Neither the response nor its time shows whether an account exists.
#[tokio::test]
async fn known_and_unknown_accounts_are_indistinguishable() {
    let tocsin = start(Options::default()).await;
    let emails = |kind: &str| {
        (0..4)
            .map(|n| format!("{kind}{n}@example.com"))
            .collect::<Vec<_>>()
    };
    let (known, unknown) = (emails("known"), emails("unknown"));
    for email in &known {
        add_user(&tocsin, "Kim", email).await;
    }
    let off = json!({"name": "Ann", "email": ANN, "role": "viewer", "enabled": false});
    let users: Vec<User> = tocsin.all("users").await;
    let id = users.iter().find(|user| user.email == ANN).unwrap().id;
    let path = format!("/api/v1/users/{id}");
    tocsin.send(Method::PUT, &path, &off).await.expect(200);

    let mut browser = BrowserSession::new();
    let mut rejected: Option<Vec<u8>> = None;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..4 {
        for (emails, times) in [&known, &unknown].into_iter().zip(&mut times) {
            for email in emails {
                let began = Instant::now();
                let reply = browser.sign_in(&tocsin, email, "wrong password").await;
                times.push(began.elapsed());
                reply.problem(401);
                assert_eq!(
                    *rejected.get_or_insert_with(|| reply.body.clone()),
                    reply.body
                );
                assert!(!reply.headers.contains_key("set-cookie"));
            }
        }
    }
    // Also with the correct password of a disabled account.
    let reply = browser.sign_in(&tocsin, ANN, PASSWORD).await;
    assert_eq!(rejected, Some(reply.body));
    let [known, unknown] = times.map(|mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    let ratio = known / unknown;
    // Without hashing, unknown accounts would take a tenth of the time.
    assert!((0.5..2.0).contains(&ratio), "{known} s and {unknown} s");
}

#[tokio::test]
async fn passwords_of_any_length_are_handled() {
    let tocsin = start(Options::default()).await;
    let mut browser = BrowserSession::new();
    // Unauthenticated bodies are limited to 8 KiB.
    for length in [9_000, 10_000_000] {
        let reply = browser.sign_in(&tocsin, ANN, &"x".repeat(length)).await;
        reply.problem(413);
    }
    for long in ["x".repeat(1_025), "x".repeat(8_000), "安".repeat(342)] {
        let reply = browser.sign_in(&tocsin, ANN, &long).await;
        assert_eq!(reply.fields(400), ["password"]);
    }
    browser
        .sign_in(&tocsin, ANN, &"x".repeat(1_024))
        .await
        .problem(401);
    let empty = browser.sign_in(&tocsin, "", "").await;
    assert_eq!(empty.fields(400), ["email", "password"]);
    let long = format!("{}@example.com", "a".repeat(7_000));
    let status = browser
        .sign_in(&tocsin, &long, PASSWORD)
        .await
        .status
        .as_u16();
    assert!([400, 401].contains(&status), "{status}");
}

/// Of two concurrent requests with the set-up link, one creates the first administrator.
#[tokio::test]
async fn set_up_link_is_valid_once() {
    let tocsin = Tocsin::start(Options::default()).await;
    let log = tocsin.log();
    let (_, token) = log.split_once("/set-up#").unwrap();
    let token: String = token.chars().take_while(|c| !c.is_whitespace()).collect();
    assert!(token.starts_with("tocsin_setup_"));
    let body = |token: &str, email: &str| -> Value {
        json!({"token": token, "name": "First", "email": email, "password": PASSWORD})
    };
    let (mut one, mut two) = (BrowserSession::new(), BrowserSession::new());
    let set_up = "/api/v1/set-up";
    let wrong = body("tocsin_setup_wrong", ANN);
    one.send_json(&tocsin, Method::POST, set_up, &wrong)
        .await
        .problem(403);
    let (mine, other) = (body(&token, ANN), body(&token, "bob@example.com"));
    let (first, second) = tokio::join!(
        one.send_json(&tocsin, Method::POST, set_up, &mine),
        two.send_json(&tocsin, Method::POST, set_up, &other),
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let winner = if first.status == 201 {
        &mut one
    } else {
        &mut two
    };
    let me: Me = winner.request(&tocsin, Method::GET, ME).await.json();
    assert_eq!(me.role, Role::Admin);
    assert_eq!(tocsin.all::<User>("users").await.len(), 1);
    two.send_json(&tocsin, Method::POST, set_up, &other)
        .await
        .problem(409);
    let options: SignInOptions = tocsin.get(SIGN_IN).await;
    assert!(!options.set_up);
}
