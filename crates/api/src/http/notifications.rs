//! Notifications and their attempts.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use tocsin_api_types::{Notification, NotificationState, Page};
use tocsin_storage::notifications::{self, ByCreation, NotificationFilter};
use tocsin_storage::{Order, enums};
use utoipa::IntoParams;

use super::body::Id;
use super::caller::Caller;
use super::convert;
use super::filters::{Between, Paging};
use super::params::{FromQuery, Params, Query, one_of};
use super::preconditions::{self, IdempotencyKey};
use super::problem::ApiError;
use super::read_pool::Reader;
use super::state::AppState;

/// Filter for notifications.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Filters {
    /// Notifications in any of these states.
    #[param(required = false, inline)]
    state: Vec<NotificationState>,
    /// Notifications about the incident with this ID.
    incident_id: Option<i64>,
    /// Notifications to the recipient with this ID.
    recipient_id: Option<i64>,
}

impl FromQuery for Filters {
    fn read(query: &mut Query) -> Self {
        const STATES: &[(&str, NotificationState)] = &[
            ("queued", NotificationState::Queued),
            ("sending", NotificationState::Sending),
            ("sent", NotificationState::Sent),
            ("failed", NotificationState::Failed),
            ("written", NotificationState::Written),
            ("canceled", NotificationState::Canceled),
        ];
        Self {
            state: query.parse_all("state", one_of(STATES)),
            incident_id: query.number("incidentId", 1, i64::MAX),
            recipient_id: query.number("recipientId", 1, i64::MAX),
        }
    }
}

fn storage_state(state: NotificationState) -> enums::NotificationState {
    match state {
        NotificationState::Queued => enums::NotificationState::Queued,
        NotificationState::Sending => enums::NotificationState::Sending,
        NotificationState::Sent => enums::NotificationState::Sent,
        NotificationState::Failed => enums::NotificationState::Failed,
        NotificationState::Written => enums::NotificationState::Written,
        NotificationState::Canceled => enums::NotificationState::Canceled,
    }
}

/// Lists notifications, newest first.
#[utoipa::path(
    tag = "notifications",
    operation_id = "list_notifications",
    params(Filters, Between, Paging),
    responses((status = 200, description = "A page of notifications", body = Page<Notification>))
)]
#[get("/api/v1/notifications")]
async fn list(
    caller: Caller,
    reader: Reader,
    Params((filters, between, paging)): Params<(Filters, Between, Paging)>,
) -> Result<Json<Page<Notification>>, ApiError> {
    let filter = NotificationFilter {
        state: filters.state.into_iter().map(storage_state).collect(),
        incident_id: filters.incident_id,
        recipient_id: filters.recipient_id,
        created: between.range(),
    };
    let page = paging.of(ByCreation, Order::Desc)?;
    let found = reader.read(move |db| async move {
        let found = notifications::list(&db, &filter, &page, &caller.visibility).await?;
        Ok(convert::page(found, convert::notification))
    });
    Ok(Json(found.await?))
}

/// Returns a notification.
#[utoipa::path(
    tag = "notifications",
    operation_id = "get_notification",
    params(("id" = i64, Path, description = "ID of the notification")),
    responses((status = 200, description = "The notification", body = Notification))
)]
#[get("/api/v1/notifications/{id}")]
async fn get(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    _: Params<()>,
) -> Result<Json<Notification>, ApiError> {
    let found = notifications::get(&state.db, id, &caller.visibility).await?;
    let found = found.ok_or_else(|| ApiError::no_such("notification", id))?;
    Ok(Json(convert::notification(found)))
}

/// Sends a notification again.
///
/// Creates a notification with the same content, to the same recipient and in the same e-mail
/// thread. The original must be sent, written to a file, or failed.
#[utoipa::path(
    tag = "notifications",
    operation_id = "resend_notification",
    params(("id" = i64, Path, description = "ID of the notification")),
    responses((
        status = 201,
        description = "The created notification",
        body = Notification,
        headers(("Location" = String, description = "URL of the created notification"))
    ))
)]
#[post("/api/v1/notifications/{id}/resend")]
async fn resend(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    key: IdempotencyKey,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    let original = notifications::get(&state.db, id, &caller.visibility).await?;
    original.ok_or_else(|| ApiError::no_such("notification", id))?;
    let idempotent = key.request(&caller.actor, &())?;
    let pipeline = &state.pipeline;
    let created = pipeline
        .resend(&caller.actor, idempotent.as_ref(), id)
        .await?;
    let location = format!(
        "{}api/v1/notifications/{}",
        state.prefix(),
        created.object.id
    );
    let object = convert::notification(created.object);
    Ok(preconditions::created(&location, object, created.replayed))
}
