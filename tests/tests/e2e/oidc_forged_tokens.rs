//! Single sign-on with a provider that forges tokens: no user is signed in.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{Me, User};
use tocsin_tests::{BrowserSession, FakeIdp, Options, Tocsin, ago};
use url::Url;

const BEGIN: &str = "/api/v1/sign-in/oidc";
const REJECTED: &str = "/sign-in?problem=oidc-refused";
const UNAVAILABLE: &str = "/sign-in?problem=oidc-unavailable";
const SECRET: &str = "shared-with-the-idp";

async fn start(idp: &FakeIdp) -> Tocsin {
    let config = format!(
        "[auth.oidc]\nissuer = \"{}\"\nclient_id = \"tocsin\"\nclient_secret = \"{SECRET}\"\n",
        idp.issuer
    );
    let options = Options::default().config(config);
    Tocsin::start(options.set("limits.sign_ins_per_minute", 0)).await
}

/// A started sign-in.
struct SignIn {
    browser: BrowserSession,
    /// Query of the authorization request.
    query: HashMap<String, String>,
}

impl SignIn {
    async fn start(tocsin: &Tocsin) -> Self {
        let mut browser = BrowserSession::new();
        let reply = browser.open(&tocsin.url(BEGIN)).await;
        let url = Url::parse(reply.header("location")).unwrap();
        let query = url.query_pairs().into_owned().collect();
        Self { browser, query }
    }

    /// Valid claims.
    fn claims(&self, idp: &FakeIdp) -> Value {
        let now = ago(0).timestamp();
        json!({
            "iss": idp.issuer, "aud": "tocsin", "sub": "ann-17",
                "iat": now, "exp": now + 300, "nonce": self.query["nonce"],
            "name": "Ann", "email": "ann@example.com", "email_verified": true,
        })
    }

    /// Opens the callback. Returns where it redirects to.
    async fn finish(&mut self, tocsin: &Tocsin) -> String {
        let callback = format!("{BEGIN}/callback?code=1&state={}", self.query["state"]);
        let reply = self.browser.open(&tocsin.url(&callback)).await;
        assert_eq!(reply.status, 303, "{}", reply.text());
        reply.header("location").to_owned()
    }
}

#[tokio::test]
async fn invalid_claims_are_rejected() {
    let idp = FakeIdp::start().await;
    let tocsin = start(&idp).await;
    let now = ago(0).timestamp();
    let wrong = [
        ("nonce", json!("another")),
        ("nonce", Value::Null),
        ("iss", json!("https://login.example.com")),
        ("iss", json!(format!("{}/", idp.issuer))),
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
        let mut sign_in = SignIn::start(&tocsin).await;
        let mut claims = sign_in.claims(&idp);
        claims[claim] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        }
        idp.set_id_token(&idp.sign(&claims));
        assert_eq!(sign_in.finish(&tocsin).await, REJECTED, "{claim} {value}");
        let me = sign_in
            .browser
            .request(&tocsin, Method::GET, "/api/v1/me")
            .await;
        me.problem(401);
    }
    assert!(tocsin.all::<User>("users").await.is_empty());

    // Valid claims are accepted.
    let mut sign_in = SignIn::start(&tocsin).await;
    idp.set_id_token(&idp.sign(&sign_in.claims(&idp)));
    assert_eq!(sign_in.finish(&tocsin).await, "/");
    let me = sign_in
        .browser
        .request(&tocsin, Method::GET, "/api/v1/me")
        .await;
    assert_eq!(me.json::<Me>().name, "Ann");
    assert!(!tocsin.log().contains(SECRET));
}

#[tokio::test]
async fn forged_signatures_are_rejected() {
    let idp = FakeIdp::start().await;
    let tocsin = start(&idp).await;
    type Forge = fn(&FakeIdp, &Value) -> String;
    let forgeries: [Forge; 7] = [
        |idp, claims| idp.unsigned(&json!({"alg": "none"}), claims, ""),
        |idp, claims| idp.unsigned(&json!({"alg": "None", "typ": "JWT"}), claims, ""),
        |idp, claims| idp.unsigned(&json!({"alg": "EdDSA", "kid": "one"}), claims, ""),
        // HMAC with the public key as the secret.
        |idp, claims| idp.unsigned(&json!({"alg": "HS256"}), claims, &"A".repeat(43)),
        FakeIdp::sign_with_another_key,
        |_, _| "no.token.atall".to_owned(),
        |_, _| String::new(),
    ];
    for (index, forge) in forgeries.into_iter().enumerate() {
        let mut sign_in = SignIn::start(&tocsin).await;
        let claims = sign_in.claims(&idp);
        idp.set_id_token(&forge(&idp, &claims));
        assert_eq!(sign_in.finish(&tocsin).await, REJECTED, "{index}");
    }
    // Without an ID token.
    let mut sign_in = SignIn::start(&tocsin).await;
    let body = json!({"access_token": "access", "token_type": "Bearer"});
    idp.set_token_response(200, body.to_string());
    assert_eq!(sign_in.finish(&tocsin).await, REJECTED);
    assert!(tocsin.all::<User>("users").await.is_empty());
}

#[tokio::test]
async fn failed_token_responses_are_reported() {
    let idp = FakeIdp::start().await;
    let tocsin = start(&idp).await;
    for (status, body, expected) in [
        (400, r#"{"error": "invalid_grant"}"#.to_owned(), REJECTED),
        (401, r#"{"error": "invalid_client"}"#.to_owned(), REJECTED),
        (502, String::new(), UNAVAILABLE),
        // Over the size limit.
        (200, " ".repeat(2 << 20), UNAVAILABLE),
    ] {
        let mut sign_in = SignIn::start(&tocsin).await;
        idp.set_token_response(status, body);
        assert_eq!(sign_in.finish(&tocsin).await, expected, "{status}");
    }
}

#[tokio::test]
async fn discovery_with_another_issuer_is_rejected() {
    let idp = FakeIdp::start().await;
    idp.set_issuer("https://login.example.com");
    let tocsin = start(&idp).await;
    let reply = BrowserSession::new().open(&tocsin.url(BEGIN)).await;
    assert_eq!(reply.header("location"), UNAVAILABLE);
    assert!(
        !reply.headers.contains_key("set-cookie")
            || reply.header("set-cookie").contains("Max-Age=0")
    );
}
