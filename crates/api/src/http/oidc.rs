//! Single sign-on: the browser's way to the OpenID provider and back. People
//! see these addresses only in passing, so what goes wrong is told by the
//! sign-in page.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::json;
use tocsin_pipeline::accounts::{ExternalError, SignedIn};
use tocsin_pipeline::{Actor, AuditEntry};
use tocsin_storage::enums::SignInMethod;
use url::Url;
use url::form_urlencoded::Serializer;
use utoipa::IntoParams;

use super::cookies::{CookieName, Jar};
use super::oidc_state_cookie::{OidcState, PATIENCE, is_own_page};
use super::params::{FromQuery, Params, Query};
use super::problem::{ApiError, Chain, ProblemKind};
use super::state::AppState;
use super::{client_ip, convert_me, sign_in};
use crate::oidc::{Answer, Attempt, Failure, SingleSignOn};

/// Where to go after the sign-in.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BeginParams {
    /// A page's address, without that of this server: a path that begins with
    /// one slash. Left out: the first page.
    #[param(
        rename = "returnTo",
        max_length = 2000,
        pattern = r"^/([!-.0-\[\]-~][!-\[\]-~]*)?$"
    )]
    return_to: Option<String>,
}

impl FromQuery for BeginParams {
    fn read(query: &mut Query) -> Self {
        let return_to = query.parse("returnTo", |text| {
            if is_own_page(text) {
                Ok(text.to_owned())
            } else {
                Err("expected a path of this server that begins with one slash".to_owned())
            }
        });
        Self { return_to }
    }
}

/// What the provider's page gives the browser to bring back.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackParams {
    /// What the provider gives for who signed in.
    code: Option<String>,
    /// What this server gave the provider.
    state: Option<String>,
    /// Why nobody signed in.
    error: Option<String>,
    /// Which provider it is.
    iss: Option<String>,
}

/// Sends the browser to the OpenID provider. Where the provider does not answer:
/// to the sign-in page, with `problem=oidc-unavailable`.
#[utoipa::path(
    tag = "accounts",
    operation_id = "begin_oidc",
    params(BeginParams),
    responses((
        status = 303,
        description = "To the provider, or to the sign-in page with a problem",
        headers(
            ("Location" = String, description = "Where to"),
            ("Set-Cookie" = String, description = "What tells that who comes back is who went"),
        )
    ))
)]
#[get("/api/v1/sign-in/oidc")]
async fn begin(
    state: Data<AppState>,
    request: HttpRequest,
    Params(BeginParams { return_to }): Params<BeginParams>,
) -> Result<HttpResponse, ApiError> {
    let oidc = provider(&state)?;
    let jar = Jar::of(&state, &request);
    let attempt = Attempt::new();
    match oidc.begin(&attempt, &back(&state, &request)?).await {
        Ok(url) => {
            let trip = OidcState { attempt, return_to };
            let cookie = jar.keep(CookieName::Oidc, trip.write(), PATIENCE);
            Ok(HttpResponse::SeeOther()
                .insert_header((header::LOCATION, String::from(url)))
                .cookie(cookie)
                .finish())
        }
        Err(failure) => Ok(reject(
            &state,
            &jar,
            problem_of(&failure),
            return_to.as_deref(),
        )),
    }
}

/// Where the provider sends the browser back to: signs in, and goes to the page
/// that was asked for. Otherwise to the sign-in page, with `problem` set to
/// `oidc-unavailable`, `oidc-refused`, `oidc-no-email`, `oidc-not-allowed` or
/// `account-disabled`.
#[utoipa::path(
    tag = "accounts",
    operation_id = "finish_oidc",
    params(CallbackParams),
    responses((
        status = 303,
        description = "To the page that was asked for, or to the sign-in page with a problem",
        headers(
            ("Location" = String, description = "Where to"),
            ("Set-Cookie" = String, description = "The session's cookie"),
        )
    ))
)]
#[get("/api/v1/sign-in/oidc/callback")]
async fn callback(state: Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let oidc = provider(&state)?;
    let arrival = convert_me::arrival(&request);
    state.limits.sign_in(arrival.address)?;
    let jar = Jar::of(&state, &request);
    let Some(trip) = OidcState::of(&jar, request.headers()) else {
        tracing::warn!(
            "somebody came back from the OpenID provider who did not go there, or too late"
        );
        return Ok(reject(&state, &jar, "oidc-refused", None));
    };
    let return_to = trip.return_to.as_deref();
    match finish(&state, &request, oidc, &trip.attempt).await {
        Ok(signed_in) => Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, page(&state, return_to.unwrap_or("/"))))
            .cookie(sign_in::session_cookie(&state, &jar, &signed_in))
            .cookie(jar.forget(CookieName::Oidc))
            .finish()),
        Err(SignInFailure::Told(problem)) => {
            note(&state, &request, problem).await?;
            Ok(reject(&state, &jar, problem, return_to))
        }
        Err(SignInFailure::Failed(error)) => Err(error),
    }
}

