//! Access is denied by default; and what each token permits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use tocsin_api_types::{Delivery, IngestReport, SystemStatus};
use tocsin_tests::{Options, Tocsin, Webhook, firing, run, wait_until};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";
const TOKEN: &str = "ingest-token-4711";

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A server that is reachable from other machines requires credentials without any
/// settings.
#[tokio::test]
async fn server_beyond_loopback_requires_credentials() {
    for host in ["0.0.0.0", "[::]"] {
        let tocsin = Tocsin::start(Options::default().host(host)).await;
        for (method, path, status) in [
            (Method::GET, "/healthz", 200),
            (Method::GET, "/readyz", 200),
            (Method::GET, "/api/v1/sign-in", 200),
            (Method::GET, "/api/v1/alerts", 401),
            (Method::GET, "/api/v1/me", 401),
            (Method::GET, "/metrics", 401),
            (Method::GET, "/openapi.json", 401),
            (Method::GET, "/docs", 401),
            (Method::GET, "/api/v1/no/such/thing", 401),
            (Method::POST, WEBHOOK, 401),
            (Method::POST, "/webhook", 401),
        ] {
            let body = Webhook::of([firing("A")]).bytes();
            let request = tocsin.request(method, path).anonymous().bytes(body);
            assert_eq!(request.send().await.status, status, "{host} {path}");
        }
        assert!(tocsin.all::<Delivery>("deliveries").await.is_empty());
    }
    let folder = tempfile::tempdir().unwrap();
    let args = ["serve", "--demo", "--listen", "0.0.0.0:0"];
    let ended = run(folder.path(), &args, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("server.listen"), "{ended:?}");
}

/// Without an ingest token, the webhook accepts deliveries from this machine only.
#[tokio::test]
async fn webhook_without_ingest_token_is_limited_to_loopback() {
    let tocsin = Tocsin::start(Options::default()).await;
    let deliver = async |host: &str| {
        let request = tocsin.request(Method::POST, WEBHOOK).anonymous();
        let request = request.header("host", host);
        let body = Webhook::of([firing("A")]).bytes();
        request.bytes(body).send().await.status.as_u16()
    };
    for host in ["localhost", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"] {
        assert_eq!(deliver(host).await, 200, "{host}");
    }
    for host in [
        "evil.example.com",
        "localhost.example.com",
        "127.0.0.1.example.com:80",
        "10.0.0.1",
    ] {
        assert_eq!(deliver(host).await, 421, "{host}");
    }
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        let request = tocsin.request(Method::POST, WEBHOOK).anonymous();
        let request = request.header(name, "for=192.0.2.1");
        request.bytes("{}").send().await.problem(403);
    }
    // Probes are public, and reads always require a credential.
    let probe = tocsin.request(Method::GET, "/healthz").anonymous();
    let probe = probe.header("host", "probe.example.com");
    probe.send().await.expect(200);
    let reading = tocsin.request(Method::GET, "/api/v1/alerts").anonymous();
    reading.send().await.problem(401);
    // The first ingest token makes a token required for all deliveries.
    let token = tocsin.create_token(&["--scope", "ingest"]).await;
    wait_until("the webhook requires a token", || async {
        deliver("localhost").await == 401
    })
    .await;
    let request = tocsin.request(Method::POST, WEBHOOK);
    let request = request.authorization(&bearer(&token));
    let body = Webhook::of([firing("A")]).bytes();
    request.bytes(body).send().await.expect(200);
}

