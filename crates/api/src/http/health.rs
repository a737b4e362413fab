//! For those who decide whether to restart the program or to send it requests.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use tocsin_storage::StorageError;
use utoipa::ToSchema;

use super::damage;
use super::state::AppState;

/// Longer than this for a small write is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// The program lives.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether requests may be sent here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Readiness {
    /// Deliveries can be stored.
    ready: bool,
    /// Why not.
    reasons: Vec<String>,
    /// What should be looked at though deliveries can be stored, such as a stored row
    /// that cannot be read.
    warnings: Vec<String>,
    /// The mail server cannot be used now. Deliveries are taken all the same.
    mail_paused: bool,
}

/// Answers while the process lives.
#[utoipa::path(
    tag = "system",
    operation_id = "get_health",
    responses((status = 200, description = "It lives", body = Health))
)]
#[get("/healthz")]
async fn alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Answers 200 while deliveries can be stored: the database can be written to, its
/// files are in place, no damage was found in it since the start, and every worker
/// lives.
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

/// Why no delivery can be stored now; short, because anyone may read it.
pub(crate) async fn reasons(state: &AppState) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut because = |reason: &str| reasons.push(reason.to_owned());
    if *state.stopping.borrow() {
        because("the program is stopping");
    } else if !state.pipeline.is_alive() {
        because("a worker has ended");
    }
    if state.pipeline.is_rejecting() {
        because("the last deliveries could not be stored");
    }
    reasons.extend(damage::reason(state.db.backend(), &state.db.findings()));
    let pulse = state.db.health();
    if let Some(outage) = pulse.outage() {
        reasons.push(outage.to_string());
        return reasons;
    }
    // Not awaited to its end where it takes too long: but not dropped either,
    // for a dropped transaction can spoil its connection.
    let db = state.db.clone();
    let check = actix_web::rt::spawn(async move { db.check().await });
    let check = async {
        tokio::select! {
            biased;
            checked = check => checked.ok(),
            () = pulse.unavailable() => None,
        }
    };
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Some(Ok(()))) => {}
        // Found by this very check.
        Ok(Some(Err(StorageError::Outage(outage)))) => reasons.push(outage.to_string()),
        Ok(Some(Err(error))) => {
            tracing::warn!(%error, "not ready");
            reasons.push("the database cannot be written to".to_owned());
        }
        Ok(None) | Err(_) => reasons.push("the database does not answer in time".to_owned()),
    }
    reasons
}
