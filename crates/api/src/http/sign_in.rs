//! Sign-in with e-mail and password, and sign-out.

use std::time::Duration;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get, post};
use tocsin_api_types::{Me, SignIn, SignInOptions};
use tocsin_pipeline::accounts::{Method, SignedIn};

use super::body::Body;
use super::caller::Caller;
use super::cookies::{CookieName, Jar};
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;
use super::{convert, convert_me};

/// Returns the available sign-in methods.
#[utoipa::path(
    tag = "accounts",
    operation_id = "get_sign_in",
    responses((status = 200, description = "The sign-in methods", body = SignInOptions))
)]
#[get("/api/v1/sign-in")]
async fn options(state: Data<AppState>, _: Params<()>) -> Result<Json<SignInOptions>, ApiError> {
    let settings = &state.settings;
    Ok(Json(SignInOptions {
        set_up: state.accounts.needs_set_up().await?,
        password: settings.auth.password_sign_in,
        oidc: state.oidc.as_ref().map(|oidc| oidc.name().to_owned()),
        demo: settings.demo,
        default_language: convert::language(settings.default_language.into()),
    }))
}

/// Signs in with e-mail and password, and sets the session cookie.
///
/// The response is the same for a wrong password, an unknown account and a disabled account.
#[utoipa::path(
    tag = "accounts",
    operation_id = "sign_in",
    request_body = SignIn,
    responses((
        status = 200,
        description = "The signed-in user",
        body = Me,
        headers(("Set-Cookie" = String, description = "Session cookie"))
    ))
)]
#[post("/api/v1/sign-in")]
async fn sign_in(
    state: Data<AppState>,
    request: HttpRequest,
    _: Params<()>,
    Body(input): Body<SignIn>,
) -> Result<HttpResponse, ApiError> {
    let client = convert_me::client_info(&request);
    state.limits.sign_in(client.address)?;
    let SignIn { email, password } = input;
    let signed_in = state.accounts.sign_in(&email, &password, &client).await?;
    let jar = Jar::of(&state, &request);
    Ok(signed_in_response(
        HttpResponse::Ok(),
        &state,
        &jar,
        signed_in,
    ))
}

/// Signs out: ends the session, if there is one, and deletes the session cookie.
#[utoipa::path(
    tag = "accounts",
    operation_id = "sign_out",
    responses((
        status = 204,
        description = "The session was ended",
        headers(("Set-Cookie" = String, description = "Deletes the session cookie"))
    ))
)]
#[post("/api/v1/sign-out")]
async fn sign_out(
    state: Data<AppState>,
    request: HttpRequest,
    caller: Caller,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    let jar = Jar::of(&state, &request);
    if let Some(secret) = jar.read(CookieName::Session, request.headers()) {
        state.accounts.sign_out(secret, &caller.actor).await?;
    }
    Ok(HttpResponse::NoContent()
        .cookie(jar.delete(CookieName::Session))
        .finish())
}

/// Response to a successful password sign-in. The session secret is always new, to prevent
/// session fixation.
pub(super) fn signed_in_response(
    mut response: HttpResponseBuilder,
    state: &AppState,
    jar: &Jar<'_>,
    signed_in: SignedIn,
) -> HttpResponse {
    response
        .cookie(session_cookie(state, jar, &signed_in))
        .json(convert_me::me(signed_in.user, Method::Password))
}

/// Cookie of a new session, which expires with the session.
pub(super) fn session_cookie(
    state: &AppState,
    jar: &Jar<'_>,
    signed_in: &SignedIn,
) -> actix_web::cookie::Cookie<'static> {
    let max_age: Duration = signed_in.expires_at.since(state.now());
    let secret = signed_in.secret.as_str().to_owned();
    jar.set(CookieName::Session, secret, max_age)
}
