//! Signing in with e-mail and password, and out.

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

/// How people sign in here.
#[utoipa::path(
    tag = "accounts",
    operation_id = "get_sign_in",
    responses((status = 200, description = "The ways to sign in", body = SignInOptions))
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

/// Signs in with e-mail and password: sets the session's cookie, which the
/// browser sends from then on. A wrong password, an account that is not there and
/// one that is disabled get the same answer.
#[utoipa::path(
    tag = "accounts",
    operation_id = "sign_in",
    request_body = SignIn,
    responses((
        status = 200,
        description = "Who signed in",
        body = Me,
        headers(("Set-Cookie" = String, description = "The session's cookie"))
    ))
)]
#[post("/api/v1/sign-in")]
async fn sign_in(
    state: Data<AppState>,
    request: HttpRequest,
    _: Params<()>,
    Body(input): Body<SignIn>,
) -> Result<HttpResponse, ApiError> {
    let arrival = convert_me::arrival(&request);
    state.limits.sign_in(arrival.address)?;
    let SignIn { email, password } = input;
    let signed_in = state.accounts.sign_in(&email, &password, &arrival).await?;
    let jar = Jar::of(&state, &request);
    Ok(let_in(HttpResponse::Ok(), &state, &jar, signed_in))
}

/// Signs out: ends the session of the cookie, if there is one, and takes the
/// cookie away.
#[utoipa::path(
    tag = "accounts",
    operation_id = "sign_out",
    responses((
        status = 204,
        description = "Nobody is signed in any more",
        headers(("Set-Cookie" = String, description = "Takes the session's cookie away"))
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
        .cookie(jar.forget(CookieName::Session))
        .finish())
}

/// The answer to somebody who was let in by password. The secret is a new one
/// whatever cookie the request had, so that nobody can plant one.
pub(super) fn let_in(
    mut response: HttpResponseBuilder,
    state: &AppState,
    jar: &Jar<'_>,
    signed_in: SignedIn,
) -> HttpResponse {
    response
        .cookie(session_cookie(state, jar, &signed_in))
        .json(convert_me::me(signed_in.user, Method::Password))
}

/// The cookie of a new session, which lasts as long as the session can.
pub(super) fn session_cookie(
    state: &AppState,
    jar: &Jar<'_>,
    signed_in: &SignedIn,
) -> actix_web::cookie::Cookie<'static> {
    let lasts: Duration = signed_in.expires_at.since(state.now());
    let secret = signed_in.secret.as_str().to_owned();
    jar.keep(CookieName::Session, secret, lasts)
}
