//! Status of the server for the pages.

use actix_web::get;
use actix_web::web::{Data, Json};
use tocsin_api_types::{MailMode, MailStatus, SystemStatus};
use tocsin_mailer::Mode;
use tocsin_storage::{incidents, outbox};

use super::caller::Caller;
use super::convert;
use super::damage;
use super::identify;
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;

/// Returns the settings and the health of the server that the pages need.
#[utoipa::path(
    tag = "system",
    operation_id = "get_status",
    responses((status = 200, description = "The status", body = SystemStatus))
)]
#[get("/api/v1/status")]
async fn get(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
) -> Result<Json<SystemStatus>, ApiError> {
    let settings = &state.settings;
    // The size of the outbox concerns all alerts.
    let depth = match caller.visibility.is_everything() {
        true => outbox::depth(&state.db).await?,
        false => outbox::OutboxDepth::default(),
    };
    let health = state.pipeline.mail_health();
    let oldest_age = depth
        .oldest
        .map(|oldest| state.now().since(oldest).as_secs());
    Ok(Json(SystemStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        demo: settings.demo,
        ingest_token_required: !identify::is_open(&state).await?,
        webhook_url: state.webhook_url.clone(),
        mail: MailStatus {
            mode: match state.pipeline.mail_mode() {
                Mode::Smtp => MailMode::Smtp,
                Mode::File | Mode::Memory => MailMode::File,
            },
            paused_since: health.paused_since.map(|time| time.to_datetime()),
            error: health.error,
            queued: depth.waiting,
            oldest_seconds: oldest_age.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
        },
        database: damage::status(&state.db.findings()),
        default_language: convert::language(settings.default_language.into()),
        default_time_zone: settings.default_time_zone.name().to_owned(),
        stale_after_seconds: i64::try_from(settings.stale_after.as_secs()).unwrap_or(i64::MAX),
        has_alerts: incidents::any(&state.db).await?,
    }))
}
