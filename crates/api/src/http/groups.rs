//! Named sets of recipients.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use tocsin_api_types::{Group, GroupInput, Page};
use tocsin_pipeline::directory::{GroupDraft, create_group, delete_group, update_group};
use tocsin_storage::Order;
use tocsin_storage::directory::{self, ByGroup};

use super::body::{Body, Id};
use super::convert;
use super::filters::Paging;
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;

/// All groups, the oldest first.
#[utoipa::path(
    tag = "directory",
    operation_id = "list_groups",
    params(Paging),
    responses((status = 200, description = "One page of the groups", body = Page<Group>))
)]
#[get("/api/v1/groups")]
async fn list(
    state: Data<AppState>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<Group>>, ApiError> {
    let page = paging.of(ByGroup, Order::Asc)?;
    let found = directory::list_groups(&state.db, &page).await?;
    Ok(Json(convert::page(found, convert::group)))
}

/// Adds a group.
#[utoipa::path(
    tag = "directory",
    operation_id = "create_group",
    request_body = GroupInput,
    responses((
        status = 201,
        description = "The group",
        body = Group,
        headers(("Location" = String, description = "The group's address"))
    ))
)]
#[post("/api/v1/groups")]
async fn create(
    state: Data<AppState>,
    _: Params<()>,
    Body(input): Body<GroupInput>,
) -> Result<HttpResponse, ApiError> {
    let made = create_group(&state.db, &draft(input)).await?;
    let location = format!("{}api/v1/groups/{}", state.prefix(), made.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(convert::group(made)))
}

/// One group.
#[utoipa::path(
    tag = "directory",
    operation_id = "get_group",
    params(("id" = i64, Path, description = "The group's number")),
    responses((status = 200, description = "The group", body = Group))
)]
#[get("/api/v1/groups/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<Json<Group>, ApiError> {
    let found = directory::get_group(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("group", id))?;
    Ok(Json(convert::group(found)))
}

/// Rewrites a group.
#[utoipa::path(
    tag = "directory",
    operation_id = "replace_group",
    params(("id" = i64, Path, description = "The group's number")),
    request_body = GroupInput,
    responses((status = 200, description = "The group as it is now", body = Group))
)]
#[put("/api/v1/groups/{id}")]
async fn replace(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
    Body(input): Body<GroupInput>,
) -> Result<Json<Group>, ApiError> {
    let changed = update_group(&state.db, id, &draft(input)).await?;
    Ok(Json(convert::group(changed)))
}

/// Deletes a group that no route uses; its recipients stay.
#[utoipa::path(
    tag = "directory",
    operation_id = "delete_group",
    params(("id" = i64, Path, description = "The group's number")),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/api/v1/groups/{id}")]
async fn delete(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    delete_group(&state.db, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn draft(input: GroupInput) -> GroupDraft {
    let GroupInput {
        name,
        is_default,
        recipient_ids,
    } = input;
    GroupDraft {
        name,
        is_default,
        recipient_ids,
    }
}
