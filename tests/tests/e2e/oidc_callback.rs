//! The OpenID Connect callback: it works once, for the browser that started the
//! sign-in, and redirects to local paths only.

use serde_json::json;
use tocsin_api_types::AuditEntry;
use tocsin_tests::{BrowserSession, OpenIdProvider};

use super::single_sign_on::{BEGIN, ann, callback_url, location, start, status};

#[tokio::test]
async fn oidc_callback_works_once_and_for_its_browser_only() {
    const REJECTED: &str = "/sign-in?problem=oidc-refused";
    let provider = OpenIdProvider::start();
    provider.set_user(&ann()).await;
    let tocsin = start(&provider, "").await;
    let mut user = BrowserSession::new();
    let callback = callback_url(&mut user, &tocsin).await;

    // Login CSRF: a victim opens another user's callback without a cookie, with that of
    // another attempt, or with an invalid one.
    let mut victim = BrowserSession::new();
    assert_eq!(location(&victim.open(callback.as_str()).await), REJECTED);
    victim.open(&tocsin.url(BEGIN)).await;
    assert_eq!(location(&victim.open(callback.as_str()).await), REJECTED);
    victim.set_cookie(&tocsin, "tocsin-oidc", "AAAA.");
    assert_eq!(location(&victim.open(callback.as_str()).await), REJECTED);
    assert_eq!(status(&mut victim, &tocsin).await, 401);

    let cookie = user.cookies(&tocsin)["tocsin-oidc"].clone();
    for (name, value) in [
        ("state", "x"),
        ("state", ""),
        ("code", "x"),
        ("iss", "https://evil.example.net"),
    ] {
        let mut changed = callback.clone();
        let pairs: Vec<_> = callback.query_pairs().into_owned().collect();
        let pairs = pairs.into_iter().filter(|(key, _)| key != name);
        changed
            .query_pairs_mut()
            .clear()
            .extend_pairs(pairs)
            .append_pair(name, value);
        assert_eq!(
            location(&user.open(changed.as_str()).await),
            REJECTED,
            "{name}={value}"
        );
        assert!(!user.cookies(&tocsin).contains_key("tocsin-oidc"));
        user.set_cookie(&tocsin, "tocsin-oidc", &cookie);
    }

    assert_eq!(location(&user.open(callback.as_str()).await), "/");
    assert_eq!(status(&mut user, &tocsin).await, 200);
    // The same code again, even with the stolen cookie.
    let mut thief = BrowserSession::new();
    thief.set_cookie(&tocsin, "tocsin-oidc", &cookie);
    assert_eq!(location(&thief.open(callback.as_str()).await), REJECTED);
    assert_eq!(status(&mut thief, &tocsin).await, 401);
    // Failed callbacks are audited, including the four with changed parameters.
    let entries: Vec<AuditEntry> = tocsin.all("audit?action=sign-in.failed").await;
    let reason = json!({"method": "oidc", "problem": "oidc-refused"});
    assert!(
        entries
            .iter()
            .all(|entry| entry.after.as_ref() == Some(&reason))
    );
    assert_eq!(entries.len(), 6);
}

#[tokio::test]
async fn return_to_accepts_local_paths_only() {
    let provider = OpenIdProvider::start();
    provider.set_user(&ann()).await;
    let tocsin = start(&provider, "").await;
    for bad in [
        "//evil.example.net",
        "https://evil.example.net",
        "/%5Cevil.example.net",
        "/%0d%0aSet-Cookie:%20a=b",
        "incidents",
        "/api/v1/sign-in/oidc",
    ] {
        let path = format!("{BEGIN}?returnTo={bad}");
        let reply = tocsin.get_reply(&path).await;
        assert_eq!(reply.fields(400), ["returnTo"], "{bad}");
    }
    // Nor with a forged cookie.
    let mut browser = BrowserSession::new();
    let callback = callback_url(&mut browser, &tocsin).await;
    let cookie = browser.cookies(&tocsin)["tocsin-oidc"].clone();
    let (secret, _) = cookie.split_once('.').unwrap();
    // base64url of //evil.example.net
    let forged = format!("{secret}.Ly9ldmlsLmV4YW1wbGUubmV0");
    browser.set_cookie(&tocsin, "tocsin-oidc", &forged);
    assert_eq!(location(&browser.open(callback.as_str()).await), "/");
}
