//! Client addresses, trusted proxies, and rate limits for each caller.

use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{AuditEntry, Page};
use tocsin_tests::{Options, Reply, Tocsin, Webhook, firing};

const SIGN_IN: &str = "/api/v1/sign-in";

/// A failed sign-in with these forwarding headers.
async fn attempt(tocsin: &Tocsin, forwarded: &[(&'static str, &str)]) -> Reply {
    let body = json!({"email": "unknown@example.com", "password": "wrong"});
    let mut request = tocsin.request(Method::POST, SIGN_IN).anonymous();
    for (name, value) in forwarded {
        request = request.header(name, value);
    }
    request.json(&body).send().await
}

/// The client address of the last attempt in the audit log.
async fn recorded_address(tocsin: &Tocsin) -> String {
    let entries: Page<AuditEntry> = tocsin.get("/api/v1/audit?action=sign-in.failed").await;
    entries.items[0].address.clone().unwrap()
}

#[tokio::test]
async fn forwarded_headers_are_accepted_from_trusted_proxies_only() {
    let forged = [
        ("x-forwarded-for", "198.51.100.7, 203.0.113.9"),
        ("x-forwarded-proto", "https"),
    ];
    let tocsin = Tocsin::start(Options::default()).await;
    let answer = attempt(&tocsin, &forged).await.expect(401);
    assert_eq!(recorded_address(&tocsin).await, "127.0.0.1");
    assert_eq!(answer.header("strict-transport-security"), "");

    let options = Options::default().set("server.trusted_proxies", "127.0.0.1, 10.0.0.0/8");
    let tocsin = Tocsin::start(options).await;
    let answer = attempt(&tocsin, &forged).await.expect(401);
    // Earlier addresses in the list can be forged by the client.
    assert_eq!(recorded_address(&tocsin).await, "203.0.113.9");
    assert_ne!(answer.header("strict-transport-security"), "");
    attempt(&tocsin, &[]).await.expect(401);
    assert_eq!(recorded_address(&tocsin).await, "127.0.0.1");
}

#[tokio::test]
async fn sign_ins_are_limited_per_client_address() {
    let options = Options::default()
        .set("limits.sign_ins_per_minute", 3)
        .set("server.trusted_proxies", "127.0.0.1");
    let tocsin = Tocsin::start(options).await;
    let from = |address: &'static str| [("x-forwarded-for", address)];
    for _ in 0..3 {
        attempt(&tocsin, &from("203.0.113.9")).await.expect(401);
    }
    let rejected = attempt(&tocsin, &from("203.0.113.9")).await;
    let wait: u64 = rejected.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let problem = rejected.problem(429);
    assert_eq!(problem.kind, "urn:tocsin:problem:too-many-requests");
    // A forged address in front does not change the client address.
    let hidden = attempt(&tocsin, &from("192.0.2.55, 203.0.113.9")).await;
    hidden.expect(429);
    attempt(&tocsin, &from("203.0.113.10")).await.expect(401);
}

#[tokio::test]
async fn requests_over_the_limit_return_429_with_retry_after() {
    let options = Options::default()
        .set("limits.requests_per_second", 1)
        .set("limits.burst", 20);
    let tocsin = Tocsin::start(options).await;
    let mut limited = None;
    for _ in 0..40 {
        let answer = tocsin.get_reply("/api/v1/status").await;
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
    // Unauthenticated requests have the same limit.
    let anonymous = tocsin.request(Method::GET, "/api/v1/status").anonymous();
    anonymous.send().await.expect(429);
    // Deliveries are not limited, as senders do not retry after a 429; nor are probes and
    // pages.
    for _ in 0..40 {
        tocsin.post(&Webhook::of([firing("Down")])).await;
        tocsin.get_reply("/healthz").await.expect(200);
    }
    let page = tocsin.request(Method::GET, "/").anonymous();
    page.header("accept", "text/html").send().await.expect(200);
}
