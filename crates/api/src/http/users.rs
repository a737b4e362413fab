//! Users, for administrators. The account of the caller is in `me`.

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

/// Lists all users, oldest first.
#[utoipa::path(
    tag = "accounts",
    operation_id = "list_users",
    params(Paging),
    responses((status = 200, description = "A page of users", body = Page<User>))
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

/// Creates a user.
#[utoipa::path(
    tag = "accounts",
    operation_id = "create_user",
    request_body = UserInput,
    responses((
        status = 201,
        description = "The created user",
        body = User,
        headers(("Location" = String, description = "URL of the user"))
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
    let idempotent = key.request(&caller.actor, &input)?;
    let accounts = &state.accounts;
    let created = accounts
        .create_user(&caller.actor, idempotent.as_ref(), &draft(input))
        .await?;
    let location = format!("{}api/v1/users/{}", state.prefix(), created.object.id);
    let snapshot = snapshot_user(&created.object);
    let object = user(created.object);
    Ok(preconditions::created_with_version(
        &location,
        &snapshot,
        object,
        created.replayed,
    ))
}

/// Returns a user.
#[utoipa::path(
    tag = "accounts",
    operation_id = "get_user",
    params(("id" = i64, Path, description = "ID of the user")),
    responses((status = 200, description = "The user", body = User))
)]
#[get("/api/v1/users/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<HttpResponse, ApiError> {
    let found = accounts::get_user(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("user", id))?;
    Ok(preconditions::found(&snapshot_user(&found), user(found)))
}

/// Replaces a user.
///
/// A new password, and disabling the user, end the sessions of the user. A new role and new
/// matchers apply from the next request. The last administrator who can sign in cannot be
/// demoted or disabled.
#[utoipa::path(
    tag = "accounts",
    operation_id = "replace_user",
    params(("id" = i64, Path, description = "ID of the user")),
    request_body = UserInput,
    responses((status = 200, description = "The updated user", body = User))
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
    // The password is not returned.
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

/// Deletes a user and all sessions of the user.
///
/// Audit log and notes keep the name of the user. The last administrator who can sign in
/// cannot be deleted.
#[utoipa::path(
    tag = "accounts",
    operation_id = "delete_user",
    params(("id" = i64, Path, description = "ID of the user")),
    responses((status = 204, description = "The user was deleted"))
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

/// Ends all sessions of a user.
#[utoipa::path(
    tag = "accounts",
    operation_id = "end_sessions_of_user",
    params(("id" = i64, Path, description = "ID of the user")),
    responses((status = 204, description = "The sessions were ended"))
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
