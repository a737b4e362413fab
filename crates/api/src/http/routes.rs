//! Which alerts go to which groups.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use tocsin_api_types::{Page, Route, RouteInput, RouteOrder};
use tocsin_pipeline::directory::{
    RouteDraft, create_route, delete_route, reorder_routes, update_route,
};
use tocsin_storage::Order;
use tocsin_storage::directory::{self, ByPosition};

use super::body::{Body, Id};
use super::convert;
use super::filters::Paging;
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;

/// All routes, in the order in which they are tried.
#[utoipa::path(
    tag = "directory",
    operation_id = "list_routes",
    params(Paging),
    responses((status = 200, description = "One page of the routes", body = Page<Route>))
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

/// Adds a route.
#[utoipa::path(
    tag = "directory",
    operation_id = "create_route",
    request_body = RouteInput,
    responses((
        status = 201,
        description = "The route",
        body = Route,
        headers(("Location" = String, description = "The route's address"))
    ))
)]
#[post("/api/v1/routes")]
async fn create(
    state: Data<AppState>,
    _: Params<()>,
    Body(input): Body<RouteInput>,
) -> Result<HttpResponse, ApiError> {
    let made = create_route(&state.db, &draft(input)).await?;
    let location = format!("{}api/v1/routes/{}", state.prefix(), made.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(convert::route(made)))
}

/// Puts all routes into a new order.
#[utoipa::path(
    tag = "directory",
    operation_id = "reorder_routes",
    request_body = RouteOrder,
    responses((status = 204, description = "They are tried in this order now"))
)]
#[put("/api/v1/routes/order")]
async fn reorder(
    state: Data<AppState>,
    _: Params<()>,
    Body(RouteOrder { ids }): Body<RouteOrder>,
) -> Result<HttpResponse, ApiError> {
    reorder_routes(&state.db, &ids).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// One route.
#[utoipa::path(
    tag = "directory",
    operation_id = "get_route",
    params(("id" = i64, Path, description = "The route's number")),
    responses((status = 200, description = "The route", body = Route))
)]
#[get("/api/v1/routes/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<Json<Route>, ApiError> {
    let found = directory::get_route(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("route", id))?;
    Ok(Json(convert::route(found)))
}

/// Rewrites a route.
#[utoipa::path(
    tag = "directory",
    operation_id = "replace_route",
    params(("id" = i64, Path, description = "The route's number")),
    request_body = RouteInput,
    responses((status = 200, description = "The route as it is now", body = Route))
)]
#[put("/api/v1/routes/{id}")]
async fn replace(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
    Body(input): Body<RouteInput>,
) -> Result<Json<Route>, ApiError> {
    let changed = update_route(&state.db, id, &draft(input)).await?;
    Ok(Json(convert::route(changed)))
}

/// Deletes a route.
#[utoipa::path(
    tag = "directory",
    operation_id = "delete_route",
    params(("id" = i64, Path, description = "The route's number")),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/api/v1/routes/{id}")]
async fn delete(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    delete_route(&state.db, id).await?;
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
