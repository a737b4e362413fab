//! Single sign-on with a real OpenID provider.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Me, Role, Session, SignInMethod, SignInOptions, User};
use tocsin_tests::{
    BrowserSession, Database, OpenIdProvider, Options, Reply, Tocsin, on_both, wait_until,
};
use url::Url;

on_both!(the_first_sign_in_makes_a_viewer);

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

/// Goes to the provider and back; answers the page of ours that it ends at.
async fn come(visitor: &mut BrowserSession, tocsin: &Tocsin, begin: &str) -> Url {
    let (port, begin) = (tocsin.port(), tocsin.url(begin));
    let (page, _) = visitor.follow(&begin, |url| is_page(url, port)).await;
    page
}

fn is_page(url: &Url, port: u16) -> bool {
    url.port() == Some(port) && !url.path().starts_with("/api/")
}

/// Comes by the provider as whoever the provider takes everybody for.
async fn came(tocsin: &Tocsin) -> (BrowserSession, String) {
    let mut visitor = BrowserSession::new();
    let page = come(&mut visitor, tocsin, BEGIN).await;
    (visitor, place(&page))
}

fn place(page: &Url) -> String {
    match page.query() {
        Some(query) => format!("{}?{query}", page.path()),
        None => page.path().to_owned(),
    }
}

async fn me(visitor: &mut BrowserSession, tocsin: &Tocsin) -> Me {
    visitor.ask(tocsin, Method::GET, "/api/v1/me").await.json()
}

pub(super) async fn status(visitor: &mut BrowserSession, tocsin: &Tocsin) -> StatusCode {
    visitor.ask(tocsin, Method::GET, "/api/v1/me").await.status
}

async fn the_first_sign_in_makes_a_viewer(database: Database) {
    let provider = OpenIdProvider::start();
    provider.person(&ann()).await;
    let tocsin = start_on(database, &provider, "").await;
    let ways: SignInOptions = tocsin.get("/api/v1/sign-in").await;
    assert_eq!(ways.oidc.as_deref(), Some("Example login"));
    assert!(ways.password);

    let mut visitor = BrowserSession::new();
    let begin = format!("{BEGIN}?returnTo=%2Fincidents%3Fseverity%3Dcritical");
    let page = come(&mut visitor, &tocsin, &begin).await;
    assert_eq!(place(&page), "/incidents?severity=critical");
    let asked = visitor.way.get(1).unwrap();
    assert_eq!(asked.origin().ascii_serialization(), provider.issuer);
    let asked: std::collections::HashMap<_, _> = asked.query_pairs().into_owned().collect();
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(asked[name].len(), 43, "{name}");
    }
    let cookies = visitor.cookies(&tocsin);
    assert_eq!(cookies.keys().collect::<Vec<_>>(), ["tocsin"]);

    let first = me(&mut visitor, &tocsin).await;
    assert_eq!(first.role, Role::Viewer);
    assert_eq!(first.method, SignInMethod::Oidc);
    assert_eq!(
        (first.name.as_str(), first.email.as_deref()),
        ("Ann Example", Some("ann@example.com"))
    );
    assert!(!first.has_password);
    let sessions: Vec<Session> = tocsin_page(&mut visitor, &tocsin, "/api/v1/me/sessions").await;
    assert_eq!(sessions.len(), 1);
    assert!(sessions.iter().all(|session| session.current));
    let reading = visitor.ask(&tocsin, Method::GET, "/api/v1/incidents").await;
    reading.expect(200);

    // The second time it is the same user.
    let (mut again, page) = came(&tocsin).await;
    assert_eq!(page, "/");
    assert_eq!(me(&mut again, &tocsin).await.id, first.id);
    assert_ne!(again.cookies(&tocsin), visitor.cookies(&tocsin));
    let users: Vec<User> = tocsin.all("users").await;
    assert_eq!(users.len(), 1);
    assert!(
        users
            .iter()
            .all(|user| user.single_sign_on && !user.has_password)
    );
    let deeds: Vec<AuditEntry> = tocsin.all("audit").await;
    let signed_in = deeds.iter().filter(|deed| deed.action == "sign-in.ok");
    let how: Vec<_> = signed_in
        .map(|deed| (deed.actor_name.as_str(), deed.after.clone()))
        .collect();
    let by_oidc = ("Ann Example", Some(json!({"method": "oidc"})));
    assert_eq!(how, [by_oidc.clone(), by_oidc]);
    for secret in [
        provider.secret(),
        asked["state"].as_str(),
        asked["nonce"].as_str(),
    ] {
        assert!(!tocsin.log().contains(secret));
    }
}

