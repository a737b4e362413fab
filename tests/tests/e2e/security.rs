//! Closed by default (rule 11), and secrets that stay where they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use tocsin_api_types::{Delivery, IngestReport, SystemStatus};
use tocsin_tests::{
    Certificates, Options, SmtpServer, Tocsin, Webhook, eventually, firing, run, team,
};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";
const PASSWORD: &str = "admin-password-0815-ä";
const TOKEN: &str = "ingest-token-4711";

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[test]
fn it_refuses_to_be_reached_from_elsewhere_without_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = r#"[{"name": "a", "token": "x"}]"#;
    for (settings, missing) in [
        (vec![], "auth.admin_password"),
        (vec![("auth.admin_password", "x")], "ingest.tokens"),
        (vec![("ingest.tokens", tokens)], "auth.admin_password"),
    ] {
        for listen in ["0.0.0.0:0", "[::]:0"] {
            let args = ["serve", "--data-dir", "data", "--listen", listen];
            let ended = run(folder.path(), &args, &settings);
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert!(
                ended.stderr.contains("server.listen") && ended.stderr.contains(missing),
                "{ended:?}"
            );
        }
    }
    assert!(
        !folder.path().join("data/tocsin.sqlite").exists(),
        "nothing was begun"
    );
}

#[tokio::test]
async fn without_credentials_only_this_machine_is_answered() {
    let tocsin = Tocsin::start(Options::default()).await;
    let status = async |host: &str| {
        let request = tocsin
            .request(Method::GET, "/api/v1/status")
            .header("host", host);
        request.send().await.status.as_u16()
    };
    for host in ["localhost", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"] {
        assert_eq!(status(host).await, 200, "{host}");
    }
    for host in [
        "evil.example.com",
        "localhost.example.com",
        "127.0.0.1.example.com:80",
        "10.0.0.1",
    ] {
        assert_eq!(status(host).await, 421, "{host}");
    }
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
        for (method, path) in [
            (Method::GET, "/api/v1/status"),
            (Method::POST, WEBHOOK),
            (Method::GET, "/"),
        ] {
            let request = tocsin
                .request(method, path)
                .header(name, "for=192.0.2.1")
                .bytes("{}");
            request.send().await.problem(403);
        }
    }
    // Probes have no secrets.
    let probe = tocsin
        .request(Method::GET, "/healthz")
        .header("host", "probe.example.com");
    probe.send().await.expect(200);
    // Rebinding does not reach the webhook either.
    let rebound = tocsin
        .request(Method::POST, WEBHOOK)
        .header("host", "evil.example.com");
    rebound
        .bytes(Webhook::of([firing("A")]).bytes())
        .send()
        .await
        .problem(421);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused_always() {
    for options in [
        Options::default(),
        Options::default().password("secret").token("token"),
    ] {
        let tocsin = Tocsin::start(options).await;
        let own = format!("http://127.0.0.1:{}", tocsin.port());
        for (method, headers, let_in) in [
            (Method::GET, vec![("origin", &*own)], true),
            (Method::GET, vec![("sec-fetch-site", "same-origin")], true),
            (Method::GET, vec![("sec-fetch-site", "none")], true),
            (
                Method::GET,
                vec![("origin", "https://evil.example.com")],
                false,
            ),
            (Method::GET, vec![("origin", "null")], false),
            (Method::GET, vec![("origin", "http://127.0.0.1:1")], false),
            (Method::GET, vec![("sec-fetch-site", "cross-site")], false),
            (Method::GET, vec![("sec-fetch-site", "same-site")], false),
            (
                Method::GET,
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                true,
            ),
        ] {
            let mut request = tocsin.request(method, "/api/v1/status");
            for (name, value) in &headers {
                request = request.header(name, value);
            }
            let status = request.send().await.status.as_u16();
            assert_eq!(status, if let_in { 200 } else { 403 }, "{headers:?}");
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
        let reply = tocsin.look("/api/v1/status").await;
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
async fn each_secret_opens_its_own_door() {
    let tokens = format!(
        r#"[{{"name": "free", "token": "{TOKEN}"}}, {{"name": "bound", "token": "bound-token", "source": "prod"}}]"#
    );
    let options = Options::default()
        .password(PASSWORD)
        .set("ingest.tokens", &tokens);
    let tocsin = Tocsin::start(options).await;
    let ask = async |method: Method, path: &str, authorization: Option<&str>| {
        let body = Webhook::of([firing("A")]).bytes();
        let request = tocsin.request(method, path).anonymous().bytes(body);
        match authorization {
            Some(value) => request.authorization(value).send().await,
            None => request.send().await,
        }
    };
    let encoded = format!("Bearer {PASSWORD}");
    for (path, authorization, status) in [
        ("/api/v1/status", None, 401),
        ("/api/v1/alerts", None, 401),
        ("/metrics", None, 401),
        ("/openapi.json", None, 401),
        ("/docs", None, 401),
        ("/", None, 401),
        ("/healthz", None, 200),
        ("/readyz", None, 200),
        ("/api/v1/status", Some(&*basic("admin", PASSWORD)), 200),
        ("/api/v1/status", Some(&*basic("", PASSWORD)), 200),
        ("/api/v1/status", Some(&*basic("admin", "wrong")), 401),
        ("/api/v1/status", Some(&*basic(PASSWORD, "")), 401),
        ("/api/v1/status", Some(&*encoded), 200),
        ("/api/v1/status", Some(&*format!("Bearer {TOKEN}")), 401),
        ("/api/v1/status", Some("Bearer"), 401),
        ("/api/v1/status", Some("Basic %%%"), 401),
        ("/api/v1/deliveries", Some(&*format!("Bearer {TOKEN}")), 401),
    ] {
        let reply = ask(Method::GET, path, authorization).await;
        assert_eq!(reply.status.as_u16(), status, "{path} {authorization:?}");
        if status == 401 {
            assert!(
                reply.header("www-authenticate").starts_with("Basic "),
                "{path}"
            );
        }
    }
    for (path, authorization, status) in [
        (WEBHOOK, None, 401),
        ("/webhook", None, 401),
        (WEBHOOK, Some(format!("Bearer {TOKEN}")), 200),
        (WEBHOOK, Some(format!("bearer {TOKEN}")), 200),
        (WEBHOOK, Some(basic("alertmanager", TOKEN)), 200),
        ("/webhook/", Some(basic("", TOKEN)), 200),
        (WEBHOOK, Some(format!("Bearer {TOKEN}x")), 401),
        (WEBHOOK, Some(basic(TOKEN, "x")), 401),
        (WEBHOOK, Some(basic("admin", PASSWORD)), 200),
        (
            "/api/v1/webhooks/alertmanager?source=prod",
            Some("Bearer bound-token".to_owned()),
            200,
        ),
        (
            "/api/v1/webhooks/alertmanager?source=dev",
            Some("Bearer bound-token".to_owned()),
            403,
        ),
    ] {
        let reply = ask(Method::POST, path, authorization.as_deref()).await;
        assert_eq!(reply.status.as_u16(), status, "{path} {authorization:?}");
    }
    let bound: IngestReport = ask(Method::POST, WEBHOOK, Some("Bearer bound-token"))
        .await
        .json();
    let delivery: Delivery = tocsin
        .get(&format!("/api/v1/deliveries/{}", bound.delivery_id))
        .await;
    assert_eq!(delivery.source, "prod");
    // Strangers cannot fill the disk: what they sent is counted, not kept.
    tocsin
        .request(Method::POST, WEBHOOK)
        .anonymous()
        .bytes("garbage")
        .send()
        .await
        .problem(401);
    let refused: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert!(
        refused.iter().all(|delivery| !delivery.raw_available),
        "{refused:#?}"
    );
    let metrics = tocsin.metrics().await;
    assert!(
        metrics.sum("tocsin_deliveries_total", &["outcome=\"unauthorized\""]) >= 5.0,
        "{}",
        metrics.text
    );
    let status: SystemStatus = tocsin.get("/api/v1/status").await;
    assert!(status.auth_required && status.ingest_token_required);
}

#[tokio::test]
async fn with_credentials_other_names_and_proxies_are_served() {
    let options = Options::default()
        .password(PASSWORD)
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
    // Whether the proxy takes the prefix off or not.
    let whole: serde_json::Value = tocsin.get("/tocsin/api/v1/status").await;
    assert_eq!(whole["authRequired"], true);
    let delivery = tocsin.request(Method::POST, "/tocsin/api/v1/webhooks/alertmanager");
    let delivery = delivery.authorization(&format!("Bearer {TOKEN}"));
    delivery
        .bytes(Webhook::of([firing("A")]).bytes())
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn secrets_are_nowhere_to_be_found() {
    const SMTP: &str = "smtp-password-1234";
    const WRONG: &str = "wrongly-typed-5678";
    let certificates = Certificates::new();
    let server = SmtpServer::secure(&certificates, "tocsin", "another");
    let options = Options::default()
        .password(PASSWORD)
        .token(TOKEN)
        .secure_smtp(&server, &certificates, ("tocsin", SMTP))
        .set("log.level", "trace");
    let mut tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    eventually("mail is paused", || async {
        let status: SystemStatus = tocsin.get("/api/v1/status").await;
        status.mail.paused_since
    })
    .await;
    let mut said = Vec::new();
    for path in ["/api/v1/status", WEBHOOK, "/api/v1/alerts?q=%00"] {
        let request = tocsin.request(Method::POST, path).bytes("{}");
        said.push(
            request
                .authorization(&format!("Bearer {WRONG}"))
                .send()
                .await
                .text(),
        );
        let request = tocsin.request(Method::GET, path);
        said.push(
            request
                .authorization(&basic("admin", WRONG))
                .send()
                .await
                .text(),
        );
    }
    for path in [
        "/metrics",
        "/api/v1/status",
        "/api/v1/notifications",
        "/api/v1/deliveries",
        "/openapi.json",
        "/readyz",
    ] {
        said.push(tocsin.look(path).await.text());
    }
    tocsin.terminate();
    tocsin.ended().await;
    said.push(tocsin.log());
    let secrets = [
        PASSWORD.to_owned(),
        TOKEN.to_owned(),
        SMTP.to_owned(),
        WRONG.to_owned(),
    ];
    let encoded = secrets.iter().flat_map(|secret| {
        [
            STANDARD.encode(secret),
            STANDARD.encode(format!("\0tocsin\0{secret}")),
            basic("admin", secret),
        ]
    });
    let needles: Vec<String> = secrets.iter().cloned().chain(encoded).collect();
    for (place, text) in said.iter().enumerate() {
        for needle in &needles {
            let found = text.lines().find(|line| line.contains(needle));
            assert_eq!(found, None, "{needle} in answer {place}");
        }
    }
    for entry in std::fs::read_dir(tocsin.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        for needle in &needles {
            let found = bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} in {}", path.display());
        }
    }
}
