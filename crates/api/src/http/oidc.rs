//! Single sign-on: redirects to the OpenID provider and back. Errors are shown by the sign-in
//! page, to which they redirect.

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
use super::oidc_state_cookie::{MAX_AGE, OidcState, is_own_page};
use super::params::{FromQuery, Params, Query};
use super::problem::{ApiError, Chain, ProblemKind};
use super::state::AppState;
use super::{client_ip, convert_me, sign_in};
use crate::oidc::{Answer, Attempt, Failure, SingleSignOn};

/// Target after the sign-in.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct BeginParams {
    /// Page to open after the sign-in: a path of this server that starts with a single slash.
    /// Defaults to the home page.
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
                Err("expected a path of this server that starts with a single slash".to_owned())
            }
        });
        Self { return_to }
    }
}

/// Parameters of the redirect from the provider.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackParams {
    /// Authorization code.
    code: Option<String>,
    /// State sent to the provider.
    state: Option<String>,
    /// Error, if the sign-in failed.
    error: Option<String>,
    /// Issuer.
    iss: Option<String>,
}

/// Redirects to the OpenID provider.
///
/// If the provider is unavailable, redirects to the sign-in page with
/// `problem=oidc-unavailable`.
#[utoipa::path(
    tag = "accounts",
    operation_id = "begin_oidc",
    params(BeginParams),
    responses((
        status = 303,
        description = "Redirect to the provider, or to the sign-in page with a problem",
        headers(
            ("Location" = String, description = "URL of the redirect"),
            ("Set-Cookie" = String, description = "State cookie, which binds the sign-in to the browser"),
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
    match oidc.begin(&attempt, &redirect_uri(&state, &request)?).await {
        Ok(url) => {
            let oidc_state = OidcState { attempt, return_to };
            let cookie = jar.set(CookieName::Oidc, oidc_state.encode(), MAX_AGE);
            Ok(HttpResponse::SeeOther()
                .insert_header((header::LOCATION, String::from(url)))
                .cookie(cookie)
                .finish())
        }
        Err(failure) => Ok(redirect_to_sign_in(
            &state,
            &jar,
            problem_code(&failure),
            return_to.as_deref(),
        )),
    }
}

/// Completes the sign-in with the OpenID provider.
///
/// Sets the session cookie and redirects to the requested page. If the sign-in fails, redirects
/// to the sign-in page with `problem` set to `oidc-unavailable`, `oidc-refused`,
/// `oidc-no-email`, `oidc-not-allowed` or `account-disabled`.
#[utoipa::path(
    tag = "accounts",
    operation_id = "finish_oidc",
    params(CallbackParams),
    responses((
        status = 303,
        description = "Redirect to the requested page, or to the sign-in page with a problem",
        headers(
            ("Location" = String, description = "URL of the redirect"),
            ("Set-Cookie" = String, description = "Session cookie"),
        )
    ))
)]
#[get("/api/v1/sign-in/oidc/callback")]
async fn callback(state: Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let oidc = provider(&state)?;
    let client = convert_me::client_info(&request);
    state.limits.sign_in(client.address)?;
    let jar = Jar::of(&state, &request);
    let Some(oidc_state) = OidcState::of(&jar, request.headers()) else {
        tracing::warn!("an OpenID sign-in was rejected: its state cookie is missing or expired");
        return Ok(redirect_to_sign_in(&state, &jar, "oidc-refused", None));
    };
    let return_to = oidc_state.return_to.as_deref();
    match finish(&state, &request, oidc, &oidc_state.attempt).await {
        Ok(signed_in) => Ok(HttpResponse::SeeOther()
            .insert_header((header::LOCATION, page(&state, return_to.unwrap_or("/"))))
            .cookie(sign_in::session_cookie(&state, &jar, &signed_in))
            .cookie(jar.delete(CookieName::Oidc))
            .finish()),
        Err(SignInFailure::Problem(problem)) => {
            audit_failure(&state, &request, problem).await?;
            Ok(redirect_to_sign_in(&state, &jar, problem, return_to))
        }
        Err(SignInFailure::Failed(error)) => Err(error),
    }
}