async fn tocsin_page<T: serde::de::DeserializeOwned>(
    visitor: &mut BrowserSession,
    tocsin: &Tocsin,
    path: &str,
) -> Vec<T> {
    let page = visitor.ask(tocsin, Method::GET, path).await;
    page.json::<tocsin_api_types::Page<T>>().items
}

#[tokio::test]
async fn providers_differ_in_how_they_are_asked_and_where_they_say_it() {
    for settings in [
        json!({"claimsInToken": true}),
        json!({"auth": "client_secret_post"}),
    ] {
        let provider = OpenIdProvider::start_with(settings.clone());
        provider
            .person(&with(ann(), "groups", json!(["ops"])))
            .await;
        let tocsin = start(&provider, "admin_groups = [\"ops\"]").await;
        let (mut visitor, page) = came(&tocsin).await;
        assert_eq!(page, "/", "{settings}");
        let me = me(&mut visitor, &tocsin).await;
        assert_eq!((me.role, me.name.as_str()), (Role::Admin, "Ann Example"));
    }
}

#[tokio::test]
async fn groups_give_the_role_at_each_sign_in() {
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
            .person(&with(ann(), "groups", groups.clone()))
            .await;
        let (mut visitor, page) = came(&tocsin).await;
        let Some(role) = role else {
            assert_eq!(page, "/sign-in?problem=oidc-not-allowed", "{groups}");
            assert_eq!(status(&mut visitor, &tocsin).await, 401);
            continue;
        };
        assert_eq!(page, "/", "{groups}");
        assert_eq!(me(&mut visitor, &tocsin).await.role, role, "{groups}");
        // A browser that was signed in before may do what they may now.
        if let Some(mut before) = before.replace(visitor) {
            assert_eq!(me(&mut before, &tocsin).await.role, role, "{groups}");
        }
    }
    assert_eq!(tocsin.all::<User>("users").await.len(), 1);
}

async fn make_user(tocsin: &Tocsin, email: &str, role: &str) -> User {
    let body = json!({"name": "Made here", "email": email, "role": role});
    let made = tocsin.send(Method::POST, "/api/v1/users", &body).await;
    made.expect(201).json()
}

#[tokio::test]
async fn only_a_verified_address_leads_to_an_account_that_is_here() {
    let provider = OpenIdProvider::start();
    let tocsin = start(&provider, "").await;
    let here = make_user(&tocsin, "Ann@Example.com", "responder").await;
    let refused = "/sign-in?problem=oidc-not-allowed";
    for unverified in [json!(false), Value::Null] {
        provider
            .person(&with(ann(), "email_verified", unverified))
            .await;
        let (mut visitor, page) = came(&tocsin).await;
        assert_eq!(page, refused);
        assert_eq!(status(&mut visitor, &tocsin).await, 401);
    }
    provider.person(&ann()).await;
    let (mut visitor, _) = came(&tocsin).await;
    let linked = me(&mut visitor, &tocsin).await;
    assert_eq!((linked.id, linked.role), (Some(here.id), Role::Responder));
    // Known by the provider's name for them, whatever becomes of the address.
    let moved = with(ann(), "email", json!("moved@example.com"));
    provider
        .person(&with(moved, "email_verified", json!(false)))
        .await;
    let (mut visitor, _) = came(&tocsin).await;
    assert_eq!(me(&mut visitor, &tocsin).await.id, Some(here.id));
    // The address was given to somebody else since.
    provider.person(&with(ann(), "sub", json!("another"))).await;
    assert_eq!(came(&tocsin).await.1, refused);
    assert_eq!(tocsin.all::<User>("users").await.len(), 1);
}

