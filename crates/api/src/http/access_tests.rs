//! Tests of authentication, authorization and rate limits.

use actix_web::http::{Method, StatusCode, header};
use tocsin_storage::enums::Role;

use super::policy::{ENDPOINTS, Requirement};
use super::tests::{BODY, GUARDED, Server, anonymous, local, webhook, with};

#[actix_web::test]
async fn only_probes_pages_and_sign_in_are_public() {
    for variables in [&[][..], GUARDED] {
        let server = Server::start(variables).await;
        for path in [
            "/api/v1/alerts",
            "/api/v1/nothing",
            "/%61pi/v1/alerts",
            "/api/v1/%61lerts",
            "/metrics",
            "/docs/",
            "/openapi.json",
            "/api/v1/events",
        ] {
            let request = |secret: &'static str| match secret {
                "" => anonymous(Method::GET, path),
                secret => with(anonymous(Method::GET, path), secret),
            };
            for secret in ["", "wrong", "tocsin_wrong"] {
                let rejected = server.send(request(secret)).await;
                assert_eq!(rejected.status, StatusCode::UNAUTHORIZED, "{path}");
                assert_eq!(rejected.problem(), "unauthorized");
                assert_eq!(
                    rejected.header(header::WWW_AUTHENTICATE),
                    "Bearer realm=\"Tocsin\""
                );
            }
            let status = server.send(request("read")).await.status;
            assert!(
                status == StatusCode::OK || path.ends_with("nothing"),
                "{path}: {status}"
            );
        }
        for path in ["/", "/sign-in", "/healthz", "/readyz", "/api/v1/sign-in"] {
            let page = anonymous(Method::GET, path).insert_header((header::ACCEPT, "text/html"));
            assert_eq!(server.send(page).await.status, StatusCode::OK, "{path}");
        }
    }
}

#[actix_web::test]
async fn ingest_tokens_grant_access_to_the_webhook_only() {
    let server = Server::start(GUARDED).await;
    for path in ["/api/v1/alerts", "/api/v1/nothing", "/metrics", "/docs/"] {
        let rejected = server
            .send(with(anonymous(Method::GET, path), "free"))
            .await;
        assert_eq!(rejected.status, StatusCode::FORBIDDEN, "{path}");
    }
    let missing = server.send(webhook("/webhook", BODY)).await;
    assert_eq!(missing.status, StatusCode::UNAUTHORIZED);
    for secret in ["wrong", "tocsin_wrong"] {
        let unknown = server.send(with(webhook("/webhook", BODY), secret)).await;
        assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
        assert_eq!(unknown.json()["detail"], "The token is invalid.");
    }
    for secret in ["read", "respond", "admin"] {
        let other = server.send(with(webhook("/webhook", BODY), secret)).await;
        assert_eq!(other.status, StatusCode::FORBIDDEN, "{secret}");
    }
    let mixed = server
        .send(with(webhook("/webhook?source=other", BODY), "bound"))
        .await;
    assert_eq!(
        (mixed.status, mixed.problem().as_str()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
    for secret in ["free", "bound"] {
        let accepted = server
            .send(with(webhook("/tocsin/webhook", BODY), secret))
            .await;
        assert_eq!(accepted.status, StatusCode::OK, "{secret}");
    }
    let help = server.send(anonymous(Method::GET, "/webhook")).await;
    assert_eq!(help.problem(), "method-not-allowed");
    let rejected = server.get("/api/v1/deliveries?outcome=refused").await;
    assert_eq!(rejected.json()["items"].as_array().unwrap().len(), 1);
    let metrics = server.get("/metrics").await.body;
    let metrics = String::from_utf8(metrics).unwrap();
    for line in [
        "tocsin_deliveries_total{source=\"(other)\",outcome=\"unauthorized\"} 6",
        "tocsin_requests_refused_total{reason=\"unauthorized\"} 3",
        "tocsin_requests_refused_total{reason=\"forbidden\"} 8",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

/// Requests every endpoint with each kind of token.
#[actix_web::test]
async fn endpoints_enforce_the_policy() {
    let server = Server::start(GUARDED).await;
    for endpoint in ENDPOINTS {
        let path = endpoint.path.replace("{id}", "999").replace("{file}", "");
        let method: Method = endpoint.method.parse().unwrap();
        for (secret, role) in [
            ("free", None),
            ("read", Some(Role::Viewer)),
            ("respond", Some(Role::Responder)),
            ("admin", Some(Role::Admin)),
        ] {
            let request = with(anonymous(method.clone(), &path), secret);
            let status = server.send(request).await.status;
            let allowed = match endpoint.requirement {
                Requirement::Nothing => true,
                Requirement::Ingest => role.is_none(),
                Requirement::Person => false,
                Requirement::Role(required) => role >= Some(required),
            };
            let rejected = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
            assert_eq!(
                !rejected, allowed,
                "{} {} with {secret}: {status}",
                endpoint.method, endpoint.path
            );
        }
    }
}

#[actix_web::test]
async fn webhook_without_tokens_accepts_local_requests_only() {
    let server = Server::start(&[]).await;
    let accepted = server.send(webhook("/webhook", BODY)).await;
    assert_eq!(accepted.status, StatusCode::OK);
    let foreign_host = webhook("/webhook", BODY).insert_header((header::HOST, "evil.example.net"));
    assert_eq!(
        server.send(foreign_host).await.problem(),
        "misdirected-request"
    );
    let forwarded = webhook("/webhook", BODY).insert_header(("X-Forwarded-For", "192.0.2.1"));
    assert_eq!(server.send(forwarded).await.problem(), "forbidden");
    let cross_site =
        webhook("/webhook", BODY).insert_header((header::ORIGIN, "https://evil.example.net"));
    assert_eq!(server.send(cross_site).await.problem(), "cross-site");
    let cross_site = local(Method::POST, "/api/v1/groups")
        .insert_header((header::ORIGIN, "https://evil.example.net"));
    assert_eq!(server.send(cross_site).await.problem(), "cross-site");
}

#[actix_web::test]
async fn requests_are_rate_limited_but_deliveries_are_not() {
    let server = Server::start(&[
        ("TOCSIN_LIMITS_REQUESTS_PER_SECOND", "1"),
        ("TOCSIN_LIMITS_BURST", "3"),
    ])
    .await;
    for _ in 0..3 {
        assert_eq!(server.get("/api/v1/groups").await.status, StatusCode::OK);
    }
    let limited = server.get("/api/v1/groups").await;
    assert_eq!(limited.problem(), "too-many-requests");
    assert_eq!(limited.header(header::RETRY_AFTER), "1");
    for _ in 0..20 {
        let accepted = server.send(webhook("/webhook", BODY)).await;
        assert_eq!(accepted.status, StatusCode::OK);
        assert_eq!(server.get("/healthz").await.status, StatusCode::OK);
    }
}
