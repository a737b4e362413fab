//! What every request passes on its way in, and every answer on its way out.

use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};
use tocsin_storage::Outage;
use tocsin_storage::enums::Role;

use super::caller::Caller;
use super::client_ip::Origin;
use super::policy::{self, Requirement, Restriction, Target};
use super::problem::{ApiError, ProblemKind};
use super::read_pool::Waiting;
use super::state::AppState;
use super::{csrf, fallback, identify, misdirected};
use crate::metrics::Outcome;

/// Takes the path prefix off, lets in or refuses, and adds the headers that
/// tell browsers what pages may do.
pub(crate) async fn edge(
    state: web::Data<AppState>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    strip_prefix(&mut request, state.prefix());
    if let Some(webhook) = misdirected::webhook(request.path()) {
        set_path(&mut request, webhook);
    }
    let is_head = request.method() == Method::HEAD;
    if is_head {
        // As GET; that the body is left out is the connection's business.
        request.head_mut().method = Method::GET;
    }
    let _waiting = Waiting::begin(&request);
    let from = Origin::of(&request, &state.settings);
    request.extensions_mut().insert(from);
    // The path as the router reads it, not as it was sent: `%61` is an `a`.
    let path = request.match_info().get_ref().path();
    let target = policy::target(request.method().as_str(), path);
    let mut response = match admit(&state, target, &request, from).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let answer = next.call(request);
            if answers_by_itself(target) {
                answer.await?
            } else {
                answer_in_time(&state, answer).await?
            }
            .map_into_boxed_body()
        }
        Err(error) => {
            if needs(target) == Requirement::Ingest && !error.is(ProblemKind::MethodNotAllowed) {
                let outcome = match error.is(ProblemKind::Unavailable) {
                    true => Outcome::Unavailable,
                    false => Outcome::Unauthorized,
                };
                state.metrics.delivery(None, outcome);
            }
            request.into_response(error.error_response())
        }
    };
    if is_head && response.response().body().size() == BodySize::Stream {
        // The connection would wait for the end of what it leaves out, and events
        // have none.
        response = response.map_body(|_, _| BoxBody::new(()));
    }
    state.metrics.rejected(response.status());
    note_corrupt(&state, &response);
    let is_docs = response.request().path().starts_with("/docs");
    secure(response.headers_mut(), is_docs, from.is_secure);
    log(&response, began);
    Ok(response)
}

/// Lets a request in, and says who sent it.
///
/// # Errors
/// What it lacks.
async fn admit(
    state: &AppState,
    target: Target,
    request: &ServiceRequest,
    from: Origin,
) -> Result<Caller, ApiError> {
    let (host, headers) = (csrf::host(request), request.headers());
    let nobody = || Caller::anonymous(from.client);
    if is_probe(target) {
        return Ok(nobody());
    }
    csrf::check_site(
        request.method(),
        host,
        headers,
        state.settings.public_url.as_ref(),
    )?;
    let caller = match (target, needs(target)) {
        (Target::Operation(_), Requirement::Ingest) => {
            return identify::sender(state, host, headers, from).await;
        }
        (Target::Misdirected(_) | Target::Page, _)
        | (Target::WrongMethod(_), Requirement::Ingest) => nobody(),
        (_, Requirement::Nothing) => {
            state.limits.address(from.client)?;
            // Who cannot be told is nobody here: an old cookie, or a database
            // that is away, must not keep people from signing in.
            let caller = identify::caller(state, host, headers, from).await;
            caller.ok().flatten().unwrap_or_else(nobody)
        }
        (_, needed) => {
            state.limits.address(from.client)?;
            let caller = identify::caller(state, host, headers, from).await?;
            let caller = caller.ok_or_else(|| {
                identify::missing(
                    "Sign in, or send a token as \"Authorization: Bearer TOKEN\" or as the password of basic auth.",
                )
            })?;
            state.limits.caller(&caller)?;
            allow(&caller, needed)?;
            caller
        }
    };
    match target {
        Target::Misdirected(meant) => Err(misdirected::answer(
            meant,
            request.path(),
            &state.webhook_url,
        )),
        Target::WrongMethod(line) => Err(fallback::wrong_method(line.path, request.method())),
        Target::Unlisted => Err(fallback::nothing_at(request.path())),
        Target::Operation(line) if !caller.visibility.is_everything() => {
            hide(line.hidden, request.path())?;
            Ok(caller)
        }
        Target::Operation(_) | Target::Page => Ok(caller),
    }
}

fn needs(target: Target) -> Requirement {
    match target {
        Target::Operation(line) => line.needs,
        // Whoever may not even read is not told which methods there are, and
        // whoever may read is.
        Target::WrongMethod(line) => match line.needs {
            Requirement::Person | Requirement::Role(_) => Requirement::Role(Role::Viewer),
            open => open,
        },
        Target::Unlisted => Requirement::Role(Role::Viewer),
        Target::Misdirected(_) | Target::Page => Requirement::Nothing,
    }
}

fn is_probe(target: Target) -> bool {
    matches!(target, Target::Operation(line) if matches!(line.path, "/healthz" | "/readyz"))
}

/// Those two see to it themselves: one must leave its caller in no doubt what
/// was stored, the other says what is wrong.
fn answers_by_itself(target: Target) -> bool {
    is_probe(target) || needs(target) == Requirement::Ingest
}

