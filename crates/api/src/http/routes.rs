//! Routes of alerts to groups.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use tocsin_api_types::{Page, Route, RouteInput, RouteOrder, TeamRoute};
use tocsin_pipeline::directory::{
    RouteDraft, create_route, delete_route, reorder_routes, set_team_route, snapshot_route,
    update_route,
};
use tocsin_storage::Order;
use tocsin_storage::directory::{self, ByPosition};

use super::body::{Body, Id};
use super::caller::Caller;
use super::convert;
use super::filters::Paging;
use super::params::Params;
use super::preconditions::{self, IdempotencyKey, IfMatch};
use super::problem::ApiError;
use super::state::AppState;

/// Lists all routes, in the order in which they are evaluated.
#[utoipa::path(
    tag = "directory",
    operation_id = "list_routes",
    params(Paging),
    responses((status = 200, description = "A page of routes", body = Page<Route>))
)]
#[get("/api/v1/routes")]
async fn list(
    state: Data<AppState>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<Route>>, ApiError> {
    let page = paging.of(ByPosition, Order::Asc)?;
    let found = directory::list_routes(&state.db, &page).await?;
    Ok(Json(convert::page(found, convert::route)))
}

/// Creates a route.
#[utoipa::path(
    tag = "directory",
    operation_id = "create_route",
    request_body = RouteInput,
    responses((
        status = 201,
        description = "The created route",
        body = Route,
        headers(
            ("Location" = String, description = "URL of the route"),
            ("ETag" = String, description = "Version of the route, for If-Match"),
            ("Idempotency-Replayed" = bool, description = "`true` if the route was created by an \
             earlier request with the same Idempotency-Key"),
        )
    ))
)]
#[post("/api/v1/routes")]
async fn create(
    state: Data<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    _: Params<()>,
    Body(input): Body<RouteInput>,
) -> Result<HttpResponse, ApiError> {
    let idempotent = key.request(&caller.actor, &input)?;
    let (actor, draft) = (&caller.actor, draft(input));
    let created = create_route(&state.db, actor, idempotent.as_ref(), &draft, state.now()).await?;
    let location = format!("{}api/v1/routes/{}", state.prefix(), created.object.id);
    let snapshot = snapshot_route(&created.object);
    let object = convert::route(created.object);
    Ok(preconditions::created_with_version(
        &location,
        &snapshot,
        object,
        created.replayed,
    ))
}

/// Changes the order of all routes.
#[utoipa::path(
    tag = "directory",
    operation_id = "reorder_routes",
    request_body = RouteOrder,
    responses((status = 204, description = "The order was changed"))
)]
#[put("/api/v1/routes/order")]
async fn reorder(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
    Body(RouteOrder { ids }): Body<RouteOrder>,
) -> Result<HttpResponse, ApiError> {
    reorder_routes(&state.db, &caller.actor, &ids, state.now()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Returns whether the team route is enabled.
///
/// The team route is evaluated after all other routes, and sends alerts to the group with the
/// name of their team.
#[utoipa::path(
    tag = "directory",
    operation_id = "get_team_route",
    responses((status = 200, description = "State of the team route", body = TeamRoute))
)]
#[get("/api/v1/routes/team")]
async fn get_team(state: Data<AppState>, _: Params<()>) -> Result<Json<TeamRoute>, ApiError> {
    let enabled = directory::team_route(&state.db).await?;
    Ok(Json(TeamRoute { enabled }))
}

/// Enables or disables the team route.
#[utoipa::path(
    tag = "directory",
    operation_id = "set_team_route",
    request_body = TeamRoute,
    responses((status = 200, description = "The new state of the team route", body = TeamRoute))
)]
#[put("/api/v1/routes/team")]
async fn set_team(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
    Body(input): Body<TeamRoute>,
) -> Result<Json<TeamRoute>, ApiError> {
    set_team_route(&state.db, &caller.actor, input.enabled, state.now()).await?;
    Ok(Json(input))
}

/// Returns a route.
#[utoipa::path(
    tag = "directory",
    operation_id = "get_route",
    params(("id" = i64, Path, description = "ID of the route")),
    responses((
        status = 200,
        description = "The route",
        body = Route,
        headers(("ETag" = String, description = "Version of the route, for If-Match"))
    ))
)]
#[get("/api/v1/routes/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<HttpResponse, ApiError> {
    let found = directory::get_route(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("route", id))?;
    Ok(preconditions::found(
        &snapshot_route(&found),
        convert::route(found),
    ))
}

/// Replaces a route.
#[utoipa::path(
    tag = "directory",
    operation_id = "replace_route",
    params(("id" = i64, Path, description = "ID of the route")),
    request_body = RouteInput,
    responses((
        status = 200,
        description = "The updated route",
        body = Route,
        headers(("ETag" = String, description = "Version of the route, for If-Match"))
    ))
)]
#[put("/api/v1/routes/{id}")]
async fn replace(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
    Body(input): Body<RouteInput>,
) -> Result<HttpResponse, ApiError> {
    let (actor, expected, draft) = (&caller.actor, version.expected(), draft(input.clone()));
    let changed = update_route(&state.db, actor, id, expected, &draft, state.now())
        .await
        .map_err(|error| preconditions::precondition_failed(error, &input))?;
    Ok(preconditions::found(
        &snapshot_route(&changed),
        convert::route(changed),
    ))
}

/// Deletes a route.
#[utoipa::path(
    tag = "directory",
    operation_id = "delete_route",
    params(("id" = i64, Path, description = "ID of the route")),
    responses((status = 204, description = "The route was deleted"))
)]
#[delete("/api/v1/routes/{id}")]
async fn delete(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    delete_route(
        &state.db,
        &caller.actor,
        id,
        version.expected(),
        state.now(),
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn draft(input: RouteInput) -> RouteDraft {
    let RouteInput {
        name,
        matchers,
        group_ids,
        continue_,
        repeat,
        position,
    } = input;
    RouteDraft {
        name,
        matchers,
        group_ids,
        go_on: continue_,
        repeat,
        position,
    }
}
