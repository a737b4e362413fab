//! User administration: creating, changing, validating and deleting users, and the
//! audit entries of these actions.

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, NewToken, Page, Role, User};
use tocsin_tests::{Database, Options, Reply, Request, Tocsin, on_both, wait_until};

on_both!(
    users_are_created_changed_and_deleted,
    user_fields_are_validated,
    last_enabled_administrator_cannot_be_removed,
    outdated_if_match_overwrites_nothing,
    retried_request_with_idempotency_key_creates_nothing,
    administrator_actions_are_audited,
    audit_entries_are_deleted_after_retention,
);

const USERS: &str = "/api/v1/users";
const TOKENS: &str = "/api/v1/tokens";
const PASSWORD: &str = "seven purple tractors";

async fn start(database: Database) -> Tocsin {
    Tocsin::start(Options::on(database)).await
}

async fn post(tocsin: &Tocsin, path: &str, body: &Value) -> Reply {
    tocsin.send(Method::POST, path, body).await
}

fn on<'a>(tocsin: &'a Tocsin, method: Method, path: &str, id: i64) -> Request<'a> {
    tocsin.request(method, &format!("{path}/{id}"))
}

fn person(name: &str, role: &str) -> Value {
    json!({"name": name, "email": format!("{name}@example.com"), "role": role})
}

async fn create_user(tocsin: &Tocsin, body: &Value) -> User {
    post(tocsin, USERS, body).await.expect(201).json()
}

/// Signs in and returns the cookie.
async fn sign_in(tocsin: &Tocsin, email: &str, password: &str) -> String {
    let body = json!({"email": email, "password": password});
    let request = tocsin.request(Method::POST, "/api/v1/sign-in").anonymous();
    let reply = request.json(&body).send().await.expect(200);
    let cookie = reply.header("set-cookie");
    cookie.split(';').next().unwrap().to_owned()
}

async fn me(tocsin: &Tocsin, cookie: &str) -> u16 {
    let request = tocsin.request(Method::GET, "/api/v1/me").anonymous();
    let reply = request.header("cookie", cookie).send().await;
    reply.status.as_u16()
}

async fn users_are_created_changed_and_deleted(database: Database) {
    let tocsin = start(database).await;
    let body = json!({
        "name": " Ann <b>'; DROP TABLE users; --</b> ",
        "email": "Ann@Example.com",
        "role": "responder",
        "matchers": ["team=\"infra\""],
        "password": PASSWORD,
    });
    let reply = post(&tocsin, USERS, &body).await.expect(201);
    let ann: User = reply.json();
    assert_eq!(
        reply.header("location"),
        format!("/api/v1/users/{}", ann.id)
    );
    assert_eq!(ann.name, "Ann <b>'; DROP TABLE users; --</b>");
    assert_eq!(
        (&*ann.email, ann.role),
        ("Ann@Example.com", Role::Responder)
    );
    assert_eq!(ann.matchers, ["team=\"infra\""]);
    assert!(ann.enabled && ann.has_password && !ann.single_sign_on);
    assert_eq!(ann.last_sign_in_at, None);
    let read = on(&tocsin, Method::GET, USERS, ann.id).send().await;
    assert_eq!(read.header("etag"), reply.header("etag"));
    assert_eq!(read.json::<User>(), ann);
    let bob = create_user(&tocsin, &person("bob", "viewer")).await;
    assert!(bob.enabled && !bob.has_password);
    let all: Page<User> = tocsin.get(USERS).await;
    assert_eq!(all.items, [ann.clone(), bob.clone()]);

    // E-mail addresses are case-insensitive.
    let cookie = sign_in(&tocsin, "ANN@example.COM", PASSWORD).await;
    assert_eq!(me(&tocsin, &cookie).await, 200);
    // Omitted fields keep their value: the password, and `enabled`.
    let body = json!({"name": "Ann", "email": "ann@example.com", "role": "viewer"});
    let changed = on(&tocsin, Method::PUT, USERS, ann.id).json(&body).send();
    let changed: User = changed.await.expect(200).json();
    assert_eq!((&*changed.name, changed.role), ("Ann", Role::Viewer));
    assert!(changed.enabled && changed.has_password && changed.matchers.is_empty());
    assert!(changed.last_sign_in_at.is_some());
    assert_eq!(me(&tocsin, &cookie).await, 200);

    let ended = tocsin
        .request(Method::DELETE, &format!("{USERS}/{}/sessions", ann.id))
        .send();
    ended.await.expect(204);
    assert_eq!(me(&tocsin, &cookie).await, 401);

    let cookie = sign_in(&tocsin, "ann@example.com", PASSWORD).await;
    let mut off = body.clone();
    off["enabled"] = json!(false);
    let off = on(&tocsin, Method::PUT, USERS, ann.id).json(&off).send();
    assert!(!off.await.expect(200).json::<User>().enabled);
    assert_eq!(me(&tocsin, &cookie).await, 401);

    on(&tocsin, Method::DELETE, USERS, ann.id)
        .send()
        .await
        .expect(204);
    for method in [Method::GET, Method::DELETE] {
        on(&tocsin, method, USERS, ann.id).send().await.problem(404);
    }
    let gone = on(&tocsin, Method::PUT, USERS, ann.id).json(&body).send();
    gone.await.problem(404);
    let gone = format!("{USERS}/{}/sessions", ann.id);
    tocsin
        .request(Method::DELETE, &gone)
        .send()
        .await
        .problem(404);
    let left: Page<User> = tocsin.get(USERS).await;
    assert_eq!(left.items, [bob]);
}

