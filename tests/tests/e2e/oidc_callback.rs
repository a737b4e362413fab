//! The way back from the OpenID provider: who may go it, and where it leads.

use serde_json::json;
use tocsin_api_types::AuditEntry;
use tocsin_tests::{BrowserSession, OpenIdProvider};

use super::single_sign_on::{BEGIN, ann, led_to, start, status, to_the_way_back};

#[tokio::test]
async fn the_way_back_is_open_once_and_only_to_who_went() {
    const REFUSED: &str = "/sign-in?problem=oidc-refused";
    let provider = OpenIdProvider::start();
    provider.person(&ann()).await;
    let tocsin = start(&provider, "").await;
    let mut person = BrowserSession::new();
    let back = to_the_way_back(&mut person, &tocsin).await;

    // Somebody was made to open the link of somebody else's sign-in: with no
    // cookie, with that of another attempt, or with nonsense.
    let mut victim = BrowserSession::new();
    assert_eq!(led_to(&victim.open(back.as_str()).await), REFUSED);
    victim.open(&tocsin.url(BEGIN)).await;
    assert_eq!(led_to(&victim.open(back.as_str()).await), REFUSED);
    victim.plant(&tocsin, "tocsin-oidc", "AAAA.");
    assert_eq!(led_to(&victim.open(back.as_str()).await), REFUSED);
    assert_eq!(status(&mut victim, &tocsin).await, 401);

    let kept = person.cookies(&tocsin)["tocsin-oidc"].clone();
    for (name, value) in [
        ("state", "x"),
        ("state", ""),
        ("code", "x"),
        ("iss", "https://evil.example.net"),
    ] {
        let mut changed = back.clone();
        let pairs: Vec<_> = back.query_pairs().into_owned().collect();
        let pairs = pairs.into_iter().filter(|(key, _)| key != name);
        changed
            .query_pairs_mut()
            .clear()
            .extend_pairs(pairs)
            .append_pair(name, value);
        assert_eq!(
            led_to(&person.open(changed.as_str()).await),
            REFUSED,
            "{name}={value}"
        );
        assert!(!person.cookies(&tocsin).contains_key("tocsin-oidc"));
        person.plant(&tocsin, "tocsin-oidc", &kept);
    }

    assert_eq!(led_to(&person.open(back.as_str()).await), "/");
    assert_eq!(status(&mut person, &tocsin).await, 200);
    // The same code again, even with the cookie that went.
    let mut thief = BrowserSession::new();
    thief.plant(&tocsin, "tocsin-oidc", &kept);
    assert_eq!(led_to(&thief.open(back.as_str()).await), REFUSED);
    assert_eq!(status(&mut thief, &tocsin).await, 401);
    // Whoever went and came back wrongly is in the audit log, four times here
    // with a changed answer.
    let deeds: Vec<AuditEntry> = tocsin.all("audit?action=sign-in.failed").await;
    let why = json!({"method": "oidc", "problem": "oidc-refused"});
    assert!(deeds.iter().all(|deed| deed.after.as_ref() == Some(&why)));
    assert_eq!(deeds.len(), 6);
}

#[tokio::test]
async fn nobody_is_sent_to_another_server() {
    let provider = OpenIdProvider::start();
    provider.person(&ann()).await;
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
        let reply = tocsin.look(&path).await;
        assert_eq!(reply.fields(400), ["returnTo"], "{bad}");
    }
    // Nor by a cookie that somebody planted.
    let mut visitor = BrowserSession::new();
    let back = to_the_way_back(&mut visitor, &tocsin).await;
    let kept = visitor.cookies(&tocsin)["tocsin-oidc"].clone();
    let (secret, _) = kept.split_once('.').unwrap();
    // base64url of //evil.example.net
    let planted = format!("{secret}.Ly9ldmlsLmV4YW1wbGUubmV0");
    visitor.plant(&tocsin, "tocsin-oidc", &planted);
    assert_eq!(led_to(&visitor.open(back.as_str()).await), "/");
}
