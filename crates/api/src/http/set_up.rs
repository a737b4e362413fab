//! The first administrator.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use tocsin_api_types::{Me, SetUp};

use super::body::Body;
use super::cookies::Jar;
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;
use super::{convert_me, sign_in};

/// Makes the first administrator, with the token of the link that the program
/// printed, and signs them in. Works while there is no administrator; of two at
/// once, one succeeds.
#[utoipa::path(
    tag = "accounts",
    operation_id = "set_up",
    request_body = SetUp,
    responses((
        status = 201,
        description = "The administrator",
        body = Me,
        headers(("Set-Cookie" = String, description = "The session's cookie"))
    ))
)]
#[post("/api/v1/set-up")]
async fn set_up(
    state: Data<AppState>,
    request: HttpRequest,
    _: Params<()>,
    Body(input): Body<SetUp>,
) -> Result<HttpResponse, ApiError> {
    let arrival = convert_me::arrival(&request);
    state.limits.sign_in(arrival.address)?;
    let SetUp {
        token,
        name,
        email,
        password,
    } = input;
    let accounts = &state.accounts;
    let signed_in = accounts
        .set_up(&token, &name, &email, &password, &arrival)
        .await?;
    let jar = Jar::of(&state, &request);
    Ok(sign_in::let_in(
        HttpResponse::Created(),
        &state,
        &jar,
        signed_in,
    ))
}