async fn user_fields_are_validated(database: Database) {
    let tocsin = start(database).await;
    create_user(&tocsin, &person("ann", "viewer")).await;
    let bad = json!({
        "name": "",
        "email": "no address",
        "role": "admin",
        "matchers": ["team=\"infra\"", "team=~\"(\""],
    });
    let mut fields = post(&tocsin, USERS, &bad).await.fields(400);
    fields.dedup();
    fields.sort();
    fields.dedup();
    assert_eq!(fields, ["email", "matchers", "matchers[1]", "name"]);
    for name in ["\u{202e}nimda", "two\nlines", &"x".repeat(101)] {
        let mut body = person("x", "viewer");
        body["name"] = json!(name);
        assert_eq!(post(&tocsin, USERS, &body).await.fields(400), ["name"]);
    }
    for role in [json!("owner"), json!(null)] {
        let mut body = person("x", "viewer");
        body["role"] = role;
        post(&tocsin, USERS, &body).await.problem(400);
    }
    let mut body = person("x", "viewer");
    body["isAdmin"] = json!(true);
    post(&tocsin, USERS, &body).await.problem(400);
    for (email, status) in [("ANN@example.com", 409), ("ann@example.com", 409)] {
        let mut body = person("ann2", "viewer");
        body["email"] = json!(email);
        assert_eq!(post(&tocsin, USERS, &body).await.fields(status), ["email"]);
    }
    // Too short, common, equal to the e-mail address, too long.
    let endless = "x".repeat(10_000);
    for password in ["Sh0rt!", "password123", "x@example.com", &endless] {
        let mut body = person("x", "viewer");
        body["password"] = json!(password);
        let reply = post(&tocsin, USERS, &body).await;
        let status = reply.status.as_u16();
        assert!([400, 422].contains(&status), "{password}: {status}");
        assert_eq!(reply.fields(status), ["password"]);
        assert!(!reply.text().contains(password));
    }
    let all: Page<User> = tocsin.get(USERS).await;
    assert_eq!(all.items.len(), 1);
}

