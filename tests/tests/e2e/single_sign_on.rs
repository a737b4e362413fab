//! Single sign-on with a real OpenID provider.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Me, Role, Session, SignInMethod, SignInOptions, User};
use tocsin_tests::{
    BrowserSession, Database, OpenIdProvider, Options, Reply, Tocsin, on_both, wait_until,
};
use url::Url;

on_both!(first_oidc_sign_in_creates_a_viewer);

pub(super) const BEGIN: &str = "/api/v1/sign-in/oidc";

pub(super) async fn start(provider: &OpenIdProvider, more: &str) -> Tocsin {
    start_on(Database::sqlite(), provider, more).await
}

async fn start_on(database: Database, provider: &OpenIdProvider, more: &str) -> Tocsin {
    let options = Options::on(database).config(provider.config(more));
    Tocsin::start(options.set("limits.sign_ins_per_minute", 0)).await
}

pub(super) fn ann() -> Value {
    json!({
        "sub": "ann-17", "name": "Ann Example", "email": "ann@example.com",
        "email_verified": true, "groups": ["staff"],
    })
}

fn with(mut person: Value, field: &str, value: Value) -> Value {
    person[field] = value;
    person
}

/// Signs in at the provider. Returns the page that the sign-in ends at.
async fn sign_in_from(browser: &mut BrowserSession, tocsin: &Tocsin, begin: &str) -> Url {
    let (port, begin) = (tocsin.port(), tocsin.url(begin));
    let (page, _) = browser.follow(&begin, |url| is_page(url, port)).await;
    page
}

fn is_page(url: &Url, port: u16) -> bool {
    url.port() == Some(port) && !url.path().starts_with("/api/")
}

/// Signs in as the provider's user with a new browser. Returns the browser and the path
/// that the sign-in ends at.
async fn sign_in(tocsin: &Tocsin) -> (BrowserSession, String) {
    let mut browser = BrowserSession::new();
    let page = sign_in_from(&mut browser, tocsin, BEGIN).await;
    (browser, path_and_query(&page))
}

fn path_and_query(page: &Url) -> String {
    match page.query() {
        Some(query) => format!("{}?{query}", page.path()),
        None => page.path().to_owned(),
    }
}

async fn me(browser: &mut BrowserSession, tocsin: &Tocsin) -> Me {
    browser
        .request(tocsin, Method::GET, "/api/v1/me")
        .await
        .json()
}

pub(super) async fn status(browser: &mut BrowserSession, tocsin: &Tocsin) -> StatusCode {
    browser
        .request(tocsin, Method::GET, "/api/v1/me")
        .await
        .status
}

async fn first_oidc_sign_in_creates_a_viewer(database: Database) {
    let provider = OpenIdProvider::start();
    provider.set_user(&ann()).await;
    let tocsin = start_on(database, &provider, "").await;
    let options: SignInOptions = tocsin.get("/api/v1/sign-in").await;
    assert_eq!(options.oidc.as_deref(), Some("Example login"));
    assert!(options.password);

    let mut browser = BrowserSession::new();
    let begin = format!("{BEGIN}?returnTo=%2Fincidents%3Fseverity%3Dcritical");
    let page = sign_in_from(&mut browser, &tocsin, &begin).await;
    assert_eq!(path_and_query(&page), "/incidents?severity=critical");
    let request = browser.visited.get(1).unwrap();
    assert_eq!(request.origin().ascii_serialization(), provider.issuer);
    let query: std::collections::HashMap<_, _> = request.query_pairs().into_owned().collect();
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["code_challenge_method"], "S256");
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(query[name].len(), 43, "{name}");
    }
    let cookies = browser.cookies(&tocsin);
    assert_eq!(cookies.keys().collect::<Vec<_>>(), ["tocsin"]);

    let first = me(&mut browser, &tocsin).await;
    assert_eq!(first.role, Role::Viewer);
    assert_eq!(first.method, SignInMethod::Oidc);
    assert_eq!(
        (first.name.as_str(), first.email.as_deref()),
        ("Ann Example", Some("ann@example.com"))
    );
    assert!(!first.has_password);
    let sessions: Vec<Session> = tocsin_page(&mut browser, &tocsin, "/api/v1/me/sessions").await;
    assert_eq!(sessions.len(), 1);
    assert!(sessions.iter().all(|session| session.current));
    let reading = browser
        .request(&tocsin, Method::GET, "/api/v1/incidents")
        .await;
    reading.expect(200);

    // A second sign-in is the same user.
    let (mut second, page) = sign_in(&tocsin).await;
    assert_eq!(page, "/");
    assert_eq!(me(&mut second, &tocsin).await.id, first.id);
    assert_ne!(second.cookies(&tocsin), browser.cookies(&tocsin));
    let users: Vec<User> = tocsin.all("users").await;
    assert_eq!(users.len(), 1);
    assert!(
        users
            .iter()
            .all(|user| user.single_sign_on && !user.has_password)
    );
    let entries: Vec<AuditEntry> = tocsin.all("audit").await;
    let sign_ins: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action == "sign-in.ok")
        .map(|entry| (entry.actor_name.as_str(), entry.after.clone()))
        .collect();
    let by_oidc = ("Ann Example", Some(json!({"method": "oidc"})));
    assert_eq!(sign_ins, [by_oidc.clone(), by_oidc]);
    for secret in [
        provider.secret(),
        query["state"].as_str(),
        query["nonce"].as_str(),
    ] {
        assert!(!tocsin.log().contains(secret));
    }
}

