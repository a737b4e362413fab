//! Single sign-on with a provider that says what is wrong: nobody comes in.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{Me, User};
use tocsin_tests::{BrowserSession, FakeIdp, Options, Tocsin, ago};
use url::Url;

const BEGIN: &str = "/api/v1/sign-in/oidc";
const REFUSED: &str = "/sign-in?problem=oidc-refused";
const UNAVAILABLE: &str = "/sign-in?problem=oidc-unavailable";
const SECRET: &str = "shared-with-the-forger";

async fn start(forger: &FakeIdp) -> Tocsin {
    let config = format!(
        "[auth.oidc]\nissuer = \"{}\"\nclient_id = \"tocsin\"\nclient_secret = \"{SECRET}\"\n",
        forger.issuer
    );
    let options = Options::default().config(config);
    Tocsin::start(options.set("limits.sign_ins_per_minute", 0)).await
}

/// Somebody on the way to the provider.
struct Trip {
    visitor: BrowserSession,
    asked: HashMap<String, String>,
}

impl Trip {
    async fn begin(tocsin: &Tocsin) -> Self {
        let mut visitor = BrowserSession::new();
        let reply = visitor.open(&tocsin.url(BEGIN)).await;
        let there = Url::parse(reply.header("location")).unwrap();
        let asked = there.query_pairs().into_owned().collect();
        Self { visitor, asked }
    }

    /// What the provider should say of them.
    fn claims(&self, forger: &FakeIdp) -> Value {
        let now = ago(0).timestamp();
        json!({
            "iss": forger.issuer, "aud": "tocsin", "sub": "ann-17",
            "iat": now, "exp": now + 300, "nonce": self.asked["nonce"],
            "name": "Ann", "email": "ann@example.com", "email_verified": true,
        })
    }

    /// Comes back; answers where to.
    async fn end(&mut self, tocsin: &Tocsin) -> String {
        let back = format!("{BEGIN}/callback?code=1&state={}", self.asked["state"]);
        let reply = self.visitor.open(&tocsin.url(&back)).await;
        assert_eq!(reply.status, 303, "{}", reply.text());
        reply.header("location").to_owned()
    }
}

#[tokio::test]
async fn id_tokens_that_prove_nothing_are_refused() {
    let forger = FakeIdp::start().await;
    let tocsin = start(&forger).await;
    let now = ago(0).timestamp();
    let wrong = [
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("iss", json!("https://login.example.com")),
        ("iss", json!(format!("{}/", forger.issuer))),
        ("aud", json!("another")),
        ("aud", json!(["tocsin", "another"])),
        ("aud", json!([])),
        ("exp", json!(now - 3_600)),
        ("exp", Value::Null),
        ("iat", json!(now + 3_600)),
        ("sub", Value::Null),
        ("at_hash", json!("bm90LXRoZS1hY2Nlc3MtdG9rZW4")),
    ];
    for (claim, value) in wrong {
        let mut trip = Trip::begin(&tocsin).await;
        let mut claims = trip.claims(&forger);
        claims[claim] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        }
        forger.give(&forger.sign(&claims));
        assert_eq!(trip.end(&tocsin).await, REFUSED, "{claim} {value}");
        let me = trip.visitor.ask(&tocsin, Method::GET, "/api/v1/me").await;
        me.problem(401);
    }
    assert!(tocsin.all::<User>("users").await.is_empty());

    // What is right comes in.
    let mut trip = Trip::begin(&tocsin).await;
    forger.give(&forger.sign(&trip.claims(&forger)));
    assert_eq!(trip.end(&tocsin).await, "/");
    let me = trip.visitor.ask(&tocsin, Method::GET, "/api/v1/me").await;
    assert_eq!(me.json::<Me>().name, "Ann");
    assert!(!tocsin.log().contains(SECRET));
}

#[tokio::test]
async fn signatures_that_anybody_could_make_are_refused() {
    let forger = FakeIdp::start().await;
    let tocsin = start(&forger).await;
    type Make = fn(&FakeIdp, &Value) -> String;
    let makes: [Make; 7] = [
        |forger, claims| forger.unsigned(&json!({"alg": "none"}), claims, ""),
        |forger, claims| forger.unsigned(&json!({"alg": "None", "typ": "JWT"}), claims, ""),
        |forger, claims| forger.unsigned(&json!({"alg": "EdDSA", "kid": "one"}), claims, ""),
        // As with a shared secret, for which a public key could be taken.
        |forger, claims| forger.unsigned(&json!({"alg": "HS256"}), claims, &"A".repeat(43)),
        FakeIdp::sign_with_another_key,
        |_, _| "no.token.atall".to_owned(),
        |_, _| String::new(),
    ];
    for (index, make) in makes.into_iter().enumerate() {
        let mut trip = Trip::begin(&tocsin).await;
        let claims = trip.claims(&forger);
        forger.give(&make(&forger, &claims));
        assert_eq!(trip.end(&tocsin).await, REFUSED, "{index}");
    }
    // No ID token at all.
    let mut trip = Trip::begin(&tocsin).await;
    let body = json!({"access_token": "access", "token_type": "Bearer"});
    forger.answer(200, body.to_string());
    assert_eq!(trip.end(&tocsin).await, REFUSED);
    assert!(tocsin.all::<User>("users").await.is_empty());
}

#[tokio::test]
async fn answers_that_are_none_are_an_outage() {
    let forger = FakeIdp::start().await;
    let tocsin = start(&forger).await;
    for (status, body, expected) in [
        (400, r#"{"error": "invalid_grant"}"#.to_owned(), REFUSED),
        (401, r#"{"error": "invalid_client"}"#.to_owned(), REFUSED),
        (502, String::new(), UNAVAILABLE),
        // Longer than anything is read.
        (200, " ".repeat(2 << 20), UNAVAILABLE),
    ] {
        let mut trip = Trip::begin(&tocsin).await;
        forger.answer(status, body);
        assert_eq!(trip.end(&tocsin).await, expected, "{status}");
    }
}

#[tokio::test]
async fn a_provider_of_another_name_is_not_asked() {
    let forger = FakeIdp::start().await;
    forger.call_itself("https://login.example.com");
    let tocsin = start(&forger).await;
    let reply = BrowserSession::new().open(&tocsin.url(BEGIN)).await;
    assert_eq!(reply.header("location"), UNAVAILABLE);
    assert!(
        !reply.headers.contains_key("set-cookie")
            || reply.header("set-cookie").contains("Max-Age=0")
    );
}
