//! Where requests come from, which proxies are believed, and how much each
//! caller may ask for.

use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{AuditEntry, Page};
use tocsin_tests::{Options, Reply, Tocsin, Webhook, firing};

const SIGN_IN: &str = "/api/v1/sign-in";

/// Somebody tries to sign in, and says to come from there.
async fn attempt(tocsin: &Tocsin, forwarded: &[(&'static str, &str)]) -> Reply {
    let body = json!({"email": "nobody@example.com", "password": "wrong"});
    let mut request = tocsin.request(Method::POST, SIGN_IN).anonymous();
    for (name, value) in forwarded {
        request = request.header(name, value);
    }
    request.json(&body).send().await
}

/// From where the last attempt came, as the audit log says it.
async fn told_address(tocsin: &Tocsin) -> String {
    let lines: Page<AuditEntry> = tocsin.get("/api/v1/audit?action=sign-in.failed").await;
    lines.items[0].address.clone().unwrap()
}

#[tokio::test]
async fn forwarded_headers_count_from_trusted_proxies_only() {
    let forged = [
        ("x-forwarded-for", "198.51.100.7, 203.0.113.9"),
        ("x-forwarded-proto", "https"),
    ];
    let tocsin = Tocsin::start(Options::default()).await;
    let answer = attempt(&tocsin, &forged).await.expect(401);
    assert_eq!(told_address(&tocsin).await, "127.0.0.1");
    assert_eq!(answer.header("strict-transport-security"), "");

    let options = Options::default().set("server.trusted_proxies", "127.0.0.1, 10.0.0.0/8");
    let tocsin = Tocsin::start(options).await;
    let answer = attempt(&tocsin, &forged).await.expect(401);
    // The one before it, the browser may have written itself.
    assert_eq!(told_address(&tocsin).await, "203.0.113.9");
    assert_ne!(answer.header("strict-transport-security"), "");
    attempt(&tocsin, &[]).await.expect(401);
    assert_eq!(told_address(&tocsin).await, "127.0.0.1");
}

#[tokio::test]
async fn an_address_has_so_many_attempts_to_sign_in() {
    let options = Options::default()
        .set("limits.sign_ins_per_minute", 3)
        .set("server.trusted_proxies", "127.0.0.1");
    let tocsin = Tocsin::start(options).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    for _ in 0..3 {
        attempt(&tocsin, &from("203.0.113.9")).await.expect(401);
    }
    let refused = attempt(&tocsin, &from("203.0.113.9")).await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let problem = refused.problem(429);
    assert_eq!(problem.kind, "urn:tocsin:problem:too-many-requests");
    // Another name in front is no other address.
    let hidden = attempt(&tocsin, &from("192.0.2.55, 203.0.113.9")).await;
    hidden.expect(429);
    attempt(&tocsin, &from("203.0.113.10")).await.expect(401);
}

#[tokio::test]
async fn whoever_asks_for_too_much_is_told_when_to_come_back() {
    let options = Options::default()
        .set("limits.requests_per_second", 1)
        .set("limits.burst", 20);
    let tocsin = Tocsin::start(options).await;
    let mut limited = None;
    for _ in 0..40 {
        let answer = tocsin.look("/api/v1/status").await;
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("there is a limit");
    assert_eq!(limited.header("retry-after"), "1");
    assert_eq!(
        limited.problem(429).kind,
        "urn:tocsin:problem:too-many-requests"
    );
    // Whoever is not known has no more.
    let stranger = tocsin.request(Method::GET, "/api/v1/status").anonymous();
    stranger.send().await.expect(429);
    // A sender does not repeat what is answered with 429; and probes and pages
    // belong to nobody.
    for _ in 0..40 {
        tocsin.post(&Webhook::of([firing("Down")])).await;
        tocsin.look("/healthz").await.expect(200);
    }
    let page = tocsin.request(Method::GET, "/").anonymous();
    page.header("accept", "text/html").send().await.expect(200);
}