async fn tocsin_page<T: serde::de::DeserializeOwned>(
    browser: &mut BrowserSession,
    tocsin: &Tocsin,
    path: &str,
) -> Vec<T> {
    let page = browser.request(tocsin, Method::GET, path).await;
    page.json::<tocsin_api_types::Page<T>>().items
}

#[tokio::test]
async fn oidc_client_authentication_methods_and_claim_locations_are_supported() {
    for settings in [
        json!({"claimsInToken": true}),
        json!({"auth": "client_secret_post"}),
    ] {
        let provider = OpenIdProvider::start_with(settings.clone());
        provider
            .set_user(&with(ann(), "groups", json!(["ops"])))
            .await;
        let tocsin = start(&provider, "admin_groups = [\"ops\"]").await;
        let (mut browser, page) = sign_in(&tocsin).await;
        assert_eq!(page, "/", "{settings}");
        let me = me(&mut browser, &tocsin).await;
        assert_eq!((me.role, me.name.as_str()), (Role::Admin, "Ann Example"));
    }
}

#[tokio::test]
async fn oidc_groups_set_the_role_at_each_sign_in() {
    let provider = OpenIdProvider::start();
    let mapping = "admin_groups = [\"ops\"]\nresponder_groups = [\"on-call\"]\n\
                   viewer_groups = [\"staff\"]";
    let tocsin = start(&provider, mapping).await;
    let mut before: Option<BrowserSession> = None;
    for (groups, role) in [
        (json!(["staff"]), Some(Role::Viewer)),
        (json!(["staff", "on-call"]), Some(Role::Responder)),
        (json!(["ops", "on-call"]), Some(Role::Admin)),
        (json!("on-call"), Some(Role::Responder)),
        (json!(["guests"]), None),
        (Value::Null, None),
        (json!(["staff"]), Some(Role::Viewer)),
    ] {
        provider
            .set_user(&with(ann(), "groups", groups.clone()))
            .await;
        let (mut browser, page) = sign_in(&tocsin).await;
        let Some(role) = role else {
            assert_eq!(page, "/sign-in?problem=oidc-not-allowed", "{groups}");
            assert_eq!(status(&mut browser, &tocsin).await, 401);
            continue;
        };
        assert_eq!(page, "/", "{groups}");
        assert_eq!(me(&mut browser, &tocsin).await.role, role, "{groups}");
        // The role applies to earlier sessions too.
        if let Some(mut before) = before.replace(browser) {
            assert_eq!(me(&mut before, &tocsin).await.role, role, "{groups}");
        }
    }
    assert_eq!(tocsin.all::<User>("users").await.len(), 1);
}

async fn create_user(tocsin: &Tocsin, email: &str, role: &str) -> User {
    let body = json!({"name": "Local", "email": email, "role": role});
    let created = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    created.expect(201).json()
}

#[tokio::test]
async fn verified_email_is_required_to_link_an_existing_user() {
    let provider = OpenIdProvider::start();
    let tocsin = start(&provider, "").await;
    let existing = create_user(&tocsin, "Ann@Example.com", "responder").await;
    let rejected = "/sign-in?problem=oidc-not-allowed";
    for unverified in [json!(false), Value::Null] {
        provider
            .set_user(&with(ann(), "email_verified", unverified))
            .await;
        let (mut browser, page) = sign_in(&tocsin).await;
        assert_eq!(page, rejected);
        assert_eq!(status(&mut browser, &tocsin).await, 401);
    }
    provider.set_user(&ann()).await;
    let (mut browser, _) = sign_in(&tocsin).await;
    let linked = me(&mut browser, &tocsin).await;
    assert_eq!(
        (linked.id, linked.role),
        (Some(existing.id), Role::Responder)
    );
    // The user is identified by the provider's subject, even if the e-mail address changes.
    let moved = with(ann(), "email", json!("moved@example.com"));
    provider
        .set_user(&with(moved, "email_verified", json!(false)))
        .await;
    let (mut browser, _) = sign_in(&tocsin).await;
    assert_eq!(me(&mut browser, &tocsin).await.id, Some(existing.id));
    // The e-mail address now belongs to another subject.
    provider
        .set_user(&with(ann(), "sub", json!("another")))
        .await;
    assert_eq!(sign_in(&tocsin).await.1, rejected);
    assert_eq!(tocsin.all::<User>("users").await.len(), 1);
}

