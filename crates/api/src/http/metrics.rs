//! Metrics endpoint.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use tocsin_storage::outbox;
use tocsin_storage::storage_usage::Part;

use super::damage;
use super::health;
use super::problem::ApiError;
use super::state::AppState;
use super::storage::DAYS;
use crate::logging;
use crate::metrics::{Snapshot, Storage};

/// Returns the metrics of the server in the OpenMetrics text format.
#[utoipa::path(
    tag = "system",
    operation_id = "get_metrics",
    responses((status = 200, description = "Metrics", content_type = "application/openmetrics-text", body = String))
)]
#[get("/metrics")]
async fn scrape(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let reasons = health::reasons(&state).await;
    // During a database outage, the other metrics are still returned.
    let stored = Data::clone(&state);
    let stored = actix_web::rt::spawn(async move {
        let depth = outbox::depth(&stored.db).await.unwrap_or_default();
        (depth, stored.measured.get(&stored).await.ok())
    });
    let (depth, measured) = tokio::select! {
        biased;
        stored = stored => stored.unwrap_or_default(),
        () = state.db.health().unavailable() => Default::default(),
    };
    let mail = state.pipeline.mail_health();
    let damage = damage::status(&state.db.findings());
    let (queue_bytes, queue_capacity) = state.pipeline.queue_depth();
    let snapshot = Snapshot {
        queue_bytes,
        queue_capacity,
        mails: [
            ("sent", mail.sent),
            ("written", mail.written),
            ("failed", mail.failed),
            ("retried", mail.retried),
        ],
        outbox_queued: depth.waiting,
        outbox_oldest: depth
            .oldest
            .map_or(Duration::ZERO, |oldest| state.now().since(oldest)),
        mail_paused: mail.paused_since.is_some(),
        connections: state.db.pool_size(),
        event_streams: state.streams.count(),
        ready: reasons.is_empty(),
        damaged: damage.damaged,
        unreadable_rows: damage.unreadable_rows,
        log_dropped: logging::dropped(),
        storage: measured.map(|measured| Storage {
            bytes: measured.sizes.bytes,
            parts: Part::ALL.map(|part| (part.word(), measured.sizes.part(part))),
            entries: measured.sizes.entries,
            forecast: [0, 1].map(|n| (DAYS[n], measured.forecast[n])),
        }),
    };
    let text = state
        .metrics
        .encode(&snapshot)
        .map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}
