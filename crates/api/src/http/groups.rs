//! Named sets of recipients.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use tocsin_api_types::{Group, GroupInput, Page};
use tocsin_pipeline::directory::{
    GroupDraft, create_group, delete_group, snapshot_group, update_group,
};
use tocsin_storage::Order;
use tocsin_storage::directory::{self, ByGroup};

use super::body::{Body, Id};
use super::caller::Caller;
use super::convert;
use super::filters::Paging;
use super::params::Params;
use super::preconditions::{self, IdempotencyKey, IfMatch};
use super::problem::ApiError;
use super::state::AppState;

/// Lists all groups, oldest first.
#[utoipa::path(
    tag = "directory",
    operation_id = "list_groups",
    params(Paging),
    responses((status = 200, description = "A page of groups", body = Page<Group>))
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

/// Creates a group.
#[utoipa::path(
    tag = "directory",
    operation_id = "create_group",
    request_body = GroupInput,
    responses((
        status = 201,
        description = "The created group",
        body = Group,
        headers(
            ("Location" = String, description = "URL of the group"),
            ("ETag" = String, description = "Version of the group, for If-Match"),
            ("Idempotency-Replayed" = bool, description = "`true` if the group was created by an \
             earlier request with the same Idempotency-Key"),
        )
    ))
)]
#[post("/api/v1/groups")]
async fn create(
    state: Data<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    _: Params<()>,
    Body(input): Body<GroupInput>,
) -> Result<HttpResponse, ApiError> {
    let idempotent = key.request(&caller.actor, &input)?;
    let (actor, draft) = (&caller.actor, draft(input));
    let created = create_group(&state.db, actor, idempotent.as_ref(), &draft, state.now()).await?;
    let location = format!("{}api/v1/groups/{}", state.prefix(), created.object.id);
    let snapshot = snapshot_group(&created.object);
    let object = convert::group(created.object);
    Ok(preconditions::created_with_version(
        &location,
        &snapshot,
        object,
        created.replayed,
    ))
}

/// Returns a group.
#[utoipa::path(
    tag = "directory",
    operation_id = "get_group",
    params(("id" = i64, Path, description = "ID of the group")),
    responses((
        status = 200,
        description = "The group",
        body = Group,
        headers(("ETag" = String, description = "Version of the group, for If-Match"))
    ))
)]
#[get("/api/v1/groups/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<HttpResponse, ApiError> {
    let found = directory::get_group(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("group", id))?;
    Ok(preconditions::found(
        &snapshot_group(&found),
        convert::group(found),
    ))
}

/// Replaces a group.
#[utoipa::path(
    tag = "directory",
    operation_id = "replace_group",
    params(("id" = i64, Path, description = "ID of the group")),
    request_body = GroupInput,
    responses((
        status = 200,
        description = "The updated group",
        body = Group,
        headers(("ETag" = String, description = "Version of the group, for If-Match"))
    ))
)]
#[put("/api/v1/groups/{id}")]
async fn replace(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
    Body(input): Body<GroupInput>,
) -> Result<HttpResponse, ApiError> {
    let (actor, expected, draft) = (&caller.actor, version.expected(), draft(input.clone()));
    let changed = update_group(&state.db, actor, id, expected, &draft, state.now())
        .await
        .map_err(|error| preconditions::precondition_failed(error, &input))?;
    Ok(preconditions::found(
        &snapshot_group(&changed),
        convert::group(changed),
    ))
}

/// Deletes a group.
///
/// Fails with 409 if a route uses the group. The recipients of the group are kept.
#[utoipa::path(
    tag = "directory",
    operation_id = "delete_group",
    params(("id" = i64, Path, description = "ID of the group")),
    responses((status = 204, description = "The group was deleted"))
)]
#[delete("/api/v1/groups/{id}")]
async fn delete(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    delete_group(
        &state.db,
        &caller.actor,
        id,
        version.expected(),
        state.now(),
    )
    .await?;
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
