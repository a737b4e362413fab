//! The application as a whole, against a real database.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::test::{TestRequest, init_service};
use actix_web::{Error, web};
use serde_json::Value;
use tocsin_mailer::{MemoryMailer, Renderer};
use tocsin_pipeline::{Clock, Pipeline, SystemClock};
use tocsin_storage::Db;
use tocsin_storage::codes::Role;
use tokio::sync::watch;

use super::access::{LINES, Needs};
use super::{AppState, app, description, document};
use crate::config::{Flags, Settings, load};
use crate::serve;

const BODY: &str = r#"{"version":"4","status":"firing","receiver":"r","groupKey":"g","externalURL":"http://am.example.com",
    "alerts":[{"status":"firing","labels":{"alertname":"Down","team":"infra"},"annotations":{},"startsAt":"2026-01-01T00:00:00Z"}]}"#;

/// A server with a database of its own; what it is told of settings comes as
/// variables do.
struct Server {
    state: web::Data<AppState>,
    pipeline: Pipeline,
    _dir: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

impl Server {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), variables);
        let db = Db::open(&serve::database(&settings)).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let pipeline = Pipeline::start(
            db.clone(),
            Arc::new(MemoryMailer::new()),
            Renderer::new(None).unwrap(),
            clock.clone(),
            serve::pipeline_settings(&settings),
        )
        .await
        .unwrap();
        let (stop, stopping) = watch::channel(false);
        let url = settings.webhook_url(settings.listen);
        let accounts = serve::accounts(&settings, &db, &clock);
        let state = AppState::new(
            settings,
            url,
            db,
            pipeline.clone(),
            accounts,
            clock,
            stopping,
        );
        Self {
            state: web::Data::new(state),
            pipeline,
            _dir: dir,
            _stop: stop,
        }
    }

    /// Status, headers and body of the answer.
    async fn ask(&self, request: TestRequest) -> Answer {
        let app = init_service(app(self.state.clone())).await;
        Answer::of(app.call(request.to_request()).await).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(local(Method::GET, path)).await
    }
}

struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    async fn of(response: Result<ServiceResponse<BoxBody>, Error>) -> Self {
        let response = response.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        // A stream of events does not end.
        let is_stream = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        let body = match is_stream {
            true => Vec::new(),
            false => actix_web::body::to_bytes(response.into_body().boxed())
                .await
                .unwrap()
                .to_vec(),
        };
        Self {
            status,
            headers,
            body,
        }
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The kind of the problem, whose envelope is checked on the way.
    fn problem(&self) -> String {
        assert_eq!(
            self.header(header::CONTENT_TYPE),
            "application/problem+json"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        let kind = problem["type"].as_str().unwrap();
        kind.strip_prefix("urn:tocsin:problem:").unwrap().to_owned()
    }
}

fn settings(dir: &std::path::Path, variables: &[(&str, &str)]) -> Settings {
    let flags = Flags {
        data_dir: Some(dir.to_owned()),
        ..Flags::default()
    };
    let tokens = ("TOCSIN_AUTH_TOKENS", TOKENS);
    let variables = variables
        .iter()
        .chain([&tokens])
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(&flags, variables).unwrap()
}

/// Tokens of the settings, each with the secret that its scope is called.
const TOKENS: &str = r#"[{"name": "r", "token": "read", "scope": "read"},
    {"name": "w", "token": "respond", "scope": "respond"}, {"name": "a", "token": "admin", "scope": "admin"}]"#;

/// A request of this machine, of nobody.
fn unsigned(method: Method, path: &str) -> TestRequest {
    TestRequest::default()
        .method(method)
        .uri(path)
        .insert_header((header::HOST, "localhost:8080"))
}

fn with(request: TestRequest, secret: &str) -> TestRequest {
    request.insert_header((header::AUTHORIZATION, format!("Bearer {secret}")))
}

/// A request of this machine, of an administrator's token.
fn local(method: Method, path: &str) -> TestRequest {
    with(unsigned(method, path), "admin")
}

fn webhook(path: &str, body: &'static str) -> TestRequest {
    unsigned(Method::POST, path).set_payload(body)
}

const GUARDED: &[(&str, &str)] = &[
    (
        "TOCSIN_INGEST_TOKENS",
        r#"[{"name": "a", "token": "free"}, {"name": "b", "token": "bound", "source": "prod"}]"#,
    ),
    ("TOCSIN_SERVER_PUBLIC_URL", "https://ops.example.com/tocsin"),
];

