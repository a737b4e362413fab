//! Liveness and readiness probes.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use tocsin_storage::StorageError;
use utoipa::ToSchema;

use super::damage;
use super::state::AppState;

/// Maximum duration of the test write.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Liveness.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Readiness.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    /// Whether deliveries can be stored.
    ready: bool,
    /// Reasons why the server is not ready.
    reasons: Vec<String>,
    /// Problems that do not prevent deliveries from being stored, such as a stored row that
    /// cannot be read.
    warnings: Vec<String>,
    /// Whether e-mail is paused because the mail server is unavailable. Deliveries are
    /// stored regardless.
    mail_paused: bool,
}

/// Checks liveness.
///
/// Returns 200 while the process is running.
#[utoipa::path(
    tag = "system",
    operation_id = "get_health",
    responses((status = 200, description = "The process is running", body = Health))
)]
#[get("/healthz")]
async fn alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Checks readiness.
///
/// Returns 200 if deliveries can be stored: the database accepts writes, its files exist, no
/// damage has been found since the start, and all background jobs are running.
#[utoipa::path(
    tag = "system",
    operation_id = "get_readiness",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready", body = Readiness)
    )
)]
#[get("/readyz")]
async fn ready(state: Data<AppState>) -> HttpResponse {
    let reasons = reasons(&state).await;
    let is_ready = reasons.is_empty();
    let status = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    HttpResponse::build(status).json(Readiness {
        ready: is_ready,
        reasons,
        warnings: damage::warnings(&state.db.findings()),
        mail_paused: state.pipeline.mail_health().paused_since.is_some(),
    })
}

/// Returns the reasons why deliveries cannot be stored. They contain no details, because the
/// endpoint is public.
pub(crate) async fn reasons(state: &AppState) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut add = |reason: &str| reasons.push(reason.to_owned());
    if *state.stopping.borrow() {
        add("the server is stopping");
    } else if !state.pipeline.is_alive() {
        add("a background job has ended");
    }
    if state.pipeline.is_rejecting() {
        add("the last deliveries could not be stored");
    }
    reasons.extend(damage::reason(state.db.backend(), &state.db.findings()));
    let health = state.db.health();
    if let Some(outage) = health.outage() {
        reasons.push(outage.to_string());
        return reasons;
    }
    // The check is spawned, so that it is not dropped on a timeout: dropping a transaction
    // can break its connection.
    let db = state.db.clone();
    let check = actix_web::rt::spawn(async move { db.check().await });
    let check = async {
        tokio::select! {
            biased;
            result = check => result.ok(),
            () = health.unavailable() => None,
        }
    };
    match tokio::time::timeout(TIMEOUT, check).await {
        Ok(Some(Ok(()))) => {}
        // Detected by this check.
        Ok(Some(Err(StorageError::Outage(outage)))) => reasons.push(outage.to_string()),
        Ok(Some(Err(error))) => {
            tracing::warn!(%error, "not ready");
            reasons.push("the database does not accept writes".to_owned());
        }
        Ok(None) | Err(_) => reasons.push("the database does not answer in time".to_owned()),
    }
    reasons
}