#[tokio::test]
async fn it_can_be_the_only_way_in() {
    let provider = OpenIdProvider::start();
    provider.person(&ann()).await;
    let options = Options::default().config(provider.config(""));
    let tocsin = Tocsin::start(options.set("auth.password_sign_in", false)).await;
    let ways: SignInOptions = tocsin.get("/api/v1/sign-in").await;
    assert!(!ways.password && ways.oidc.is_some());
    let reply = BrowserSession::new()
        .sign_in(&tocsin, "ann@example.com", "any password at all")
        .await;
    reply.problem(403);
    let (mut visitor, _) = came(&tocsin).await;
    assert_eq!(me(&mut visitor, &tocsin).await.role, Role::Viewer);
}

#[tokio::test]
async fn who_may_not_come_in_is_told_why() {
    let provider = OpenIdProvider::start();
    let tocsin = start(&provider, "").await;
    provider.person(&with(ann(), "email", Value::Null)).await;
    assert_eq!(came(&tocsin).await.1, "/sign-in?problem=oidc-no-email");
    provider.person(&Value::Null).await;
    let mut visitor = BrowserSession::new();
    let begin = format!("{BEGIN}?returnTo=/stats");
    let page = come(&mut visitor, &tocsin, &begin).await;
    assert_eq!(
        place(&page),
        "/sign-in?problem=oidc-refused&returnTo=%2Fstats"
    );
    assert_eq!(visitor.cookies(&tocsin).len(), 0);

    provider.person(&ann()).await;
    let (mut visitor, _) = came(&tocsin).await;
    let id = me(&mut visitor, &tocsin).await.id.unwrap();
    let off = json!({
        "name": "Ann", "email": "ann@example.com", "role": "viewer", "enabled": false,
    });
    let path = format!("/api/v1/users/{id}");
    tocsin.send(Method::PUT, &path, &off).await.expect(200);
    assert_eq!(status(&mut visitor, &tocsin).await, 401);
    assert_eq!(came(&tocsin).await.1, "/sign-in?problem=account-disabled");
}

#[tokio::test]
async fn without_the_provider_the_program_works_and_says_so() {
    let mut provider = OpenIdProvider::start();
    provider.person(&ann()).await;
    provider.stop();
    let tocsin = start(&provider, "").await;
    let ways: SignInOptions = tocsin.get("/api/v1/sign-in").await;
    assert!(ways.oidc.is_some());
    let page = come(
        &mut BrowserSession::new(),
        &tocsin,
        &format!("{BEGIN}?returnTo=/stats"),
    )
    .await;
    assert_eq!(
        place(&page),
        "/sign-in?problem=oidc-unavailable&returnTo=%2Fstats"
    );
    provider.start_again();
    provider.person(&ann()).await;
    wait_until("the provider is asked again", || async {
        came(&tocsin).await.1 == "/"
    })
    .await;

    // It goes while somebody is there.
    let mut visitor = BrowserSession::new();
    let back = to_the_way_back(&mut visitor, &tocsin).await;
    provider.stop();
    let reply = visitor.open(back.as_str()).await;
    assert_eq!(led_to(&reply), "/sign-in?problem=oidc-unavailable");
    assert_eq!(status(&mut visitor, &tocsin).await, 401);
}

#[tokio::test]
async fn a_provider_may_change_its_keys() {
    let provider = OpenIdProvider::start();
    provider.person(&ann()).await;
    let tocsin = start(&provider, "").await;
    for _ in 0..3 {
        assert_eq!(came(&tocsin).await.1, "/");
        provider.new_keys().await;
    }
}

/// Goes to the provider, up to the address that leads back.
pub(super) async fn to_the_way_back(visitor: &mut BrowserSession, tocsin: &Tocsin) -> Url {
    let begin = tocsin.url(BEGIN);
    let is_callback = |url: &Url| url.path() == "/api/v1/sign-in/oidc/callback";
    visitor.follow(&begin, is_callback).await.0
}

pub(super) fn led_to(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location")
}