#[tokio::test]
async fn cross_site_requests_are_rejected() {
    for options in [Options::default(), Options::default().token("token")] {
        let tocsin = Tocsin::start(options).await;
        let own = format!("http://127.0.0.1:{}", tocsin.port());
        for (headers, is_allowed) in [
            (vec![("origin", &*own)], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("origin", "https://evil.example.com")], false),
            (vec![("origin", "null")], false),
            (vec![("origin", "http://127.0.0.1:1")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                true,
            ),
        ] {
            let mut request = tocsin.request(Method::GET, "/api/v1/status");
            for (name, value) in &headers {
                request = request.header(name, value);
            }
            let status = request.send().await.status.as_u16();
            assert_eq!(status, if is_allowed { 200 } else { 403 }, "{headers:?}");
        }
        let forged = tocsin
            .request(Method::POST, WEBHOOK)
            .header("origin", "https://evil.example.com");
        let problem = forged
            .bytes(Webhook::of([firing("A")]).bytes())
            .send()
            .await
            .problem(403);
        assert_eq!(problem.kind, "urn:tocsin:problem:cross-site");
        let navigated = tocsin
            .request(Method::POST, "/api/v1/groups")
            .header("sec-fetch-site", "cross-site");
        navigated
            .header("sec-fetch-mode", "navigate")
            .bytes("{}")
            .send()
            .await
            .problem(403);
        assert!(tocsin.all::<Delivery>("deliveries").await.is_empty());
        let reply = tocsin.get_reply("/api/v1/status").await;
        assert_eq!(reply.header("access-control-allow-origin"), "");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert!(
            reply
                .header("content-security-policy")
                .contains("frame-ancestors 'none'")
        );
    }
}

