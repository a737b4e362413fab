//! Set-up of the first administrator.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use tocsin_api_types::{Me, SetUp};

use super::body::Body;
use super::cookies::Jar;
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;
use super::{convert_me, sign_in};

/// Creates the first administrator, and signs the administrator in.
///
/// Requires the token of the set-up link that the server printed at startup. Fails with 409 if
/// an administrator exists; of two concurrent requests, one succeeds.
#[utoipa::path(
    tag = "accounts",
    operation_id = "set_up",
    request_body = SetUp,
    responses((
        status = 201,
        description = "The created administrator",
        body = Me,
        headers(("Set-Cookie" = String, description = "Session cookie"))
    ))
)]
#[post("/api/v1/set-up")]
async fn set_up(
    state: Data<AppState>,
    request: HttpRequest,
    _: Params<()>,
    Body(input): Body<SetUp>,
) -> Result<HttpResponse, ApiError> {
    let client = convert_me::client_info(&request);
    state.limits.sign_in(client.address)?;
    let SetUp {
        token,
        name,
        email,
        password,
    } = input;
    let accounts = &state.accounts;
    let signed_in = accounts
        .set_up(&token, &name, &email, &password, &client)
        .await?;
    let jar = Jar::of(&state, &request);
    Ok(sign_in::signed_in_response(
        HttpResponse::Created(),
        &state,
        &jar,
        signed_in,
    ))
}
