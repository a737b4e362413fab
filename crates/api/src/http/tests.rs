//! Tests of the complete application with a real database.

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
use tokio::sync::watch;

use super::{AppState, app, description, document};
use crate::config::{Flags, Settings, load};
use crate::serve;

pub(super) const BODY: &str = r#"{"version":"4","status":"firing","receiver":"r","groupKey":"g","externalURL":"http://am.example.com",
    "alerts":[{"status":"firing","labels":{"alertname":"Down","team":"infra"},"annotations":{},"startsAt":"2026-01-01T00:00:00Z"}]}"#;

/// Server with its own database, configured with environment variables.
pub(super) struct Server {
    state: web::Data<AppState>,
    pipeline: Pipeline,
    _dir: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

impl Server {
    pub(super) async fn start(variables: &[(&str, &str)]) -> Self {
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
        )
        .unwrap();
        Self {
            state: web::Data::new(state),
            pipeline,
            _dir: dir,
            _stop: stop,
        }
    }

    /// Sends a request and returns the response.
    pub(super) async fn send(&self, request: TestRequest) -> Response {
        let app = init_service(app(self.state.clone())).await;
        Response::of(app.call(request.to_request()).await).await
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.send(local(Method::GET, path)).await
    }
}

pub(super) struct Response {
    pub(super) status: StatusCode,
    headers: header::HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Response {
    async fn of(response: Result<ServiceResponse<BoxBody>, Error>) -> Self {
        let response = response.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        // An event stream does not end.
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

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the problem type, and validates the problem document.
    pub(super) fn problem(&self) -> String {
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

/// Tokens in the settings. The secret of each is the name of its scope.
const TOKENS: &str = r#"[{"name": "r", "token": "read", "scope": "read"},
    {"name": "w", "token": "respond", "scope": "respond"}, {"name": "a", "token": "admin", "scope": "admin"}]"#;

/// Local request without a credential.
pub(super) fn anonymous(method: Method, path: &str) -> TestRequest {
    TestRequest::default()
        .method(method)
        .uri(path)
        .insert_header((header::HOST, "localhost:8080"))
}

pub(super) fn with(request: TestRequest, secret: &str) -> TestRequest {
    request.insert_header((header::AUTHORIZATION, format!("Bearer {secret}")))
}

/// Local request with the token of an administrator.
pub(super) fn local(method: Method, path: &str) -> TestRequest {
    with(anonymous(method, path), "admin")
}

pub(super) fn webhook(path: &str, body: &'static str) -> TestRequest {
    anonymous(Method::POST, path).set_payload(body)
}

pub(super) const GUARDED: &[(&str, &str)] = &[
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
            let response = server.send(local(method.clone(), &path)).await;
            let missed = response.status == StatusCode::METHOD_NOT_ALLOWED;
            // GET routes/order requests the route with the ID "order".
            let shadowed = response.status == StatusCode::NOT_FOUND;
            assert!(
                if is_described {
                    !missed
                } else {
                    missed || shadowed
                },
                "{method} {path}: {}",
                response.status
            );
            if missed {
                assert_eq!(response.problem(), "method-not-allowed");
                assert!(!response.header(header::ALLOW).is_empty());
            }
            assert!(!String::from_utf8_lossy(&response.body).contains("No such path"));
        }
    }
}

#[actix_web::test]
async fn delivery_is_stored_and_returned() {
    let server = Server::start(&[]).await;
    let response = server.send(webhook("/webhook/?source=prod", BODY)).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.json()["opened"], 1);
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
    let response = server.send(webhook("/webhook", BODY)).await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.header(header::RETRY_AFTER), "5");
}

#[actix_web::test]
async fn errors_are_problem_documents() {
    let server = Server::start(&[("TOCSIN_SERVER_BODY_LIMIT", "1KiB")]).await;
    assert_eq!(server.get("/api/v1/nothing").await.problem(), "not-found");
    assert_eq!(
        server.get("/api/v1/alerts/nine").await.problem(),
        "not-found"
    );
    assert_eq!(server.get("/missing.js").await.problem(), "not-found");
    let invalid = server.get("/api/v1/alerts?limit=0&sort=x").await;
    assert_eq!(invalid.problem(), "invalid-request");
    assert_eq!(invalid.json()["errors"][1]["field"], "sort");
    let json = |body: &'static str| {
        local(Method::POST, "/api/v1/groups")
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(body)
    };
    let invalid = server.send(json(r#"{"name": 5}"#)).await;
    assert_eq!(invalid.json()["errors"][0]["field"], "name");
    assert_eq!(server.send(json("{")).await.problem(), "invalid-request");
    assert_eq!(
        server.send(json(r#"{"name": "a"} x"#)).await.problem(),
        "invalid-request"
    );
    let form = local(Method::POST, "/api/v1/groups").set_payload("{}");
    assert_eq!(server.send(form).await.problem(), "unsupported-media-type");
    let long: &'static str = Box::leak("x".repeat(2_000).into_boxed_str());
    assert_eq!(
        server.send(webhook("/webhook", long)).await.problem(),
        "payload-too-large"
    );
    assert_eq!(
        server.send(webhook("/webhook", "nonsense")).await.problem(),
        "unreadable-body"
    );
    let head = server.send(local(Method::HEAD, "/api/v1/status")).await;
    assert_eq!(head.status, StatusCode::OK);
}

#[actix_web::test]
async fn responses_have_security_headers() {
    let server = Server::start(GUARDED).await;
    for path in ["/healthz", "/api/v1/alerts"] {
        let response = server.get(path).await;
        assert!(
            response
                .header(header::CONTENT_SECURITY_POLICY)
                .contains("frame-ancestors 'none'")
        );
        assert_eq!(response.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(response.header(header::CACHE_CONTROL), "no-store");
    }
}

#[test]
fn committed_openapi_description_is_current() {
    let committed = include_str!("../../../../openapi/openapi.json");
    let current = serde_json::to_string_pretty(description()).unwrap();
    assert!(
        committed.trim_end() == current.trim_end(),
        "run `cargo xtask openapi` and commit openapi/openapi.json"
    );
}