/// Reason why the sign-in failed.
enum SignInFailure {
    /// Problem code for the sign-in page.
    Problem(&'static str),
    Failed(ApiError),
}

async fn finish(
    state: &AppState,
    request: &HttpRequest,
    oidc: &SingleSignOn,
    attempt: &Attempt,
) -> Result<SignedIn, SignInFailure> {
    let redirect_uri = redirect_uri(state, request).map_err(SignInFailure::Failed)?;
    let answer = parse_answer(request.query_string());
    let now = state.now().to_datetime();
    let user = oidc
        .finish(attempt, &redirect_uri, answer, now)
        .await
        .map_err(|failure| SignInFailure::Problem(problem_code(&failure)))?;
    let client = convert_me::client_info(request);
    let signed_in = state
        .accounts
        .sign_in_from(&user, SignInMethod::Oidc, &client)
        .await;
    signed_in.map_err(|error| match error {
        ExternalError::NoEmail => SignInFailure::Problem("oidc-no-email"),
        ExternalError::NotAllowed => {
            tracing::warn!(
                "an OpenID sign-in was rejected: the e-mail address belongs to another account and is \
                 not verified"
            );
            SignInFailure::Problem("oidc-not-allowed")
        }
        ExternalError::Disabled => SignInFailure::Problem("account-disabled"),
        ExternalError::Storage(error) => SignInFailure::Failed(error.into()),
    })
}

/// Records a failed sign-in in the audit log. Outages are not recorded, and disabled accounts are
/// recorded elsewhere.
async fn audit_failure(
    state: &AppState,
    request: &HttpRequest,
    problem: &str,
) -> Result<(), ApiError> {
    if matches!(problem, "oidc-unavailable" | "account-disabled") {
        return Ok(());
    }
    let details = json!({ "method": "oidc", "problem": problem });
    let entry = AuditEntry {
        action: "sign-in.failed",
        kind: "user",
        id: None,
        name: "",
        before: None,
        after: Some(&details),
    };
    let actor = Actor::anonymous(client_ip::client(request));
    actor.note(&state.db, &entry, state.now()).await?;
    Ok(())
}

fn provider(state: &AppState) -> Result<&SingleSignOn, ApiError> {
    state.oidc.as_ref().ok_or_else(|| {
        ApiError::new(
            ProblemKind::NotFound,
            "Single sign-on is not configured (auth.oidc).",
        )
    })
}

/// Logs a failure, and returns its problem code for the sign-in page.
fn problem_code(failure: &Failure) -> &'static str {
    tracing::warn!(error = %Chain(failure), "single sign-on failed");
    match failure {
        Failure::Unavailable(_) => "oidc-unavailable",
        Failure::Refused(_) => "oidc-refused",
        Failure::NoEmail => "oidc-no-email",
        Failure::NotAllowed => "oidc-not-allowed",
    }
}

/// Parses the redirect from the provider. Unknown parameters are ignored, because providers add
/// their own; repeated ones count as missing.
fn parse_answer(query: &str) -> Answer {
    let mut query = Query::new(query);
    let mut one = |name: &str| {
        let mut values = query.values(name);
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

/// URL of a page, for a redirect.
fn page(state: &AppState, path: &str) -> String {
    format!("{}{}", state.prefix().trim_end_matches('/'), path)
}

/// Redirects to the sign-in page, which shows the problem.
fn redirect_to_sign_in(
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
        .cookie(jar.delete(CookieName::Oidc))
        .finish()
}

/// Redirect URI, which must be the same in both steps. Without `server.public_url`, which is
/// optional on loopback only, it contains the `Host` of the request, to which the cookie is
/// bound.
fn redirect_uri(state: &AppState, request: &HttpRequest) -> Result<String, ApiError> {
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
    joined
        .map(String::from)
        .map_err(|_| ApiError::field("Host", "expected the host name and port of this server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_parameters_are_ignored() {
        let read = parse_answer("code=a&state=b&session_state=c");
        assert_eq!(
            (read.code.as_deref(), read.state.as_deref()),
            (Some("a"), Some("b"))
        );
        assert_eq!(parse_answer("code=a&code=b").code, None);
    }
}