#[actix_web::test]
async fn every_described_operation_is_routed() {
    let server = Server::start(&[]).await;
    for (path, item) in &document().paths.paths {
        let path = path.replace("{id}", "1");
        let methods = [
            (Method::GET, item.get.is_some()),
            (Method::POST, item.post.is_some()),
            (Method::PUT, item.put.is_some()),
            (Method::PATCH, item.patch.is_some()),
            (Method::DELETE, item.delete.is_some()),
        ];
        for (method, is_described) in methods {
            let answer = server.ask(local(method.clone(), &path)).await;
            let missed = answer.status == StatusCode::METHOD_NOT_ALLOWED;
            // GET routes/order asks for a route of the number "order".
            let shadowed = answer.status == StatusCode::NOT_FOUND;
            assert!(
                if is_described {
                    !missed
                } else {
                    missed || shadowed
                },
                "{method} {path}: {}",
                answer.status
            );
            if missed {
                assert_eq!(answer.problem(), "method-not-allowed");
                assert!(!answer.header(header::ALLOW).is_empty());
            }
            assert!(!String::from_utf8_lossy(&answer.body).contains("There is nothing at"));
        }
    }
}

#[actix_web::test]
async fn a_delivery_is_taken_and_read_back() {
    let server = Server::start(&[]).await;
    let answer = server.ask(webhook("/webhook/?source=prod", BODY)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["opened"], 1);
    let log = server
        .get("/api/v1/alerts?team=infra&team=web&label=alertname%3D~%22Do.*%22")
        .await
        .json();
    assert_eq!(log["items"][0]["source"], "prod");
    let incident = server.get("/api/v1/incidents/1").await.json();
    assert_eq!(incident["entries"]["items"][0]["kind"], "opened");
    assert_eq!(incident["events"][0]["kind"], "opened");
    let raw = server.get("/api/v1/deliveries/1/raw").await;
    assert_eq!(raw.body, BODY.as_bytes());
    assert!(
        raw.header(header::CONTENT_DISPOSITION)
            .starts_with("attachment")
    );
    server.pipeline.shutdown().await;
    let answer = server.ask(webhook("/webhook", BODY)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header(header::RETRY_AFTER), "5");
}

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
                Needs::Nothing => true,
                Needs::Ingest => role.is_none(),
                Needs::Person => false,
                Needs::Role(needed) => role >= Some(needed),
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

#[actix_web::test]
async fn mistakes_come_in_one_envelope() {
    let server = Server::start(&[("TOCSIN_SERVER_BODY_LIMIT", "1KiB")]).await;
    assert_eq!(server.get("/api/v1/nothing").await.problem(), "not-found");
    assert_eq!(
        server.get("/api/v1/alerts/nine").await.problem(),
        "not-found"
    );
    assert_eq!(server.get("/missing.js").await.problem(), "not-found");
    let wrong = server.get("/api/v1/alerts?limit=0&sort=x").await;
    assert_eq!(wrong.problem(), "invalid-request");
    assert_eq!(wrong.json()["errors"][1]["field"], "sort");
    let json = |body: &'static str| {
        local(Method::POST, "/api/v1/groups")
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(body)
    };
    let wrong = server.ask(json(r#"{"name": 5}"#)).await;
    assert_eq!(wrong.json()["errors"][0]["field"], "name");
    assert_eq!(server.ask(json("{")).await.problem(), "invalid-request");
    assert_eq!(
        server.ask(json(r#"{"name": "a"} x"#)).await.problem(),
        "invalid-request"
    );
    let form = local(Method::POST, "/api/v1/groups").set_payload("{}");
    assert_eq!(server.ask(form).await.problem(), "unsupported-media-type");
    let long: &'static str = Box::leak("x".repeat(2_000).into_boxed_str());
    assert_eq!(
        server.ask(webhook("/webhook", long)).await.problem(),
        "payload-too-large"
    );
    assert_eq!(
        server.ask(webhook("/webhook", "nonsense")).await.problem(),
        "unreadable-body"
    );
    let head = server.ask(local(Method::HEAD, "/api/v1/status")).await;
    assert_eq!(head.status, StatusCode::OK);
}

#[actix_web::test]
async fn answers_tell_browsers_what_pages_may_do() {
    let server = Server::start(GUARDED).await;
    for path in ["/healthz", "/api/v1/alerts"] {
        let answer = server.get(path).await;
        assert!(
            answer
                .header(header::CONTENT_SECURITY_POLICY)
                .contains("frame-ancestors 'none'")
        );
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
}

#[test]
fn the_committed_description_is_the_one_of_this_program() {
    let committed = include_str!("../../../../openapi/openapi.json");
    let told = serde_json::to_string_pretty(description()).unwrap();
    assert!(
        committed.trim_end() == told.trim_end(),
        "run `cargo xtask openapi` and commit openapi/openapi.json"
    );
}
