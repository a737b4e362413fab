//! Secrets for scripts and senders.

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

/// All tokens, the oldest first; those too that were revoked or have expired.
#[utoipa::path(
    tag = "accounts",
    operation_id = "list_tokens",
    params(Paging),
    responses((status = 200, description = "One page of the tokens", body = Page<Token>))
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

/// Makes a token. Its secret is in this answer and nowhere else.
#[utoipa::path(
    tag = "accounts",
    operation_id = "create_token",
    request_body = TokenInput,
    responses((
        status = 201,
        description = "The token and its secret",
        body = NewToken,
        headers(("Location" = String, description = "The token's address"))
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
    let once = key.once(&caller.actor, &input)?;
    let draft = draft(input)?;
    let accounts = &state.accounts;
    let made = accounts
        .create_token(&caller.actor, once.as_ref(), &draft)
        .await?;
    let location = format!("{}api/v1/tokens/{}", state.prefix(), made.object.view.id);
    let object = NewToken {
        secret: made.object.secret,
        token: token(made.object.view),
    };
    Ok(preconditions::created(&location, object, made.replayed))
}

/// One token.
#[utoipa::path(
    tag = "accounts",
    operation_id = "get_token",
    params(("id" = i64, Path, description = "The token's number")),
    responses((status = 200, description = "The token", body = Token))
)]
#[get("/api/v1/tokens/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<Json<Token>, ApiError> {
    let found = accounts::get_token(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("token", id))?;
    Ok(Json(token(found)))
}

/// Revokes a token for good. It stays listed.
#[utoipa::path(
    tag = "accounts",
    operation_id = "revoke_token",
    params(("id" = i64, Path, description = "The token's number")),
    responses((status = 204, description = "It opens nothing any more"))
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
/// Where both scopes and a role are given.
fn draft(input: TokenInput) -> Result<TokenDraft, ChangeError> {
    let TokenInput {
        name,
        scopes,
        role,
        source,
        matchers,
        expires_at,
    } = input;
    let opens = match (scopes, role) {
        (Some(_), Some(_)) => {
            let issue = FieldIssue::new("role", "expected either scopes or a role, not both");
            return Err(ChangeError::Unprocessable(vec![issue]));
        }
        (None, Some(role)) => vec![enums::Access::from(role_of(role))],
        (scopes, None) => scopes.into_iter().flatten().map(access_of).collect(),
    };
    Ok(TokenDraft {
        name,
        opens,
        source,
        matchers,
        expires_at: expires_at.map(Into::into),
    })
}
