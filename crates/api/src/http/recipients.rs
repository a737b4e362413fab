//! Recipients of notifications.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use tocsin_api_types::{Language, Page, Recipient, RecipientInput};
use tocsin_pipeline::directory::{
    MailDefaults, RecipientDraft, create_recipient, delete_recipient, snapshot_recipient,
    update_recipient,
};
use tocsin_storage::directory::{self, ByRecipient};
use tocsin_storage::{Order, enums};

use super::body::{Body, Id};
use super::caller::Caller;
use super::convert;
use super::filters::Paging;
use super::params::Params;
use super::preconditions::{self, IdempotencyKey, IfMatch};
use super::problem::ApiError;
use super::state::AppState;

/// Lists all recipients, oldest first.
#[utoipa::path(
    tag = "directory",
    operation_id = "list_recipients",
    params(Paging),
    responses((status = 200, description = "A page of recipients", body = Page<Recipient>))
)]
#[get("/api/v1/recipients")]
async fn list(
    state: Data<AppState>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<Recipient>>, ApiError> {
    let page = paging.of(ByRecipient, Order::Asc)?;
    let found = directory::list_recipients(&state.db, &page).await?;
    Ok(Json(convert::page(found, convert::recipient)))
}

/// Creates a recipient.
#[utoipa::path(
    tag = "directory",
    operation_id = "create_recipient",
    request_body = RecipientInput,
    responses((
        status = 201,
        description = "The created recipient",
        body = Recipient,
        headers(
            ("Location" = String, description = "URL of the recipient"),
            ("ETag" = String, description = "Version of the recipient, for If-Match"),
            ("Idempotency-Replayed" = bool, description = "`true` if the recipient was created by an \
             earlier request with the same Idempotency-Key"),
        )
    ))
)]
#[post("/api/v1/recipients")]
async fn create(
    state: Data<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    _: Params<()>,
    Body(input): Body<RecipientInput>,
) -> Result<HttpResponse, ApiError> {
    let idempotent = key.request(&caller.actor, &input)?;
    let (actor, draft) = (&caller.actor, draft(input));
    let created = create_recipient(
        &state.db,
        actor,
        idempotent.as_ref(),
        &draft,
        &defaults(&state),
        state.now(),
    )
    .await?;
    let location = format!("{}api/v1/recipients/{}", state.prefix(), created.object.id);
    let snapshot = snapshot_recipient(&created.object);
    let object = convert::recipient(created.object);
    Ok(preconditions::created_with_version(
        &location,
        &snapshot,
        object,
        created.replayed,
    ))
}

/// Returns a recipient.
#[utoipa::path(
    tag = "directory",
    operation_id = "get_recipient",
    params(("id" = i64, Path, description = "ID of the recipient")),
    responses((
        status = 200,
        description = "The recipient",
        body = Recipient,
        headers(("ETag" = String, description = "Version of the recipient, for If-Match"))
    ))
)]
#[get("/api/v1/recipients/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<HttpResponse, ApiError> {
    let found = directory::get_recipient(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("recipient", id))?;
    Ok(preconditions::found(
        &snapshot_recipient(&found),
        convert::recipient(found),
    ))
}

/// Replaces a recipient.
#[utoipa::path(
    tag = "directory",
    operation_id = "replace_recipient",
    params(("id" = i64, Path, description = "ID of the recipient")),
    request_body = RecipientInput,
    responses((
        status = 200,
        description = "The updated recipient",
        body = Recipient,
        headers(("ETag" = String, description = "Version of the recipient, for If-Match"))
    ))
)]
#[put("/api/v1/recipients/{id}")]
async fn replace(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
    Body(input): Body<RecipientInput>,
) -> Result<HttpResponse, ApiError> {
    let (actor, expected, draft) = (&caller.actor, version.expected(), draft(input.clone()));
    let changed = update_recipient(
        &state.db,
        actor,
        id,
        expected,
        &draft,
        &defaults(&state),
        state.now(),
    )
    .await
    .map_err(|error| preconditions::precondition_failed(error, &input))?;
    Ok(preconditions::found(
        &snapshot_recipient(&changed),
        convert::recipient(changed),
    ))
}

/// Deletes a recipient.
///
/// Fails with 409 if the recipient is in a group.
#[utoipa::path(
    tag = "directory",
    operation_id = "delete_recipient",
    params(("id" = i64, Path, description = "ID of the recipient")),
    responses((status = 204, description = "The recipient was deleted"))
)]
#[delete("/api/v1/recipients/{id}")]
async fn delete(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    delete_recipient(
        &state.db,
        &caller.actor,
        id,
        version.expected(),
        state.now(),
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn draft(input: RecipientInput) -> RecipientDraft {
    let RecipientInput {
        name,
        email,
        language,
        time_zone,
        enabled,
        group_ids,
    } = input;
    let language = language.map(|language| match language {
        Language::En => enums::Language::En,
        Language::Zh => enums::Language::Zh,
    });
    RecipientDraft {
        name,
        email,
        language,
        time_zone,
        enabled,
        group_ids,
    }
}

fn defaults(state: &AppState) -> MailDefaults {
    MailDefaults {
        language: state.settings.default_language.into(),
        time_zone: state.settings.default_time_zone.name().to_owned(),
    }
}
