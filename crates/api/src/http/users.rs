//! Who may sign in. For administrators; everybody's own account is `me`.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post, put};
use tocsin_api_types::{Page, User, UserInput};
use tocsin_pipeline::accounts::{UserDraft, snapshot_user};
use tocsin_storage::Order;
use tocsin_storage::accounts::{self, ByUser};

use super::body::{Body, Id};
use super::caller::Caller;
use super::convert;
use super::convert_accounts::{role_of, user};
use super::filters::Paging;
use super::params::Params;
use super::preconditions::{self, IdempotencyKey, IfMatch};
use super::problem::ApiError;
use super::state::AppState;

/// All users, the oldest first.
#[utoipa::path(
    tag = "accounts",
    operation_id = "list_users",
    params(Paging),
    responses((status = 200, description = "One page of the users", body = Page<User>))
)]
#[get("/api/v1/users")]
async fn list(
    state: Data<AppState>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<User>>, ApiError> {
    let page = paging.of(ByUser, Order::Asc)?;
    let found = accounts::list_users(&state.db, &page).await?;
    Ok(Json(convert::page(found, user)))
}

/// Adds a user.
#[utoipa::path(
    tag = "accounts",
    operation_id = "create_user",
    request_body = UserInput,
    responses((
        status = 201,
        description = "The user",
        body = User,
        headers(("Location" = String, description = "The user's address"))
    ))
)]
#[post("/api/v1/users")]
async fn create(
    state: Data<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    _: Params<()>,
    Body(input): Body<UserInput>,
) -> Result<HttpResponse, ApiError> {
    let once = key.once(&caller.actor, &input)?;
    let accounts = &state.accounts;
    let made = accounts
        .create_user(&caller.actor, once.as_ref(), &draft(input))
        .await?;
    let location = format!("{}api/v1/users/{}", state.prefix(), made.object.id);
    let snapshot = snapshot_user(&made.object);
    let object = user(made.object);
    Ok(preconditions::made(
        &location,
        &snapshot,
        object,
        made.replayed,
    ))
}

/// One user.
#[utoipa::path(
    tag = "accounts",
    operation_id = "get_user",
    params(("id" = i64, Path, description = "The user's number")),
    responses((status = 200, description = "The user", body = User))
)]
#[get("/api/v1/users/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<HttpResponse, ApiError> {
    let found = accounts::get_user(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("user", id))?;
    Ok(preconditions::found(&snapshot_user(&found), user(found)))
}

/// Rewrites a user.
///
/// A new password, and being disabled, end their sessions; another role and
/// other matchers count from their next request on. The last administrator who
/// may sign in stays one.
#[utoipa::path(
    tag = "accounts",
    operation_id = "replace_user",
    params(("id" = i64, Path, description = "The user's number")),
    request_body = UserInput,
    responses((status = 200, description = "The user as it is now", body = User))
)]
#[put("/api/v1/users/{id}")]
async fn replace(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
    Body(input): Body<UserInput>,
) -> Result<HttpResponse, ApiError> {
    // What is told back of the request holds no password.
    let yours = UserInput {
        password: None,
        ..input.clone()
    };
    let accounts = &state.accounts;
    let changed = accounts
        .update_user(&caller.actor, id, version.expected(), &draft(input))
        .await
        .map_err(|error| preconditions::precondition_failed(error, &yours))?;
    Ok(preconditions::found(
        &snapshot_user(&changed),
        user(changed),
    ))
}

/// Deletes a user with their sessions.
///
/// What they did stays under their name. The last administrator who may sign in
/// cannot be deleted.
#[utoipa::path(
    tag = "accounts",
    operation_id = "delete_user",
    params(("id" = i64, Path, description = "The user's number")),
    responses((status = 204, description = "It is gone"))
)]
#[delete("/api/v1/users/{id}")]
async fn delete(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    let accounts = &state.accounts;
    accounts
        .delete_user(&caller.actor, id, version.expected())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends all sessions of a user: they have to sign in again.
#[utoipa::path(
    tag = "accounts",
    operation_id = "end_sessions_of_user",
    params(("id" = i64, Path, description = "The user's number")),
    responses((status = 204, description = "They are ended"))
)]
#[delete("/api/v1/users/{id}/sessions")]
async fn end_sessions(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    state.accounts.end_sessions_of(&caller.actor, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn draft(input: UserInput) -> UserDraft {
    let UserInput {
        name,
        email,
        role,
        matchers,
        enabled,
        password,
    } = input;
    UserDraft {
        name,
        email,
        role: role_of(role),
        matchers,
        enabled,
        password,
    }
}