/// Why somebody who came back is not signed in.
enum SignInFailure {
    /// The sign-in page says so, by this word.
    Told(&'static str),
    Failed(ApiError),
}

async fn finish(
    state: &AppState,
    request: &HttpRequest,
    oidc: &SingleSignOn,
    attempt: &Attempt,
) -> Result<SignedIn, SignInFailure> {
    let back = back(state, request).map_err(SignInFailure::Failed)?;
    let answer = answer(request.query_string());
    let now = state.now().to_datetime();
    let who = oidc
        .finish(attempt, &back, answer, now)
        .await
        .map_err(|failure| SignInFailure::Told(problem_of(&failure)))?;
    let arrival = convert_me::arrival(request);
    let signed_in = state
        .accounts
        .sign_in_from(&who, SignInMethod::Oidc, &arrival)
        .await;
    signed_in.map_err(|error| match error {
        ExternalError::NoEmail => SignInFailure::Told("oidc-no-email"),
        ExternalError::NotAllowed => {
            tracing::warn!(
                "a person of the OpenID provider has the mail address of another account, and it \
                 is not known to be theirs"
            );
            SignInFailure::Told("oidc-not-allowed")
        }
        ExternalError::Disabled => SignInFailure::Told("account-disabled"),
        ExternalError::Storage(error) => SignInFailure::Failed(error.into()),
    })
}

/// Writes into the audit log that somebody was not let in. An outage is nobody's
/// deed, and of a disabled account it was written where it was found out.
async fn note(state: &AppState, request: &HttpRequest, problem: &str) -> Result<(), ApiError> {
    if matches!(problem, "oidc-unavailable" | "account-disabled") {
        return Ok(());
    }
    let why = json!({ "method": "oidc", "problem": problem });
    let deed = AuditEntry {
        action: "sign-in.failed",
        kind: "user",
        id: None,
        name: "",
        before: None,
        after: Some(&why),
    };
    let actor = Actor::anonymous(client_ip::client(request));
    actor.note(&state.db, &deed, state.now()).await?;
    Ok(())
}

fn provider(state: &AppState) -> Result<&SingleSignOn, ApiError> {
    state.oidc.as_ref().ok_or_else(|| {
        ApiError::new(
            ProblemKind::NotFound,
            "There is no single sign-on here: auth.oidc is not set.",
        )
    })
}

/// Says in the log what went wrong, and by which word the sign-in page does.
fn problem_of(failure: &Failure) -> &'static str {
    tracing::warn!(error = %Chain(failure), "single sign-on failed");
    match failure {
        Failure::Unavailable(_) => "oidc-unavailable",
        Failure::Refused(_) => "oidc-refused",
        Failure::NoEmail => "oidc-no-email",
        Failure::NotAllowed => "oidc-not-allowed",
    }
}

/// Providers add parameters of their own, so unknown ones are passed over, and
/// of two of one name none counts.
fn answer(query: &str) -> Answer {
    let mut query = Query::new(query);
    let mut one = |name: &str| {
        let mut values = query.texts(name);
        if values.len() == 1 {
            values.pop()
        } else {
            None
        }
    };
    let CallbackParams {
        code,
        state,
        error,
        iss,
    } = CallbackParams {
        code: one("code"),
        state: one("state"),
        error: one("error"),
        iss: one("iss"),
    };
    Answer {
        code,
        state,
        error,
        iss,
    }
}

/// The address of a page of ours, for a redirect.
fn page(state: &AppState, path: &str) -> String {
    format!("{}{}", state.prefix().trim_end_matches('/'), path)
}

/// To the sign-in page, which says what is wrong.
fn reject(
    state: &AppState,
    jar: &Jar<'_>,
    problem: &'static str,
    return_to: Option<&str>,
) -> HttpResponse {
    let mut query = Serializer::new(String::new());
    query.append_pair("problem", problem);
    if let Some(path) = return_to {
        query.append_pair("returnTo", path);
    }
    let location = page(state, &format!("/sign-in?{}", query.finish()));
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .cookie(jar.forget(CookieName::Oidc))
        .finish()
}

/// The address that the provider sends the browser back to, the same both times.
/// Without `server.public_url`, which only loopback may lack, it is the name that
/// the browser used: its cookie is for no other.
fn back(state: &AppState, request: &HttpRequest) -> Result<String, ApiError> {
    let base = match &state.settings.public_url {
        Some(url) => url.url().to_string(),
        None => {
            let scheme = if client_ip::is_secure(request) {
                "https"
            } else {
                "http"
            };
            let host = request.headers().get(header::HOST);
            let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
            format!("{scheme}://{host}/")
        }
    };
    let joined = Url::parse(&base).and_then(|base| base.join("api/v1/sign-in/oidc/callback"));
    joined.map(String::from).map_err(|_| {
        ApiError::field(
            "Host",
            "expected the name and port that this server is reached by",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_without_doubt() {
        let read = answer("code=a&state=b&session_state=c");
        assert_eq!(
            (read.code.as_deref(), read.state.as_deref()),
            (Some("a"), Some("b"))
        );
        assert_eq!(answer("code=a&code=b").code, None);
    }
}
