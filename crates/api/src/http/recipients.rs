//! Who is mailed.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use tocsin_api_types::{Language, Page, Recipient, RecipientInput};
use tocsin_pipeline::directory::{
    MailDefaults, RecipientDraft, create_recipient, delete_recipient, update_recipient,
};
use tocsin_storage::directory::{self, ByRecipient};
use tocsin_storage::{Order, codes};

use super::body::{Body, Id};
use super::convert;
use super::filters::Paging;
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;

/// All recipients, the oldest first.
#[utoipa::path(
    tag = "directory",
    operation_id = "list_recipients",
    params(Paging),
    responses((status = 200, description = "One page of the recipients", body = Page<Recipient>))
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

/// Adds a recipient.
#[utoipa::path(
    tag = "directory",
    operation_id = "create_recipient",
    request_body = RecipientInput,
    responses((
        status = 201,
        description = "The recipient",
        body = Recipient,
        headers(("Location" = String, description = "The recipient's address"))
    ))
)]
#[post("/api/v1/recipients")]
async fn create(
    state: Data<AppState>,
    _: Params<()>,
    Body(input): Body<RecipientInput>,
) -> Result<HttpResponse, ApiError> {
    let made = create_recipient(&state.db, &draft(input), &defaults(&state)).await?;
    let location = format!("{}api/v1/recipients/{}", state.prefix(), made.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(convert::recipient(made)))
}

/// One recipient.
#[utoipa::path(
    tag = "directory",
    operation_id = "get_recipient",
    params(("id" = i64, Path, description = "The recipient's number")),
    responses((status = 200, description = "The recipient", body = Recipient))
)]
#[get("/api/v1/recipients/{id}")]
async fn get(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
) -> Result<Json<Recipient>, ApiError> {
    let found = directory::get_recipient(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("recipient", id))?;
    Ok(Json(convert::recipient(found)))
}

/// Rewrites a recipient.
#[utoipa::path(
    tag = "directory",
    operation_id = "replace_recipient",
    params(("id" = i64, Path, description = "The recipient's number")),
    request_body = RecipientInput,
    responses((status = 200, description = "The recipient as it is now", body = Recipient))
)]
#[put("/api/v1/recipients/{id}")]
async fn replace(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
    Body(input): Body<RecipientInput>,
) -> Result<Json<Recipient>, ApiError> {
    let changed = update_recipient(&state.db, id, &draft(input), &defaults(&state)).await?;
    Ok(Json(convert::recipient(changed)))
}

/// Deletes a recipient that is in no group.
#[utoipa::path(
    tag = "directory",
    operation_id = "delete_recipient",
    params(("id" = i64, Path, description = "The recipient's number")),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/api/v1/recipients/{id}")]
async fn delete(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    delete_recipient(&state.db, id).await?;
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
        Language::En => codes::Language::En,
        Language::Zh => codes::Language::Zh,
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
