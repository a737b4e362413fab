//! Where Alertmanager posts to.

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

/// The two addresses: ours, and the one of the program that came before, which
/// is answered directly, because senders follow a redirect without the body.
pub(crate) fn routes(app: &mut web::ServiceConfig) {
    for path in ["/api/v1/webhooks/alertmanager", "/webhook", "/webhook/"] {
        // A resource that lacks a method would answer 405 by itself, without
        // the problem; so each method is a resource of its own.
        app.service(web::resource(path).guard(actix_web::guard::Post()).to(post));
        app.service(web::resource(path).guard(actix_web::guard::Put()).to(put));
    }
}

/// Where the delivery belongs.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Source {
    /// The source: 1 to 64 letters, digits, `.`, `_` or `-`. Left out: the one
    /// that the token is bound to, else `alertmanager`.
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

/// Takes a delivery in. Answered once it is stored for good.
///
/// The body is Alertmanager's webhook, version 4, or what resembles it; it is
/// judged by its content, not by its Content-Type. Answers of 5xx are worth
/// sending again.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/alertmanager",
    tag = "webhooks",
    operation_id = "post_alertmanager_webhook",
    params(Source),
    request_body(content = Object, content_type = "application/json", description = "Alertmanager's webhook body"),
    responses((status = 200, description = "Stored; what became of its alerts", body = IngestReport))
)]
async fn post(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<IngestReport>, ApiError> {
    take(&state, &caller, &request, payload).await
}

/// As POST, for Grafana, which can be told to send PUT.
#[utoipa::path(
    put,
    path = "/api/v1/webhooks/alertmanager",
    tag = "webhooks",
    operation_id = "put_alertmanager_webhook",
    params(Source),
    request_body(content = Object, content_type = "application/json", description = "Grafana's webhook body"),
    responses((status = 200, description = "Stored; what became of its alerts", body = IngestReport))
)]
async fn put(
    state: Data<AppState>,
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<IngestReport>, ApiError> {
    take(&state, &caller, &request, payload).await
}

async fn take(
    state: &AppState,
    caller: &Caller,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Json<IngestReport>, ApiError> {
    let began = Instant::now();
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
    let announced = body::content_length(request).unwrap_or(0);
    let mut space = state.pipeline.queue_permit();
    let limit = state.settings.body_limit;
    let body = match read(limit, announced, request, payload, &mut space).await {
        Ok(body) => body,
        Err((outcome @ (Outcome::QueueFull | Outcome::Unavailable), error)) => {
            state.metrics.delivery(Some(source), outcome);
            return Err(error);
        }
        Err((outcome, error)) => return Err(reject(state, source, outcome, announced, error).await),
    };
    let webhook = Webhook {
        source: source.to_owned(),
        body,
        space,
        target: None,
    };
    ingest(state, webhook, began).await
}

/// Hands a body in, and counts what becomes of it.
pub(super) async fn ingest(
    state: &AppState,
    webhook: Webhook,
    began: Instant,
) -> Result<Json<IngestReport>, ApiError> {
    let source = &webhook.source.clone();
    match store(state, webhook).await {
        Ok(report) => {
            let report = wire(report);
            state
                .metrics
                .accepted(source, &report, began.elapsed(), state.now().to_datetime());
            Ok(Json(report))
        }
        Err(error) => {
            let (outcome, error) = problem(error, state.db.health().outage());
            state.metrics.delivery(Some(source), outcome);
            Err(error)
        }
    }
}

/// Stores a delivery, or gives it up when the database does not answer. What is
/// handed in may be stored all the same: the sender comes again, and is then
/// only seen again.
async fn store(
    state: &AppState,
    webhook: Webhook,
) -> Result<tocsin_pipeline::IngestReport, IngestError> {
    let pulse = state.db.health();
    // Not handed in at all: what nobody waits for would fill the queue.
    if !pulse.is_available() {
        return Err(IngestError::Unavailable);
    }
    tokio::select! {
        biased;
        stored = state.pipeline.ingest(webhook) => stored,
        () = pulse.unavailable() => Err(IngestError::Unavailable),
    }
}

/// The source that is named, if one is.
fn source(caller: &Caller, request: &HttpRequest) -> Result<Option<SourceName>, ApiError> {
    let mut query = Query::new(request.query_string());
    let Source { source: named } = Source::read(&mut query);
    query.finish_leniently()?;
    match (&caller.source, named) {
        // The token would win anyway; saying nothing would hide a mistake that
        // mixes two worlds of alerts.
        (Some(bound), Some(named)) if *bound != named => Err(ApiError::new(
            ProblemKind::Forbidden,
            format!(
                "This token is bound to the source {:?}; leave ?source= out.",
                bound.as_str()
            ),
        )),
        (_, named) => Ok(named),
    }
}

/// The body, decompressed, and never more than `server.body_limit` of it.
async fn read(
    limit: usize,
    announced: usize,
    request: &HttpRequest,
    payload: Payload,
    space: &mut QueuePermit,
) -> Result<Bytes, (Outcome, ApiError)> {
    if announced > limit {
        return Err(too_large(limit));
    }
    let is_gzip = is_gzip(request).map_err(|error| (Outcome::Refused, error))?;
    let grow = |bytes| space.grow(bytes).map_err(|error| problem(error, None).1);
    let body = body::read_at_most(payload.into_inner(), limit, PATIENCE, grow)
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
            let detail = format!("The body is not gzip, as Content-Encoding says: {error}.");
            let error = ApiError::new(ProblemKind::UnreadableBody, detail);
            Err((Outcome::Refused, error))
        }
    }
}