#[tokio::test]
async fn password_sign_in_can_be_disabled() {
    let provider = OpenIdProvider::start();
    provider.set_user(&ann()).await;
    let settings = Options::default().config(provider.config(""));
    let tocsin = Tocsin::start(settings.set("auth.password_sign_in", false)).await;
    let options: SignInOptions = tocsin.get("/api/v1/sign-in").await;
    assert!(!options.password && options.oidc.is_some());
    let reply = BrowserSession::new()
        .sign_in(&tocsin, "ann@example.com", "any password at all")
        .await;
    reply.problem(403);
    let (mut browser, _) = sign_in(&tocsin).await;
    assert_eq!(me(&mut browser, &tocsin).await.role, Role::Viewer);
}

#[tokio::test]
async fn rejected_oidc_sign_ins_report_the_reason() {
    let provider = OpenIdProvider::start();
    let tocsin = start(&provider, "").await;
    provider.set_user(&with(ann(), "email", Value::Null)).await;
    assert_eq!(sign_in(&tocsin).await.1, "/sign-in?problem=oidc-no-email");
    provider.set_user(&Value::Null).await;
    let mut browser = BrowserSession::new();
    let begin = format!("{BEGIN}?returnTo=/stats");
    let page = sign_in_from(&mut browser, &tocsin, &begin).await;
    assert_eq!(
        path_and_query(&page),
        "/sign-in?problem=oidc-refused&returnTo=%2Fstats"
    );
    assert_eq!(browser.cookies(&tocsin).len(), 0);

    provider.set_user(&ann()).await;
    let (mut browser, _) = sign_in(&tocsin).await;
    let id = me(&mut browser, &tocsin).await.id.unwrap();
    let disabled = json!({
        "name": "Ann", "email": "ann@example.com", "role": "viewer", "enabled": false,
    });
    let path = format!("/api/v1/users/{id}");
    tocsin.send(Method::PUT, &path, &disabled).await.expect(200);
    assert_eq!(status(&mut browser, &tocsin).await, 401);
    assert_eq!(
        sign_in(&tocsin).await.1,
        "/sign-in?problem=account-disabled"
    );
}

#[tokio::test]
async fn unavailable_provider_is_reported() {
    let mut provider = OpenIdProvider::start();
    provider.set_user(&ann()).await;
    provider.stop();
    let tocsin = start(&provider, "").await;
    let options: SignInOptions = tocsin.get("/api/v1/sign-in").await;
    assert!(options.oidc.is_some());
    let page = sign_in_from(
        &mut BrowserSession::new(),
        &tocsin,
        &format!("{BEGIN}?returnTo=/stats"),
    )
    .await;
    assert_eq!(
        path_and_query(&page),
        "/sign-in?problem=oidc-unavailable&returnTo=%2Fstats"
    );
    provider.restart();
    provider.set_user(&ann()).await;
    wait_until("the provider is available again", || async {
        sign_in(&tocsin).await.1 == "/"
    })
    .await;

    // The provider stops during a sign-in.
    let mut browser = BrowserSession::new();
    let callback = callback_url(&mut browser, &tocsin).await;
    provider.stop();
    let reply = browser.open(callback.as_str()).await;
    assert_eq!(location(&reply), "/sign-in?problem=oidc-unavailable");
    assert_eq!(status(&mut browser, &tocsin).await, 401);
}

#[tokio::test]
async fn rotated_provider_keys_are_accepted() {
    let provider = OpenIdProvider::start();
    provider.set_user(&ann()).await;
    let tocsin = start(&provider, "").await;
    for _ in 0..3 {
        assert_eq!(sign_in(&tocsin).await.1, "/");
        provider.rotate_keys().await;
    }
}

/// Signs in at the provider up to the callback. Returns its URL.
pub(super) async fn callback_url(browser: &mut BrowserSession, tocsin: &Tocsin) -> Url {
    let begin = tocsin.url(BEGIN);
    let is_callback = |url: &Url| url.path() == "/api/v1/sign-in/oidc/callback";
    browser.follow(&begin, is_callback).await.0
}

pub(super) fn location(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location")
}
