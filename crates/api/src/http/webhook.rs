//! Webhook for Alertmanager and Grafana.

use std::io::Read;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{self, Data, Json, Payload};
use bytes::Bytes;
use tocsin_api_types::{IngestReport, RejectedAlert};
use tocsin_pipeline::{IngestError, QueuePermit, RejectedRequest, Webhook};
use tocsin_storage::Outage;
use utoipa::IntoParams;

use super::body;
use super::caller::Caller;
use super::params::{FromQuery, Query};
use super::problem::{ApiError, ProblemKind};
use super::state::AppState;
use crate::config::SourceName;
use crate::metrics::Outcome;

/// Registers the webhook and its aliases, the paths of Tocsin's predecessor. The aliases do
/// not redirect, because senders follow a redirect without the body.
pub(crate) fn routes(app: &mut web::ServiceConfig) {
    for path in ["/api/v1/webhooks/alertmanager", "/webhook", "/webhook/"] {
        // One resource for each method: a single resource would respond to other methods
        // with a 405 that has no problem document.
        app.service(web::resource(path).guard(actix_web::guard::Post()).to(post));
        app.service(web::resource(path).guard(actix_web::guard::Put()).to(put));
    }
}

/// Source of a delivery.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Source {
    /// Source of the alerts: 1 to 64 letters, digits, `.`, `_` or `-`. Defaults to the source
    /// of the token, otherwise to `alertmanager`.
    #[param(value_type = Option<String>)]
    source: Option<SourceName>,
}

impl FromQuery for Source {
    fn read(query: &mut Query) -> Self {
        Self {
            source: query.parse("source", |text| SourceName::try_from(text.to_owned())),
        }
    }
}

