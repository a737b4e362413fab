//! Who is let in, to what, and how often.

use actix_web::http::{Method, StatusCode, header};
use tocsin_storage::enums::Role;

use super::policy::{LINES, Requirement};
use super::tests::{BODY, GUARDED, Server, local, unsigned, webhook, with};

#[actix_web::test]
async fn all_is_closed_but_probes_pages_and_the_way_in() {
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
            let ask = |secret: &'static str| match secret {
                "" => unsigned(Method::GET, path),
                secret => with(unsigned(Method::GET, path), secret),
            };
            for secret in ["", "wrong", "tocsin_wrong"] {
                let refused = server.ask(ask(secret)).await;
                assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path}");
                assert_eq!(refused.problem(), "unauthorized");
                assert_eq!(
                    refused.header(header::WWW_AUTHENTICATE),
                    "Bearer realm=\"Tocsin\""
                );
            }
            let let_in = server.ask(ask("read")).await.status;
            assert!(
                let_in == StatusCode::OK || path.ends_with("nothing"),
                "{path}: {let_in}"
            );
        }
        for path in ["/", "/sign-in", "/healthz", "/readyz", "/api/v1/sign-in"] {
            let page = unsigned(Method::GET, path).insert_header((header::ACCEPT, "text/html"));
            assert_eq!(server.ask(page).await.status, StatusCode::OK, "{path}");
        }
    }
}

#[actix_web::test]
async fn the_webhook_takes_ingest_tokens_and_they_open_nothing_else() {
    let server = Server::start(GUARDED).await;
    for path in ["/api/v1/alerts", "/api/v1/nothing", "/metrics", "/docs/"] {
        let refused = server.ask(with(unsigned(Method::GET, path), "free")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let missing = server.ask(webhook("/webhook", BODY)).await;
    assert_eq!(missing.status, StatusCode::UNAUTHORIZED);
    for secret in ["wrong", "tocsin_wrong"] {
        let unknown = server.ask(with(webhook("/webhook", BODY), secret)).await;
        assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
        assert_eq!(unknown.json()["detail"], "This token is not known.");
    }
    for secret in ["read", "respond", "admin"] {
        let other = server.ask(with(webhook("/webhook", BODY), secret)).await;
        assert_eq!(other.status, StatusCode::FORBIDDEN, "{secret}");
    }
    let mixed = server
        .ask(with(webhook("/webhook?source=other", BODY), "bound"))
        .await;
    assert_eq!(
        (mixed.status, mixed.problem().as_str()),
        (StatusCode::FORBIDDEN, "forbidden")
    );
    for secret in ["free", "bound"] {
        let taken = server
            .ask(with(webhook("/tocsin/webhook", BODY), secret))
            .await;
        assert_eq!(taken.status, StatusCode::OK, "{secret}");
    }
    let help = server.ask(unsigned(Method::GET, "/webhook")).await;
    assert_eq!(help.problem(), "method-not-allowed");
    let refused = server.get("/api/v1/deliveries?outcome=refused").await;
    assert_eq!(refused.json()["items"].as_array().unwrap().len(), 1);
    let told = server.get("/metrics").await.body;
    let told = String::from_utf8(told).unwrap();
    for line in [
        "tocsin_deliveries_total{source=\"(other)\",outcome=\"unauthorized\"} 6",
        "tocsin_requests_refused_total{reason=\"unauthorized\"} 3",
        "tocsin_requests_refused_total{reason=\"forbidden\"} 8",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
}

/// Every line of the table, asked for with each kind of token.
#[actix_web::test]
async fn the_table_says_who_may_do_what() {
    let server = Server::start(GUARDED).await;
    for line in LINES {
        let path = line.path.replace("{id}", "999").replace("{file}", "");
        let method: Method = line.method.parse().unwrap();
        for (secret, role) in [
            ("free", None),
            ("read", Some(Role::Viewer)),
            ("respond", Some(Role::Responder)),
            ("admin", Some(Role::Admin)),
        ] {
            let request = with(unsigned(method.clone(), &path), secret);
            let status = server.ask(request).await.status;
            let may = match line.needs {
                Requirement::Nothing => true,
                Requirement::Ingest => role.is_none(),
                Requirement::Person => false,
                Requirement::Role(needed) => role >= Some(needed),
            };
            let refused = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
            assert_eq!(
                !refused, may,
                "{} {} with {secret}: {status}",
                line.method, line.path
            );
        }
    }
}

#[actix_web::test]
async fn an_open_webhook_answers_this_machine_only() {
    let server = Server::start(&[]).await;
    let taken = server.ask(webhook("/webhook", BODY)).await;
    assert_eq!(taken.status, StatusCode::OK);
    let foreign = webhook("/webhook", BODY).insert_header((header::HOST, "evil.example.net"));
    assert_eq!(server.ask(foreign).await.problem(), "misdirected-request");
    let forwarded = webhook("/webhook", BODY).insert_header(("X-Forwarded-For", "192.0.2.1"));
    assert_eq!(server.ask(forwarded).await.problem(), "forbidden");
    let crossed =
        webhook("/webhook", BODY).insert_header((header::ORIGIN, "https://evil.example.net"));
    assert_eq!(server.ask(crossed).await.problem(), "cross-site");
    let crossed = local(Method::POST, "/api/v1/groups")
        .insert_header((header::ORIGIN, "https://evil.example.net"));
    assert_eq!(server.ask(crossed).await.problem(), "cross-site");
}

#[actix_web::test]
async fn whoever_asks_for_too_much_is_told_when_to_come_back_but_senders_are_not() {
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
        let taken = server.ask(webhook("/webhook", BODY)).await;
        assert_eq!(taken.status, StatusCode::OK);
        assert_eq!(server.get("/healthz").await.status, StatusCode::OK);
    }
}
