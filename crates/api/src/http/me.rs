//! Account of the caller.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use tocsin_api_types::{Me, MeInput, Page, PasswordChange, Session};
use tocsin_pipeline::accounts::{MeDraft, Method};
use tocsin_storage::accounts;
use tocsin_storage::enums::ActorKind;

use super::body::{Body, Id};
use super::caller::Caller;
use super::convert_me as convert;
use super::cookies::{CookieName, Jar};
use super::params::Params;
use super::problem::{ApiError, ProblemKind};
use super::state::AppState;

/// Returns the account of the caller, with its role.
#[utoipa::path(
    tag = "accounts",
    operation_id = "get_me",
    responses((status = 200, description = "The user or token", body = Me))
)]
#[get("/api/v1/me")]
async fn get(state: Data<AppState>, caller: Caller, _: Params<()>) -> Result<Json<Me>, ApiError> {
    if caller.actor.kind == ActorKind::User {
        let id = user_id(&caller)?;
        let user = accounts::get_user(&state.db, id).await?;
        let user = user.ok_or_else(|| ApiError::no_such("user", id))?;
        return Ok(Json(convert::me(user, method(&caller))));
    }
    let role = caller.role.ok_or_else(no_user)?;
    let matchers = caller.visibility.matchers();
    let matchers = matchers.iter().map(ToString::to_string).collect();
    Ok(Json(convert::me_token(caller.actor.name, role, matchers)))
}

/// Updates the name and preferences of the caller.
#[utoipa::path(
    tag = "accounts",
    operation_id = "replace_me",
    request_body = MeInput,
    responses((status = 200, description = "The updated user", body = Me))
)]
#[put("/api/v1/me")]
async fn replace(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
    Body(input): Body<MeInput>,
) -> Result<Json<Me>, ApiError> {
    let id = user_id(&caller)?;
    let MeInput {
        name,
        language,
        time_zone,
        theme,
    } = input;
    let draft = MeDraft {
        name,
        language: language.map(convert::language_of),
        time_zone,
        theme: theme.map(convert::theme_of),
    };
    let user = state.accounts.update_me(&caller.actor, id, &draft).await?;
    Ok(Json(convert::me(user, method(&caller))))
}

/// Changes the password of the caller, and ends all other sessions.
#[utoipa::path(
    tag = "accounts",
    operation_id = "change_my_password",
    request_body = PasswordChange,
    responses((status = 204, description = "The password was changed, and the other sessions were ended"))
)]
#[put("/api/v1/me/password")]
async fn change_password(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
    Body(input): Body<PasswordChange>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&caller)?;
    let PasswordChange { current, new } = input;
    let keep = caller.session_id;
    state
        .accounts
        .change_password(&caller.actor, id, &current, &new, keep)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists all sessions of the caller, newest first.
#[utoipa::path(
    tag = "accounts",
    operation_id = "list_my_sessions",
    responses((status = 200, description = "All sessions, on one page", body = Page<Session>))
)]
#[get("/api/v1/me/sessions")]
async fn sessions(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
) -> Result<Json<Page<Session>>, ApiError> {
    let id = user_id(&caller)?;
    let now = state.now();
    let idle = state.settings.auth.session_idle;
    let sessions = accounts::sessions_of(&state.db, id).await?;
    let items = sessions
        .into_iter()
        // Expired sessions are deleted later.
        .filter(|view| view.session.expires_at.min(view.session.seen_at.plus(idle)) > now)
        .map(|view| convert::session(view, caller.session_id))
        .collect();
    Ok(Json(Page {
        items,
        next_cursor: None,
        prev_cursor: None,
        count: None,
    }))
}

/// Ends all other sessions of the caller.
#[utoipa::path(
    tag = "accounts",
    operation_id = "end_my_other_sessions",
    responses((status = 204, description = "The other sessions were ended"))
)]
#[delete("/api/v1/me/sessions")]
async fn end_other_sessions(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&caller)?;
    let keep = caller.session_id;
    let accounts = &state.accounts;
    accounts
        .revoke_other_sessions(&caller.actor, id, keep)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends a session of the caller.
#[utoipa::path(
    tag = "accounts",
    operation_id = "end_my_session",
    params(("id" = i64, Path, description = "ID of the session")),
    responses((status = 204, description = "The session was ended"))
)]
#[delete("/api/v1/me/sessions/{id}")]
async fn end_session(
    state: Data<AppState>,
    request: HttpRequest,
    caller: Caller,
    Id(session): Id,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&caller)?;
    let accounts = &state.accounts;
    accounts.revoke_session(&caller.actor, id, session).await?;
    let mut response = HttpResponse::NoContent();
    if caller.session_id == Some(session) {
        response.cookie(Jar::of(&state, &request).delete(CookieName::Session));
    }
    Ok(response.finish())
}

/// ID of the user. The middleware rejects other callers.
fn user_id(caller: &Caller) -> Result<i64, ApiError> {
    let id = (caller.actor.kind == ActorKind::User).then_some(caller.actor.id);
    id.flatten().ok_or_else(no_user)
}

fn no_user() -> ApiError {
    ApiError::new(
        ProblemKind::Forbidden,
        "This operation requires a signed-in user: a token has no account.",
    )
}

fn method(caller: &Caller) -> Method {
    caller
        .identity
        .as_ref()
        .map_or(Method::Password, |identity| identity.method)
}