async fn last_enabled_administrator_cannot_be_removed(database: Database) {
    let tocsin = start(database).await;
    let ann = create_user(&tocsin, &person("ann", "admin")).await;
    let mut demoted = person("ann", "responder");
    let mut disabled = person("ann", "admin");
    disabled["enabled"] = json!(false);
    for body in [&demoted, &disabled] {
        let kept = on(&tocsin, Method::PUT, USERS, ann.id).json(body).send();
        kept.await.problem(409);
    }
    let kept = on(&tocsin, Method::DELETE, USERS, ann.id).send().await;
    kept.problem(409);
    // A disabled administrator does not count.
    let mut bob = person("bob", "admin");
    bob["enabled"] = json!(false);
    let bob = create_user(&tocsin, &bob).await;
    let kept = on(&tocsin, Method::DELETE, USERS, ann.id).send().await;
    kept.problem(409);
    let mut back = person("bob", "admin");
    back["enabled"] = json!(true);
    let back = on(&tocsin, Method::PUT, USERS, bob.id).json(&back).send();
    back.await.expect(200);
    demoted["name"] = json!("Ann");
    let done = on(&tocsin, Method::PUT, USERS, ann.id)
        .json(&demoted)
        .send();
    done.await.expect(200);
    on(&tocsin, Method::DELETE, USERS, bob.id)
        .send()
        .await
        .problem(409);
    on(&tocsin, Method::DELETE, USERS, ann.id)
        .send()
        .await
        .expect(204);
}

async fn outdated_if_match_overwrites_nothing(database: Database) {
    let tocsin = start(database).await;
    let reply = post(&tocsin, USERS, &person("ann", "viewer")).await;
    let (ann, first): (User, _) = (reply.json(), reply.header("etag").to_owned());
    let put = async |version: &str, name: &str| {
        let mut body = person("ann", "viewer");
        body["name"] = json!(name);
        body["password"] = json!(PASSWORD);
        let request = on(&tocsin, Method::PUT, USERS, ann.id);
        request.header("if-match", version).json(&body).send().await
    };
    let reply = put(&first, "Ann of ops").await.expect(200);
    let second = reply.header("etag").to_owned();
    assert_ne!(first, second);
    let rejected = put(&first, "Ann of sales").await;
    let problem = rejected.problem(412);
    assert_eq!(problem.kind, "urn:tocsin:problem:precondition-failed");
    assert_eq!(problem.current.unwrap()["name"], "Ann of ops");
    assert_eq!(problem.yours.unwrap()["name"], "Ann of sales");
    assert_eq!(rejected.header("etag"), second);
    assert!(!rejected.text().contains(PASSWORD));
    let request = on(&tocsin, Method::DELETE, USERS, ann.id);
    request.header("if-match", &first).send().await.problem(412);
    put("*", "Ann of all").await.expect(200);
    // An invalid entity tag matches no version.
    put("no tag", "Ann").await.problem(412);
    let is: User = tocsin.get(&format!("{USERS}/{}", ann.id)).await;
    assert_eq!(is.name, "Ann of all");
    let reply = on(&tocsin, Method::GET, USERS, ann.id).send().await;
    let request = on(&tocsin, Method::DELETE, USERS, ann.id);
    let request = request.header("if-match", reply.header("etag"));
    request.send().await.expect(204);
}

