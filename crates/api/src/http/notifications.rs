//! Every mail, and every try to send it.

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

/// What mails are filtered by.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct About {
    /// Any of these states.
    #[param(required = false, inline)]
    state: Vec<NotificationState>,
    /// Those that tell of this incident.
    incident_id: Option<i64>,
    /// Those to this recipient.
    recipient_id: Option<i64>,
}

impl FromQuery for About {
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

fn code(state: NotificationState) -> enums::NotificationState {
    match state {
        NotificationState::Queued => enums::NotificationState::Queued,
        NotificationState::Sending => enums::NotificationState::Sending,
        NotificationState::Sent => enums::NotificationState::Sent,
        NotificationState::Failed => enums::NotificationState::Failed,
        NotificationState::Written => enums::NotificationState::Written,
        NotificationState::Canceled => enums::NotificationState::Canceled,
    }
}

/// The mails, newest first.
#[utoipa::path(
    tag = "notifications",
    operation_id = "list_notifications",
    params(About, Between, Paging),
    responses((status = 200, description = "One page of the mails", body = Page<Notification>))
)]
#[get("/api/v1/notifications")]
async fn list(
    caller: Caller,
    reader: Reader,
    Params((about, between, paging)): Params<(About, Between, Paging)>,
) -> Result<Json<Page<Notification>>, ApiError> {
    let filter = NotificationFilter {
        state: about.state.into_iter().map(code).collect(),
        incident_id: about.incident_id,
        recipient_id: about.recipient_id,
        created: between.range(),
    };
    let page = paging.of(ByCreation, Order::Desc)?;
    let found = reader.read(move |db| async move {
        let found = notifications::list(&db, &filter, &page, &caller.visibility).await?;
        Ok(convert::page(found, convert::notification))
    });
    Ok(Json(found.await?))
}

/// One mail.
#[utoipa::path(
    tag = "notifications",
    operation_id = "get_notification",
    params(("id" = i64, Path, description = "The mail's number")),
    responses((status = 200, description = "The mail", body = Notification))
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

/// Sends a mail again that was sent, written or failed: the same news, to the
/// same recipient, in the same thread.
#[utoipa::path(
    tag = "notifications",
    operation_id = "resend_notification",
    params(("id" = i64, Path, description = "The mail's number")),
    responses((
        status = 201,
        description = "The new mail",
        body = Notification,
        headers(("Location" = String, description = "The new mail's address"))
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
    let seen = notifications::get(&state.db, id, &caller.visibility).await?;
    seen.ok_or_else(|| ApiError::no_such("notification", id))?;
    let once = key.once(&caller.actor, &())?;
    let pipeline = &state.pipeline;
    let made = pipeline.resend(&caller.actor, once.as_ref(), id).await?;
    let location = format!("{}api/v1/notifications/{}", state.prefix(), made.object.id);
    let object = convert::notification(made.object);
    Ok(preconditions::created(&location, object, made.replayed))
}