fn allow(caller: &Caller, needed: Requirement) -> Result<(), ApiError> {
    let Some(role) = caller.role else {
        return Err(ApiError::new(
            ProblemKind::Forbidden,
            "An ingest token delivers alerts and opens nothing else.",
        ));
    };
    match needed {
        Requirement::Role(needed) if role < needed => Err(ApiError::new(
            ProblemKind::Forbidden,
            format!(
                "This needs the role {}; {} the role {}.",
                policy::role_name(needed),
                match caller.is_person() {
                    true => "you have",
                    false => "this token has",
                },
                policy::role_name(role)
            ),
        )),
        Requirement::Person if !caller.is_person() => Err(ApiError::new(
            ProblemKind::Forbidden,
            "This is of a person's own account; a token has none.",
        )),
        Requirement::Nothing | Requirement::Ingest | Requirement::Person | Requirement::Role(_) => {
            Ok(())
        }
    }
}

/// What somebody gets who may see only some alerts.
fn hide(hidden: Restriction, path: &str) -> Result<(), ApiError> {
    match hidden {
        Restriction::No => Ok(()),
        Restriction::Forbidden => Err(ApiError::new(
            ProblemKind::Forbidden,
            "This tells of all alerts, and you may see only some of them.",
        )),
        Restriction::NotFound => {
            let mut numbers = path.split('/').filter_map(|part| part.parse::<i64>().ok());
            Err(match numbers.next() {
                Some(id) => ApiError::no_such("delivery", id),
                None => fallback::nothing_at(path),
            })
        }
    }
}

/// The answer, or 503 where the database does not answer. What it is asked then
/// goes on by itself: a query that is dropped half-way can spoil its connection.
async fn answer_in_time<B: 'static>(
    state: &AppState,
    answer: impl Future<Output = Result<ServiceResponse<B>, Error>> + 'static,
) -> Result<ServiceResponse<B>, Error> {
    let pulse = state.db.health();
    if !pulse.is_watched() {
        return answer.await;
    }
    let mut answer = actix_web::rt::spawn(answer);
    let answer = tokio::select! {
        biased;
        answer = &mut answer => Some(answer),
        // Much is answered without a database.
        () = pulse.unavailable() => tokio::time::timeout(GRACE, answer).await.ok(),
    };
    match answer {
        Some(Ok(answer)) => answer,
        // Given up, or ended by a panic, which is logged.
        None | Some(Err(_)) => Err(AlreadyAnswered.into()),
    }
}

/// What needs no database is answered in less.
const GRACE: Duration = Duration::from_millis(100);

/// The database does not answer. An answer on its own, because the request went
/// with the query.
#[derive(Debug)]
struct AlreadyAnswered;

impl std::fmt::Display for AlreadyAnswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database does not answer")
    }
}

impl ResponseError for AlreadyAnswered {
    fn error_response(&self) -> HttpResponse {
        let mut response = ApiError::outage(&Outage::NoAnswer).error_response();
        secure(response.headers_mut(), false, false);
        response
    }
}

/// Some proxies take the prefix of `server.public_url` off, others leave it:
/// both work.
fn strip_prefix(request: &mut ServiceRequest, prefix: &str) {
    if prefix.len() <= 1 {
        return;
    }
    if let Some(rest) = request.path().strip_prefix(prefix) {
        let path = format!("/{rest}");
        set_path(request, &path);
    }
}

fn set_path(request: &mut ServiceRequest, path: &str) {
    if let Some(uri) = misdirected::with_path(request.uri(), path) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; \
                      form-action 'self'; object-src 'none'";

/// Swagger UI styles its elements itself.
const DOCS_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; \
                           form-action 'self'; object-src 'none'";

/// What no page of ours asks for.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
                           microphone=(), midi=(), payment=(), usb=()";

/// A year of TLS only, once a browser came by it.
const TLS_ONLY: &str = "max-age=31536000";

fn secure(headers: &mut HeaderMap, is_docs: bool, is_secure: bool) {
    let policy = if is_docs { DOCS_POLICY } else { POLICY };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For browsers that do not know frame-ancestors.
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_secure {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(TLS_ONLY),
        );
    }
    // Alerts are nobody else's business, so nothing between may keep them;
    // browser files say themselves how long they live.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Keeps for `/readyz` that a stored row cannot be read.
fn note_corrupt(state: &AppState, response: &ServiceResponse<BoxBody>) {
    let error = response.response().error();
    let error = error.and_then(|error| error.as_error::<ApiError>());
    if let Some(corrupt) = error.and_then(ApiError::corrupt) {
        state.db.note(corrupt);
    }
}

/// The path without its query, which may hold what people searched for.
fn log(response: &ServiceResponse<BoxBody>, began: Instant) {
    let request = response.request();
    let status = response.status();
    let (method, path) = (request.method(), request.path());
    let micros = began.elapsed().as_micros();
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(target: "tocsin::access", %method, path, status = status.as_u16(), micros, "answered");
    } else if status.is_client_error() || status.is_server_error() {
        tracing::info!(target: "tocsin::access", %method, path, status = status.as_u16(), micros, "answered");
    } else {
        tracing::debug!(target: "tocsin::access", %method, path, status = status.as_u16(), micros, "answered");
    }
}