/// Receives alerts.
///
/// The response is sent after the alerts are stored durably. The body is Alertmanager's
/// webhook body, version 4, or a compatible one; the Content-Type is ignored. Senders should
/// retry after a 5xx response.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/alertmanager",
    tag = "webhooks",
    operation_id = "post_alertmanager_webhook",
    params(Source),
    request_body(content = Object, content_type = "application/json", description = "Alertmanager's webhook body"),
    responses((status = 200, description = "The delivery is stored. Returns the outcome of its alerts", body = IngestReport))
)]
async fn post(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<IngestReport>, ApiError> {
    receive(&state, &caller, &request, payload).await
}

/// Receives alerts with PUT.
///
/// Same as POST, for Grafana, which can be configured to send PUT.
#[utoipa::path(
    put,
    path = "/api/v1/webhooks/alertmanager",
    tag = "webhooks",
    operation_id = "put_alertmanager_webhook",
    params(Source),
    request_body(content = Object, content_type = "application/json", description = "Grafana's webhook body"),
    responses((status = 200, description = "The delivery is stored. Returns the outcome of its alerts", body = IngestReport))
)]
async fn put(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<IngestReport>, ApiError> {
    receive(&state, &caller, &request, payload).await
}

async fn receive(
    state: &AppState,
    caller: &Caller,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Json<IngestReport>, ApiError> {
    let started = Instant::now();
    let fallback = caller
        .source
        .clone()
        .unwrap_or_else(SourceName::default_name);
    let source = match source(caller, request) {
        Ok(source) => source.unwrap_or(fallback),
        Err(error) => {
            return Err(reject(state, fallback.as_str(), Outcome::Refused, 0, error).await);
        }
    };
    let source = source.as_str();
    let content_length = body::content_length(request).unwrap_or(0);
    let mut permit = state.pipeline.queue_permit();
    let limit = state.settings.body_limit;
    let body = match read(limit, content_length, request, payload, &mut permit).await {
        Ok(body) => body,
        Err((outcome @ (Outcome::QueueFull | Outcome::Unavailable), error)) => {
            state.metrics.delivery(Some(source), outcome);
            return Err(error);
        }
        Err((outcome, error)) => {
            return Err(reject(state, source, outcome, content_length, error).await);
        }
    };
    let webhook = Webhook {
        source: source.to_owned(),
        body,
        space: permit,
        target: None,
    };
    ingest(state, webhook, started).await
}

/// Passes a body to the pipeline, and counts the outcome.
pub(super) async fn ingest(
    state: &AppState,
    webhook: Webhook,
    started: Instant,
) -> Result<Json<IngestReport>, ApiError> {
    let source = &webhook.source.clone();
    match store(state, webhook).await {
        Ok(report) => {
            let report = wire(report);
            state.metrics.accepted(
                source,
                &report,
                started.elapsed(),
                state.now().to_datetime(),
            );
            Ok(Json(report))
        }
        Err(error) => {
            let (outcome, error) = problem(error, state.db.health().outage());
            state.metrics.delivery(Some(source), outcome);
            Err(error)
        }
    }
}

/// Stores a delivery, or returns an error if the database stops answering. A queued delivery
/// can still be stored then; the retry of the sender is recognized as a duplicate.
async fn store(
    state: &AppState,
    webhook: Webhook,
) -> Result<tocsin_pipeline::IngestReport, IngestError> {
    let health = state.db.health();
    // Not queued at all: deliveries without a waiting sender would fill the queue.
    if !health.is_available() {
        return Err(IngestError::Unavailable);
    }
    tokio::select! {
        biased;
        stored = state.pipeline.ingest(webhook) => stored,
        () = health.unavailable() => Err(IngestError::Unavailable),
    }
}

/// Source in the query, if there is one.
fn source(caller: &Caller, request: &HttpRequest) -> Result<Option<SourceName>, ApiError> {
    let mut query = Query::new(request.query_string());
    let Source { source: requested } = Source::read(&mut query);
    query.finish_leniently()?;
    match (&caller.source, requested) {
        // The token takes precedence, but ignoring the parameter would hide a
        // misconfiguration that mixes the alerts of two sources.
        (Some(bound), Some(requested)) if *bound != requested => Err(ApiError::new(
            ProblemKind::Forbidden,
            format!(
                "The token is restricted to the source {:?}. Omit ?source=.",
                bound.as_str()
            ),
        )),
        (_, requested) => Ok(requested),
    }
}

/// Reads and decompresses the body, up to `server.body_limit`.
async fn read(
    limit: usize,
    content_length: usize,
    request: &HttpRequest,
    payload: Payload,
    permit: &mut QueuePermit,
) -> Result<Bytes, (Outcome, ApiError)> {
    if content_length > limit {
        return Err(too_large(limit));
    }
    let is_gzip = is_gzip(request).map_err(|error| (Outcome::Refused, error))?;
    let grow = |bytes| permit.grow(bytes).map_err(|error| problem(error, None).1);
    let body = body::read_at_most(payload.into_inner(), limit, TIMEOUT, grow)
        .await
        .map_err(|error| outcome(error, limit))?;
    if !is_gzip {
        return Ok(body);
    }
    let mut plain = Vec::new();
    let mut decoder = flate2::read::MultiGzDecoder::new(&body[..]).take(limit as u64 + 1);
    match decoder.read_to_end(&mut plain) {
        Ok(_) if plain.len() > limit => Err(too_large(limit)),
        Ok(_) => Ok(plain.into()),
        Err(error) => {
            let detail =
                format!("The body is not valid gzip, although Content-Encoding is gzip: {error}.");
            let error = ApiError::new(ProblemKind::UnreadableBody, detail);
            Err((Outcome::Refused, error))
        }
    }
}

/// Time within which a delivery must be received.
const TIMEOUT: Duration = Duration::from_secs(60);

fn is_gzip(request: &HttpRequest) -> Result<bool, ApiError> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    let encoding = encoding.map_or(&b"identity"[..], |value| value.as_bytes());
    if encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"identity") {
        return Ok(encoding.eq_ignore_ascii_case(b"gzip"));
    }
    Err(ApiError::new(
        ProblemKind::UnsupportedMediaType,
        "Content-Encoding must be gzip or identity.",
    ))
}