#[tokio::test]
async fn tokens_permit_their_scopes_only() {
    let tokens = format!(
        r#"[{{"name": "free", "token": "{TOKEN}"}}, {{"name": "bound", "token": "bound-token", "source": "prod"}}]"#
    );
    let options = Options::default().set("ingest.tokens", &tokens);
    let tocsin = Tocsin::start(options).await;
    let ingest = tocsin.create_token(&["--scope", "ingest"]).await;
    let bound_args = ["--scope", "ingest", "--source", "stage"];
    let bound_to_stage = tocsin.create_token(&bound_args).await;
    let viewer = tocsin.create_token(&["--scope", "read"]).await;
    let admin = tocsin.admin().to_owned();
    let request = async |method: Method, path: &str, authorization: Option<&str>| {
        let body = Webhook::of([firing("A")]).bytes();
        let request = tocsin.request(method, path).anonymous().bytes(body);
        match authorization {
            Some(value) => request.authorization(value).send().await,
            None => request.send().await,
        }
    };
    let truncated = &viewer[..viewer.len() - 1];
    let other_prefix = viewer.replace("tocsin_", "tocsim_");
    for (path, authorization, status) in [
        ("/api/v1/status", None, 401),
        ("/metrics", None, 401),
        ("/openapi.json", None, 401),
        ("/docs", None, 401),
        ("/healthz", None, 200),
        ("/api/v1/status", Some(bearer(&viewer)), 200),
        ("/metrics", Some(bearer(&viewer)), 200),
        ("/openapi.json", Some(bearer(&viewer)), 200),
        ("/api/v1/status", Some(basic("any", &viewer)), 200),
        ("/api/v1/status", Some(basic("", &viewer)), 200),
        ("/api/v1/status", Some(basic(&viewer, "")), 401),
        ("/api/v1/status", Some(bearer(truncated)), 401),
        ("/api/v1/status", Some(bearer(&other_prefix)), 401),
        ("/api/v1/status", Some("Bearer".to_owned()), 401),
        ("/api/v1/status", Some("Basic %%%".to_owned()), 401),
        ("/api/v1/status", Some(bearer(TOKEN)), 403),
        ("/api/v1/status", Some(bearer(&ingest)), 403),
        ("/api/v1/deliveries", Some(bearer(&ingest)), 403),
        ("/metrics", Some(bearer(&ingest)), 403),
    ] {
        let reply = request(Method::GET, path, authorization.as_deref()).await;
        assert_eq!(reply.status.as_u16(), status, "{path} {authorization:?}");
        if status == 401 {
            // A Basic challenge would make browsers show a password dialog.
            assert!(
                reply.header("www-authenticate").starts_with("Bearer "),
                "{path}"
            );
        }
    }
    for (path, authorization, status) in [
        (WEBHOOK, None, 401),
        ("/webhook", None, 401),
        (WEBHOOK, Some(bearer(TOKEN)), 200),
        (WEBHOOK, Some(format!("bearer {TOKEN}")), 200),
        (WEBHOOK, Some(basic("alertmanager", TOKEN)), 200),
        (WEBHOOK, Some(bearer(&ingest)), 200),
        (WEBHOOK, Some(basic("alertmanager", &ingest)), 200),
        ("/webhook/", Some(basic("", TOKEN)), 200),
        (WEBHOOK, Some(bearer(&format!("{TOKEN}x"))), 401),
        (WEBHOOK, Some(basic(TOKEN, "x")), 401),
        (WEBHOOK, Some(bearer(&viewer)), 403),
        (WEBHOOK, Some(bearer(&admin)), 403),
        (
            "/api/v1/webhooks/alertmanager?source=prod",
            Some(bearer("bound-token")),
            200,
        ),
        (
            "/api/v1/webhooks/alertmanager?source=dev",
            Some(bearer("bound-token")),
            403,
        ),
        (
            "/api/v1/webhooks/alertmanager?source=dev",
            Some(bearer(&bound_to_stage)),
            403,
        ),
    ] {
        let reply = request(Method::POST, path, authorization.as_deref()).await;
        assert_eq!(reply.status.as_u16(), status, "{path} {authorization:?}");
    }
    for (token, source) in [("bound-token", "prod"), (&*bound_to_stage, "stage")] {
        let report: IngestReport = request(Method::POST, WEBHOOK, Some(&bearer(token)))
            .await
            .json();
        let delivery: Delivery = tocsin
            .get(&format!("/api/v1/deliveries/{}", report.delivery_id))
            .await;
        assert_eq!(delivery.source, source);
    }
    // Bodies of unauthenticated deliveries are counted, but not stored.
    tocsin
        .request(Method::POST, WEBHOOK)
        .anonymous()
        .bytes("garbage")
        .send()
        .await
        .problem(401);
    let rejected: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert!(
        rejected.iter().all(|delivery| !delivery.raw_available),
        "{rejected:#?}"
    );
    let metrics = tocsin.metrics().await;
    assert!(
        metrics.sum("tocsin_deliveries_total", &["outcome=\"unauthorized\""]) >= 5.0,
        "{}",
        metrics.text
    );
    let status: SystemStatus = tocsin.get("/api/v1/status").await;
    assert!(status.ingest_token_required);
}

#[tokio::test]
async fn authenticated_requests_are_accepted_behind_a_proxy() {
    let options = Options::default()
        .token(TOKEN)
        .set("server.public_url", "https://ops.example.com/tocsin/");
    let tocsin = Tocsin::start(options).await;
    let request = tocsin
        .request(Method::GET, "/api/v1/status")
        .header("host", "ops.example.com");
    let request = request
        .header("x-forwarded-for", "192.0.2.1")
        .header("origin", "https://ops.example.com");
    let status: SystemStatus = request.send().await.json();
    assert_eq!(
        status.webhook_url,
        "https://ops.example.com/tocsin/api/v1/webhooks/alertmanager"
    );
    // With and without the prefix, as some proxies do not remove it.
    let prefixed: serde_json::Value = tocsin.get("/tocsin/api/v1/status").await;
    assert_eq!(prefixed["ingestTokenRequired"], true);
    let delivery = tocsin.request(Method::POST, "/tocsin/api/v1/webhooks/alertmanager");
    let delivery = delivery.authorization(&format!("Bearer {TOKEN}"));
    delivery
        .bytes(Webhook::of([firing("A")]).bytes())
        .send()
        .await
        .expect(200);
}
