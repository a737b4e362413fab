//! Middleware around every request: authorization, security headers, access log.

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

/// Strips the path prefix, authorizes the request, and adds the security headers to the
/// response.
pub(crate) async fn handle(
    state: web::Data<AppState>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    strip_prefix(&mut request, state.prefix());
    if let Some(webhook) = misdirected::webhook(request.path()) {
        set_path(&mut request, webhook);
    }
    let is_head = request.method() == Method::HEAD;
    if is_head {
        // Handled as GET; the connection omits the body.
        request.head_mut().method = Method::GET;
    }
    let _waiting = Waiting::begin(&request);
    let from = Origin::of(&request, &state.settings);
    request.extensions_mut().insert(from);
    // The path as decoded by the router, not as sent: `%61` is an `a`.
    let path = request.match_info().get_ref().path();
    let target = policy::target(request.method().as_str(), path);
    let mut response = match authorize(&state, target, &request, from).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let response = next.call(request);
            if handles_outages(target) {
                response.await?
            } else {
                respond_in_time(&state, response).await?
            }
            .map_into_boxed_body()
        }
        Err(error) => {
            if requirement(target) == Requirement::Ingest
                && !error.is(ProblemKind::MethodNotAllowed)
            {
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
        // The connection would wait for the end of the omitted body, and an event
        // stream has none.
        response = response.map_body(|_, _| BoxBody::new(()));
    }
    state.metrics.rejected(response.status());
    note_corrupt(&state, &response);
    let is_docs = response.request().path().starts_with("/docs");
    secure(response.headers_mut(), is_docs, from.is_secure);
    log(&response, started);
    Ok(response)
}

/// Authorizes a request and returns its caller.
///
/// # Errors
/// The missing credential or permission, a cross-site request, an exceeded rate limit, or
/// a path that does not exist.
async fn authorize(
    state: &AppState,
    target: Target,
    request: &ServiceRequest,
    from: Origin,
) -> Result<Caller, ApiError> {
    let (host, headers) = (csrf::host(request), request.headers());
    let anonymous = || Caller::anonymous(from.client);
    if is_probe(target) {
        return Ok(anonymous());
    }
    csrf::check_site(
        request.method(),
        host,
        headers,
        state.settings.public_url.as_ref(),
    )?;
    let caller = match (target, requirement(target)) {
        (Target::Operation(_), Requirement::Ingest) => {
            return identify::sender(state, host, headers, from).await;
        }
        (Target::Misdirected(_) | Target::Page, _)
        | (Target::WrongMethod(_), Requirement::Ingest) => anonymous(),
        (_, Requirement::Nothing) => {
            state.limits.address(from.client)?;
            // An invalid credential counts as none: an expired cookie, or a database
            // outage, must not prevent people from signing in.
            let caller = identify::caller(state, host, headers, from).await;
            caller.ok().flatten().unwrap_or_else(anonymous)
        }
        (_, required) => {
            state.limits.address(from.client)?;
            let caller = identify::caller(state, host, headers, from).await?;
            let caller = caller.ok_or_else(|| {
                identify::missing(
                    "Sign in, or send a token as \"Authorization: Bearer TOKEN\" or as the password of HTTP Basic.",
                )
            })?;
            state.limits.caller(&caller)?;
            check_role(&caller, required)?;
            caller
        }
    };
    match target {
        Target::Misdirected(intended) => Err(misdirected::not_found(
            intended,
            request.path(),
            &state.webhook_url,
        )),
        Target::WrongMethod(endpoint) => {
            Err(fallback::wrong_method(endpoint.path, request.method()))
        }
        Target::Unlisted => Err(fallback::no_such_path(request.path())),
        Target::Operation(endpoint) if !caller.visibility.is_everything() => {
            restrict(endpoint.restriction, request.path())?;
            Ok(caller)
        }
        Target::Operation(_) | Target::Page => Ok(caller),
    }
}

fn requirement(target: Target) -> Requirement {
    match target {
        Target::Operation(endpoint) => endpoint.requirement,
        // The supported methods are listed to callers with read access only.
        Target::WrongMethod(endpoint) => match endpoint.requirement {
            Requirement::Person | Requirement::Role(_) => Requirement::Role(Role::Viewer),
            open => open,
        },
        Target::Unlisted => Requirement::Role(Role::Viewer),
        Target::Misdirected(_) | Target::Page => Requirement::Nothing,
    }
}

fn is_probe(target: Target) -> bool {
    matches!(target, Target::Operation(endpoint) if matches!(endpoint.path, "/healthz" | "/readyz"))
}