fn too_large(limit: usize) -> (Outcome, ApiError) {
    let detail = format!(
        "The body is larger than server.body_limit, {limit} bytes. Raise the limit, or send fewer \
         alerts at once (max_alerts in Alertmanager)."
    );
    let error = ApiError::new(ProblemKind::PayloadTooLarge, detail);
    (Outcome::TooLarge, error)
}

/// Outcome of a body that could not be read.
fn outcome(error: ApiError, limit: usize) -> (Outcome, ApiError) {
    if error.is(ProblemKind::PayloadTooLarge) {
        too_large(limit)
    } else if error.is(ProblemKind::QueueFull) {
        (Outcome::QueueFull, error)
    } else if error.is(ProblemKind::RequestTimeout) {
        // The server itself may be slow, and Alertmanager does not retry after 408.
        let detail = format!("{error} Try again.");
        let error = ApiError::new(ProblemKind::Unavailable, detail);
        (Outcome::Unavailable, error)
    } else {
        (Outcome::Refused, error)
    }
}

/// Records a rejected request in the list of deliveries. The response does not depend on
/// whether that succeeds.
async fn reject(
    state: &AppState,
    source: &str,
    outcome: Outcome,
    body_bytes: usize,
    error: ApiError,
) -> ApiError {
    state.metrics.delivery(Some(source), outcome);
    let rejected = RejectedRequest {
        source: source.to_owned(),
        reason: error.to_string(),
        body: None,
        body_bytes,
    };
    let recorded = tokio::select! {
        biased;
        recorded = state.pipeline.record_rejected(rejected) => recorded,
        () = state.db.health().unavailable() => Err(IngestError::Unavailable),
    };
    if let Err(failure) = recorded {
        tracing::warn!(%failure, "a rejected request was not recorded");
    }
    error
}

/// Returns the error response and the outcome for the metrics. `outage` is the state of the
/// database.
pub(super) fn problem(error: IngestError, outage: Option<Outage>) -> (Outcome, ApiError) {
    match error {
        IngestError::Malformed(error) => (
            Outcome::Refused,
            ApiError::new(ProblemKind::UnreadableBody, error.to_string()),
        ),
        IngestError::QueueFull => (
            Outcome::QueueFull,
            ApiError::new(
                ProblemKind::QueueFull,
                "The ingest queue is full. Try again.",
            ),
        ),
        IngestError::Unavailable => {
            let error = match outage {
                Some(outage @ Outage::File(_)) => ApiError::outage(&outage),
                Some(Outage::NoAnswer) | None => ApiError::new(
                    ProblemKind::Unavailable,
                    "The delivery could not be stored. Try again.",
                ),
            };
            (Outcome::Unavailable, error)
        }
        IngestError::Stopping => (
            Outcome::Unavailable,
            ApiError::new(
                ProblemKind::Unavailable,
                "The server is stopping. Try again.",
            ),
        ),
    }
}

fn wire(report: tocsin_pipeline::IngestReport) -> IngestReport {
    let tocsin_pipeline::IngestReport {
        delivery_id,
        alerts,
        opened,
        resolved,
        refreshed,
        seen_again,
        updated,
        late,
        rejected,
    } = report;
    let rejected = rejected.into_iter().map(|alert| RejectedAlert {
        index: alert.index,
        reason: alert.reason,
    });
    IngestReport {
        delivery_id,
        alerts,
        opened,
        resolved,
        refreshed,
        seen_again,
        updated,
        late,
        rejected: rejected.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_delivery_can_be_retried() {
        let slow = ApiError::new(
            ProblemKind::RequestTimeout,
            "The body was not received within 60 s.",
        );
        let (counted, error) = outcome(slow, 1);
        assert!(matches!(counted, Outcome::Unavailable));
        assert!(error.is(ProblemKind::Unavailable), "{error}");
    }
}
