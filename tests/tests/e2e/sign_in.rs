//! Signing in with a password, sessions, and what their cookies are worth.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Me, Role, SignInOptions, User};
use tocsin_tests::{BrowserSession, Database, Options, Tocsin, on_both};

on_both!(somebody_signs_in_and_out, guessing_locks_the_account,);

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
    let made = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    made.expect(201).json()
}

/// Somebody who is signed in.
pub(super) async fn ann(tocsin: &Tocsin) -> BrowserSession {
    let mut visitor = BrowserSession::new();
    visitor.sign_in(tocsin, ANN, PASSWORD).await.expect(200);
    visitor
}

pub(super) async fn is_in(visitor: &mut BrowserSession, tocsin: &Tocsin) -> bool {
    match visitor.ask(tocsin, Method::GET, ME).await.status.as_u16() {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

async fn somebody_signs_in_and_out(database: Database) {
    let tocsin = start(Options::on(database)).await;
    let mut visitor = BrowserSession::new();
    visitor.ask(&tocsin, Method::GET, ME).await.problem(401);
    // In any case, and with spaces that came along.
    let reply = visitor
        .sign_in(&tocsin, " ANN@Example.com ", PASSWORD)
        .await;
    let said: Me = reply.json();
    assert_eq!(
        (said.role, said.email.as_deref()),
        (Role::Responder, Some(ANN))
    );
    assert!(said.has_password);
    let cookie = reply.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(
        cookie.starts_with("tocsin=") && !cookie.contains("Secure"),
        "{cookie}"
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    let me: Me = visitor.ask(&tocsin, Method::GET, ME).await.json();
    assert_eq!(me, said);
    visitor
        .ask(&tocsin, Method::GET, "/api/v1/incidents")
        .await
        .expect(200);

    // The secret is a new one each time, whatever the browser had.
    let secret = visitor.cookies(&tocsin)["tocsin"].clone();
    assert_eq!(secret.len(), 43);
    visitor.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    assert_ne!(visitor.cookies(&tocsin)["tocsin"], secret);
    let mut planted = BrowserSession::new();
    let chosen = "A".repeat(43);
    planted.plant(&tocsin, "tocsin", &chosen);
    planted.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    assert_ne!(planted.cookies(&tocsin)["tocsin"], chosen);

    let kept = visitor.cookies(&tocsin)["tocsin"].clone();
    let out = visitor.ask(&tocsin, Method::POST, "/api/v1/sign-out").await;
    assert!(out.expect(204).header("set-cookie").contains("Max-Age=0"));
    assert!(visitor.cookies(&tocsin).is_empty());
    // It has ended here, not only in the browser; again is no mistake.
    visitor.plant(&tocsin, "tocsin", &kept);
    assert!(!is_in(&mut visitor, &tocsin).await);
    visitor
        .ask(&tocsin, Method::POST, "/api/v1/sign-out")
        .await
        .expect(204);
    // An old cookie keeps nobody out.
    visitor.plant(&tocsin, "tocsin", &kept);
    visitor.sign_in(&tocsin, ANN, PASSWORD).await.expect(200);
    let deeds: Vec<AuditEntry> = tocsin.all("audit?action=sign-out").await;
    assert_eq!(deeds.len(), 1);
    assert_eq!(deeds[0].actor_name, "Ann");
}

async fn guessing_locks_the_account(database: Database) {
    let tocsin = start(Options::on(database)).await;
    let mut ann = ann(&tocsin).await;
    for email in [ANN, "nobody@example.com"] {
        let mut visitor = BrowserSession::new();
        for attempt in 1..=5 {
            let reply = visitor.sign_in(&tocsin, email, "wrong password").await;
            assert_eq!(
                reply.problem(401).kind,
                "urn:tocsin:problem:wrong-credentials",
                "{email} {attempt}"
            );
        }
        // Also with the right one, and in other letters.
        for email in [email.to_owned(), email.to_uppercase()] {
            let reply = visitor.sign_in(&tocsin, &email, PASSWORD).await;
            reply.problem(429);
            let wait: u64 = reply.header("retry-after").parse().unwrap();
            assert!((1..=30).contains(&wait), "{wait}");
        }
    }
    // Who is in already stays in, and others may come.
    assert!(is_in(&mut ann, &tocsin).await);
    add_user(&tocsin, "Bob", "bob@example.com").await;
    let mut bob = BrowserSession::new();
    let reply = bob.sign_in(&tocsin, "bob@example.com", PASSWORD).await;
    reply.expect(200);
    let deeds: Vec<AuditEntry> = tocsin.all("audit?action=sign-in.locked").await;
    let names: Vec<_> = deeds.iter().map(|deed| deed.object_name.as_str()).collect();
    assert_eq!(names, ["", ANN], "unknown addresses are not written down");
}

#[tokio::test]
async fn one_address_may_try_only_so_often() {
    let tocsin = Tocsin::start(Options::default().set("limits.sign_ins_per_minute", 3)).await;
    let mut visitor = BrowserSession::new();
    let mut statuses = Vec::new();
    for number in 0..5 {
        let email = format!("user{number}@example.com");
        let reply = visitor.sign_in(&tocsin, &email, "wrong password").await;
        if reply.status == 429 {
            assert!(!reply.header("retry-after").is_empty());
        }
        statuses.push(reply.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
}

/// Nothing tells an account that there is from one that there is not: neither
/// the answer, nor the time that it takes.
#[tokio::test]
async fn known_and_unknown_accounts_answer_alike() {
    let tocsin = start(Options::default()).await;
    let emails = |kind: &str| {
        (0..4)
            .map(|number| format!("{kind}{number}@example.com"))
            .collect::<Vec<_>>()
    };
    let (known, unknown) = (emails("known"), emails("unknown"));
    for email in &known {
        add_user(&tocsin, "Somebody", email).await;
    }
    let off = json!({"name": "Ann", "email": ANN, "role": "viewer", "enabled": false});
    let users: Vec<User> = tocsin.all("users").await;
    let id = users.iter().find(|user| user.email == ANN).unwrap().id;
    let path = format!("/api/v1/users/{id}");
    tocsin.send(Method::PUT, &path, &off).await.expect(200);

    let mut visitor = BrowserSession::new();
    let mut told: Option<Vec<u8>> = None;
    let mut spans = [Vec::new(), Vec::new()];
    for _ in 0..4 {
        for (emails, spans) in [&known, &unknown].into_iter().zip(&mut spans) {
            for email in emails {
                let began = Instant::now();
                let reply = visitor.sign_in(&tocsin, email, "wrong password").await;
                spans.push(began.elapsed());
                reply.problem(401);
                assert_eq!(*told.get_or_insert_with(|| reply.body.clone()), reply.body);
                assert!(!reply.headers.contains_key("set-cookie"));
            }
        }
    }
    // The right password of a disabled account, too.
    let reply = visitor.sign_in(&tocsin, ANN, PASSWORD).await;
    assert_eq!(told, Some(reply.body));
    let [known, unknown] = spans.map(|mut spans: Vec<Duration>| {
        spans.sort();
        spans[spans.len() / 2].as_secs_f64()
    });
    let ratio = known / unknown;
    // Without the work of hashing it would be a tenth.
    assert!((0.5..2.0).contains(&ratio), "{known} s and {unknown} s");
}

#[tokio::test]
async fn passwords_of_any_length_get_an_answer() {
    let tocsin = start(Options::default()).await;
    let mut visitor = BrowserSession::new();
    // Without a credential a body has 8 KiB.
    for length in [9_000, 10_000_000] {
        let reply = visitor.sign_in(&tocsin, ANN, &"x".repeat(length)).await;
        reply.problem(413);
    }
    for long in ["x".repeat(1_025), "x".repeat(8_000), "安".repeat(342)] {
        let reply = visitor.sign_in(&tocsin, ANN, &long).await;
        assert_eq!(reply.fields(400), ["password"]);
    }
    visitor
        .sign_in(&tocsin, ANN, &"x".repeat(1_024))
        .await
        .problem(401);
    let empty = visitor.sign_in(&tocsin, "", "").await;
    assert_eq!(empty.fields(400), ["email", "password"]);
    let long = format!("{}@example.com", "a".repeat(7_000));
    let status = visitor
        .sign_in(&tocsin, &long, PASSWORD)
        .await
        .status
        .as_u16();
    assert!([400, 401].contains(&status), "{status}");
}

/// Of two people with the first link, one makes the first administrator.
#[tokio::test]
async fn the_first_link_is_good_once() {
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
    one.tell(&tocsin, Method::POST, set_up, &wrong)
        .await
        .problem(403);
    let (mine, other) = (body(&token, ANN), body(&token, "bob@example.com"));
    let (first, second) = tokio::join!(
        one.tell(&tocsin, Method::POST, set_up, &mine),
        two.tell(&tocsin, Method::POST, set_up, &other),
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let winner = if first.status == 201 {
        &mut one
    } else {
        &mut two
    };
    let me: Me = winner.ask(&tocsin, Method::GET, ME).await.json();
    assert_eq!(me.role, Role::Admin);
    assert_eq!(tocsin.all::<User>("users").await.len(), 1);
    two.tell(&tocsin, Method::POST, set_up, &other)
        .await
        .problem(409);
    let ways: SignInOptions = tocsin.get(SIGN_IN).await;
    assert!(!ways.set_up);
}
