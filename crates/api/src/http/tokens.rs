//! API and ingest tokens.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use tocsin_api_types::{NewToken, Page, Token, TokenInput};
use tocsin_pipeline::accounts::TokenDraft;
use tocsin_pipeline::{ChangeError, FieldIssue};
use tocsin_storage::accounts::{self, ByToken};
use tocsin_storage::{Order, enums};

use super::body::{Body, Id};
use super::caller::Caller;
use super::convert;
use super::convert_accounts::{access_of, role_of, token};
use super::filters::Paging;
use super::params::Params;
use super::preconditions::{self, IdempotencyKey};
use super::problem::ApiError;
use super::state::AppState;

/// Lists all tokens, oldest first, including revoked and expired ones.
#[utoipa::path(
    tag = "accounts",
    operation_id = "list_tokens",
    params(Paging),
    responses((status = 200, description = "A page of tokens", body = Page<Token>))
)]
#[get("/api/v1/tokens")]
async fn list(
    state: Data<AppState>,
    Params(paging): Params<Paging>,
) -> Result<Json<Page<Token>>, ApiError> {
    let page = paging.of(ByToken, Order::Asc)?;
    let found = accounts::list_tokens(&state.db, &page).await?;
    Ok(Json(convert::page(found, token)))
}

/// Creates a token.
///
/// The secret is returned by this request only.
#[utoipa::path(
    tag = "accounts",
    operation_id = "create_token",
    request_body = TokenInput,
    responses((
        status = 201,
        description = "The created token and its secret",
        body = NewToken,
        headers(("Location" = String, description = "URL of the token"))
    ))
)]
#[post("/api/v1/tokens")]
async fn create(
    state: Data<AppState>,
    caller: Caller,
    key: IdempotencyKey,
    _: Params<()>,
    Body(input): Body<TokenInput>,
) -> Result<HttpResponse, ApiError> {
    let idempotent = key.request(&caller.actor, &input)?;
    let draft = draft(input)?;
    let accounts = &state.accounts;
    let created = accounts
        .create_token(&caller.actor, idempotent.as_ref(), &draft)
        .await?;
    let location = format!("{}api/v1/tokens/{}", state.prefix(), created.object.view.id);
    let object = NewToken {
        secret: created.object.secret,
        token: token(created.object.view),
    };
    Ok(preconditions::created(&location, object, created.replayed))
}

/// Returns a token.
#[utoipa::path(
    tag = "accounts",
    operation_id = "get_token",
    params(("id" = i64, Path, description = "ID of the token")),
    responses((status = 200, description = "The token", body = Token))
)]
#[get("/api/v1/tokens/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<Json<Token>, ApiError> {
    let found = accounts::get_token(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("token", id))?;
    Ok(Json(token(found)))
}

/// Revokes a token permanently.
///
/// Revoked tokens remain listed.
#[utoipa::path(
    tag = "accounts",
    operation_id = "revoke_token",
    params(("id" = i64, Path, description = "ID of the token")),
    responses((status = 204, description = "The token was revoked"))
)]
#[delete("/api/v1/tokens/{id}")]
async fn revoke(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    state.accounts.revoke_token(&caller.actor, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// # Errors
/// [`ChangeError::Unprocessable`] if both scopes and a role are set.
fn draft(input: TokenInput) -> Result<TokenDraft, ChangeError> {
    let TokenInput {
        name,
        scopes,
        role,
        source,
        matchers,
        expires_at,
    } = input;
    let access = match (scopes, role) {
        (Some(_), Some(_)) => {
            let issue = FieldIssue::new("role", "expected scopes or a role, not both");
            return Err(ChangeError::Unprocessable(vec![issue]));
        }
        (None, Some(role)) => vec![enums::Access::from(role_of(role))],
        (scopes, None) => scopes.into_iter().flatten().map(access_of).collect(),
    };
    Ok(TokenDraft {
        name,
        opens: access,
        source,
        matchers,
        expires_at: expires_at.map(Into::into),
    })
}
