//! What every request passes on its way in, and every answer on its way out.

use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};

use super::auth::{Area, Caller};
use super::origin;
use super::problem::{ApiError, Kind};
use super::state::AppState;
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
    if request.method() == Method::HEAD {
        // As GET; that the body is left out is the connection's business.
        request.head_mut().method = Method::GET;
    }
    let area = Area::of(request.path());
    let mut response = match admit(&state, area, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let answer = next.call(request);
            match area {
                // Those two see to it themselves: one must leave its caller in
                // no doubt what was stored, the other says what is wrong.
                Area::Webhook | Area::Health => answer.await?,
                Area::Everything => answer_in_time(&state, answer).await?,
            }
            .map_into_boxed_body()
        }
        Err(error) => {
            if area == Area::Webhook {
                state.metrics.delivery(None, Outcome::Unauthorized);
            }
            request.into_response(error.error_response())
        }
    };
    let is_docs = response.request().path().starts_with("/docs");
    secure(response.headers_mut(), is_docs);
    log(&response, began);
    Ok(response)
}

/// The answer, or 503 where the database does not answer. What it is asked then
/// goes on by itself: a query that is dropped half-way can spoil its connection.
async fn answer_in_time<B: 'static>(
    state: &AppState,
    answer: impl Future<Output = Result<ServiceResponse<B>, Error>> + 'static,
) -> Result<ServiceResponse<B>, Error> {
    let pulse = state.db.pulse();
    if !pulse.can_stop() {
        return answer.await;
    }
    let mut answer = actix_web::rt::spawn(answer);
    let answer = tokio::select! {
        biased;
        answer = &mut answer => Some(answer),
        // Much is answered without a database.
        () = pulse.stops() => tokio::time::timeout(GRACE, answer).await.ok(),
    };
    match answer {
        Some(Ok(answer)) => answer,
        // Given up, or ended by a panic, which is logged.
        None | Some(Err(_)) => Err(Unanswered.into()),
    }
}

/// What needs no database is answered in less.
const GRACE: Duration = Duration::from_millis(100);

/// The database does not answer. An answer on its own, because the request went
/// with the query.
#[derive(Debug)]
struct Unanswered;

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the database does not answer")
    }
}

impl ResponseError for Unanswered {
    fn error_response(&self) -> HttpResponse {
        let detail = "The database does not answer now; try again.";
        let mut response = ApiError::new(Kind::Unavailable, detail).error_response();
        secure(response.headers_mut(), false);
        response
    }
}

fn admit(state: &AppState, area: Area, request: &ServiceRequest) -> Result<Caller, ApiError> {
    let headers = request.headers();
    if area != Area::Health {
        if state.credentials.is_open(area) {
            origin::check_open(headers)?;
        }
        origin::check_site(
            request.method(),
            headers,
            state.settings.public_url.as_ref(),
        )?;
    }
    state.credentials.check(area, headers)
}

/// Some proxies take the prefix of `server.public_url` off, others leave it:
/// both work.
fn strip_prefix(request: &mut ServiceRequest, prefix: &str) {
    if prefix.len() <= 1 {
        return;
    }
    let uri = request.uri();
    let Some(rest) = uri.path().strip_prefix(prefix) else {
        return;
    };
    let path = match uri.query() {
        Some(query) => format!("/{rest}?{query}"),
        None => format!("/{rest}"),
    };
    if let Ok(uri) = path.parse::<Uri>() {
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

fn secure(headers: &mut HeaderMap, is_docs: bool) {
    let policy = if is_docs { DOCS_POLICY } else { POLICY };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
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
    // Alerts are nobody else's business, so nothing between may keep them;
    // browser files say themselves how long they live.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
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