async fn retried_request_with_idempotency_key_creates_nothing(database: Database) {
    let tocsin = start(database).await;
    let send = |path: &'static str, key: &'static str, body: Value| {
        let request = tocsin.request(Method::POST, path);
        request.header("idempotency-key", key).json(&body).send()
    };
    // Concurrent requests with one key: one of them creates the user.
    let ann = person("ann", "viewer");
    let replies = futures::future::join_all((0..5).map(|_| send(USERS, "k1", ann.clone()))).await;
    let mut replayed = 0;
    for reply in &replies {
        assert_eq!(reply.status, 201, "{}", reply.text());
        assert_eq!(reply.body, replies[0].body);
        assert_eq!(reply.header("location"), replies[0].header("location"));
        replayed += usize::from(reply.header("idempotency-replayed") == "true");
    }
    assert_eq!(replayed, 4);
    let all: Page<User> = tocsin.get(USERS).await;
    assert_eq!(all.items.len(), 1);
    let other = send(USERS, "k1", person("bob", "viewer")).await;
    let problem = other.problem(422);
    assert_eq!(problem.kind, "urn:tocsin:problem:idempotency-mismatch");

    let body = json!({"name": "deploy", "role": "viewer"});
    let first: NewToken = send(TOKENS, "k2", body.clone()).await.expect(201).json();
    assert!(first.secret.is_some());
    let again = send(TOKENS, "k2", body.clone()).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let again: NewToken = again.json();
    assert_eq!((again.secret, again.token.id), (None, first.token.id));
    // Idempotency keys are separate for each caller.
    let admin = tocsin.create_token(&["--role", "admin"]).await;
    let request = tocsin.request(Method::POST, TOKENS);
    let request = request.authorization(&format!("Bearer {admin}"));
    let request = request.header("idempotency-key", "k2").json(&body);
    let theirs: NewToken = request.send().await.expect(201).json();
    assert_ne!(theirs.token.id, first.token.id);
    // A rejected request can be corrected and sent with the same key.
    let bad = send(
        USERS,
        "k3",
        json!({"name": "", "email": "x@example.com", "role": "viewer"}),
    );
    assert_eq!(bad.await.fields(400), ["name"]);
    send(USERS, "k3", person("x", "viewer")).await.expect(201);
}

async fn administrator_actions_are_audited(database: Database) {
    let tocsin = start(database).await;
    let mut body = person("ann", "responder");
    body["password"] = json!(PASSWORD);
    let ann = create_user(&tocsin, &body).await;
    body["role"] = json!("viewer");
    body["password"] = json!("nine yellow hammers");
    let changed = on(&tocsin, Method::PUT, USERS, ann.id).json(&body).send();
    changed.await.expect(200);
    on(&tocsin, Method::DELETE, USERS, ann.id)
        .send()
        .await
        .expect(204);
    let path = format!(
        "/api/v1/audit?objectKind=user&objectId={}&order=asc",
        ann.id
    );
    let reply = tocsin.get_reply(&path).await;
    let page: Page<AuditEntry> = reply.json();
    let actions: Vec<&str> = page.items.iter().map(|entry| &*entry.action).collect();
    assert_eq!(
        actions,
        [
            "user.create",
            "user.update",
            "password.change",
            "user.delete"
        ]
    );
    for entry in &page.items {
        assert_eq!((&*entry.actor_name, &*entry.object_name), ("tests", "ann"));
        assert_eq!(entry.address.as_deref(), Some("127.0.0.1"));
    }
    let update = &page.items[1];
    assert_eq!(update.before.as_ref().unwrap()["role"], "responder");
    assert_eq!(update.after.as_ref().unwrap()["role"], "viewer");
    let token: NewToken = post(&tocsin, TOKENS, &json!({"name": "t", "role": "viewer"}))
        .await
        .json();
    on(&tocsin, Method::DELETE, TOKENS, token.token.id)
        .send()
        .await
        .expect(204);
    let log = tocsin.get_reply("/api/v1/audit").await.text();
    for action in ["token.create", "token.revoke"] {
        assert!(log.contains(action), "{log}");
    }
    for secret in [
        PASSWORD,
        "nine yellow hammers",
        "argon2",
        &token.secret.unwrap(),
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
}

async fn audit_entries_are_deleted_after_retention(database: Database) {
    let options = Options::on(database).set("retention.audit", "1s");
    let tocsin = Tocsin::start(options).await;
    create_user(&tocsin, &person("ann", "viewer")).await;
    wait_until("the audit log is empty", || async {
        let log: Page<AuditEntry> = tocsin.get("/api/v1/audit").await;
        log.items.is_empty()
    })
    .await;
    let all: Page<User> = tocsin.get(USERS).await;
    assert_eq!(all.items.len(), 1);
}