/// Whether the handler deals with a database outage itself: webhooks must return whether
/// the delivery was stored, and probes the reason.
fn handles_outages(target: Target) -> bool {
    is_probe(target) || requirement(target) == Requirement::Ingest
}

fn check_role(caller: &Caller, required: Requirement) -> Result<(), ApiError> {
    let Some(role) = caller.role else {
        return Err(ApiError::new(
            ProblemKind::Forbidden,
            "An ingest token can only send alerts to the webhook.",
        ));
    };
    match required {
        Requirement::Role(required) if role < required => Err(ApiError::new(
            ProblemKind::Forbidden,
            format!(
                "This operation requires the role {}; {} the role {}.",
                policy::role_name(required),
                match caller.is_user() {
                    true => "you have",
                    false => "the token has",
                },
                policy::role_name(role)
            ),
        )),
        Requirement::Person if !caller.is_user() => Err(ApiError::new(
            ProblemKind::Forbidden,
            "This operation requires a signed-in user: a token has no account.",
        )),
        Requirement::Nothing | Requirement::Ingest | Requirement::Person | Requirement::Role(_) => {
            Ok(())
        }
    }
}

/// Applies the restriction of an endpoint to a caller who sees only some alerts.
fn restrict(restriction: Restriction, path: &str) -> Result<(), ApiError> {
    match restriction {
        Restriction::No => Ok(()),
        Restriction::Forbidden => Err(ApiError::new(
            ProblemKind::Forbidden,
            "This operation requires access to all alerts.",
        )),
        Restriction::NotFound => {
            let mut ids = path.split('/').filter_map(|part| part.parse::<i64>().ok());
            Err(match ids.next() {
                Some(id) => ApiError::no_such("delivery", id),
                None => fallback::no_such_path(path),
            })
        }
    }
}

/// Returns the response, or 503 if the database does not answer. The handler then continues
/// in the background: dropping a running query can break its connection.
async fn respond_in_time<B: 'static>(
    state: &AppState,
    response: impl Future<Output = Result<ServiceResponse<B>, Error>> + 'static,
) -> Result<ServiceResponse<B>, Error> {
    let health = state.db.health();
    if !health.is_watched() {
        return response.await;
    }
    let mut handler = actix_web::rt::spawn(response);
    let result = tokio::select! {
        biased;
        result = &mut handler => Some(result),
        // Many responses need no database.
        () = health.unavailable() => tokio::time::timeout(GRACE, handler).await.ok(),
    };
    match result {
        Some(Ok(response)) => response,
        // Timed out, or ended by a panic, which is logged.
        None | Some(Err(_)) => Err(DatabaseUnavailable.into()),
    }
}

/// Time for a handler that needs no database.
const GRACE: Duration = Duration::from_millis(100);

/// The database does not answer. This error adds the security headers itself, because the
/// request was moved into the handler.
#[derive(Debug)]
struct DatabaseUnavailable;

impl std::fmt::Display for DatabaseUnavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database does not answer")
    }
}

impl ResponseError for DatabaseUnavailable {
    fn error_response(&self) -> HttpResponse {
        let mut response = ApiError::outage(&Outage::NoAnswer).error_response();
        secure(response.headers_mut(), false, false);
        response
    }
}

/// Strips the prefix of `server.public_url`, if the proxy did not.
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

/// Swagger UI uses inline styles.
const DOCS_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; \
                           form-action 'self'; object-src 'none'";

/// Browser features that no page uses.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
                           microphone=(), midi=(), payment=(), usb=()";

/// One year of HSTS, sent over TLS only.
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
    // Alerts must not be cached. Static files set their own lifetime.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Records an unreadable row for `/readyz`.
fn note_corrupt(state: &AppState, response: &ServiceResponse<BoxBody>) {
    let error = response.response().error();
    let error = error.and_then(|error| error.as_error::<ApiError>());
    if let Some(corrupt) = error.and_then(ApiError::corrupt) {
        state.db.note(corrupt);
    }
}

/// Writes the access log: the path without its query, which can contain search terms.
fn log(response: &ServiceResponse<BoxBody>, started: Instant) {
    let request = response.request();
    let status = response.status();
    let (method, path) = (request.method(), request.path());
    let micros = started.elapsed().as_micros();
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(target: "tocsin::access", %method, path, status = status.as_u16(), micros, "request handled");
    } else if status.is_client_error() || status.is_server_error() {
        tracing::info!(target: "tocsin::access", %method, path, status = status.as_u16(), micros, "request handled");
    } else {
        tracing::debug!(target: "tocsin::access", %method, path, status = status.as_u16(), micros, "request handled");
    }
}