/// How long a delivery may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

fn is_gzip(request: &HttpRequest) -> Result<bool, ApiError> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    let encoding = encoding.map_or(&b"identity"[..], |value| value.as_bytes());
    if encoding.eq_ignore_ascii_case(b"gzip") || encoding.eq_ignore_ascii_case(b"identity") {
        return Ok(encoding.eq_ignore_ascii_case(b"gzip"));
    }
    Err(ApiError::new(
        ProblemKind::UnsupportedMediaType,
        "Only Content-Encoding gzip and identity are understood.",
    ))
}

fn too_large(limit: usize) -> (Outcome, ApiError) {
    let detail = format!(
        "The body is longer than server.body_limit, {limit} bytes. Send fewer alerts at once \
         (Alertmanager: max_alerts), or raise it."
    );
    let error = ApiError::new(ProblemKind::PayloadTooLarge, detail);
    (Outcome::TooLarge, error)
}

/// How a body that was not read to its end is counted.
fn outcome(error: ApiError, limit: usize) -> (Outcome, ApiError) {
    if error.is(ProblemKind::PayloadTooLarge) {
        too_large(limit)
    } else if error.is(ProblemKind::QueueFull) {
        (Outcome::QueueFull, error)
    } else if error.is(ProblemKind::RequestTimeout) {
        // It may be us who are slow, and Alertmanager sends a 408 never again.
        let detail = format!("{error} Send it again.");
        let error = ApiError::new(ProblemKind::Unavailable, detail);
        (Outcome::Unavailable, error)
    } else {
        (Outcome::Refused, error)
    }
}

/// Makes a refusal visible in the list of deliveries. That it could not be
/// listed is no reason to answer otherwise.
async fn reject(
    state: &AppState,
    source: &str,
    outcome: Outcome,
    body_bytes: usize,
    error: ApiError,
) -> ApiError {
    state.metrics.delivery(Some(source), outcome);
    let refusal = RejectedRequest {
        source: source.to_owned(),
        reason: error.to_string(),
        body: None,
        body_bytes,
    };
    let recorded = tokio::select! {
        biased;
        recorded = state.pipeline.record_rejected(refusal) => recorded,
        () = state.db.health().unavailable() => Err(IngestError::Unavailable),
    };
    if let Err(failure) = recorded {
        tracing::warn!(%failure, "a refused request was not recorded");
    }
    error
}

/// The answer, and how it is counted. `outage` says more of a database that does
/// not take deliveries.
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
                "More arrives than can be stored now; send it again.",
            ),
        ),
        IngestError::Unavailable => {
            let error = match outage {
                Some(outage @ Outage::File(_)) => ApiError::outage(&outage),
                Some(Outage::NoAnswer) | None => ApiError::new(
                    ProblemKind::Unavailable,
                    "The database does not take it now; send it again.",
                ),
            };
            (Outcome::Unavailable, error)
        }
        IngestError::Stopping => (
            Outcome::Unavailable,
            ApiError::new(
                ProblemKind::Unavailable,
                "The server is stopping; send it again.",
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
    fn a_delivery_that_is_too_slow_may_be_sent_again() {
        let slow = ApiError::new(
            ProblemKind::RequestTimeout,
            "The body did not arrive within 60 s.",
        );
        let (counted, error) = outcome(slow, 1);
        assert!(matches!(counted, Outcome::Unavailable));
        assert!(error.is(ProblemKind::Unavailable), "{error}");
    }
}
