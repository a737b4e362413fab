//! Conversion of the caller's account, of sessions and of sign-in errors to API types. Secrets
//! have no field there.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use tocsin_api_types as wire;
use tocsin_pipeline::accounts::{ClientInfo, Method, PasswordError, SetUpError, SignInError};
use tocsin_pipeline::{ChangeError, FieldIssue};
use tocsin_storage::accounts::{SessionRow, SessionView, UserRow, UserView};
use tocsin_storage::enums;

use super::convert_accounts::role;
use super::problem::{ApiError, ProblemKind};
use super::{client_ip, convert};

/// IP address and user agent of a request.
pub(crate) fn client_info(request: &HttpRequest) -> ClientInfo {
    let agent = request.headers().get(header::USER_AGENT);
    ClientInfo {
        address: client_ip::client(request),
        user_agent: agent
            .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
            .unwrap_or_default(),
    }
}

fn theme(theme: enums::Theme) -> wire::Theme {
    match theme {
        enums::Theme::Light => wire::Theme::Light,
        enums::Theme::Dark => wire::Theme::Dark,
    }
}

pub(crate) fn theme_of(theme: wire::Theme) -> enums::Theme {
    match theme {
        wire::Theme::Light => enums::Theme::Light,
        wire::Theme::Dark => enums::Theme::Dark,
    }
}

pub(crate) fn language_of(language: wire::Language) -> enums::Language {
    match language {
        wire::Language::En => enums::Language::En,
        wire::Language::Zh => enums::Language::Zh,
    }
}

fn sign_in_method(method: enums::SignInMethod) -> wire::SignInMethod {
    match method {
        enums::SignInMethod::Password => wire::SignInMethod::Password,
        enums::SignInMethod::Oidc => wire::SignInMethod::Oidc,
    }
}

fn method(method: Method) -> wire::SignInMethod {
    match method {
        Method::Password => wire::SignInMethod::Password,
        Method::Oidc => wire::SignInMethod::Oidc,
        Method::Proxy => wire::SignInMethod::Proxy,
        Method::Token => wire::SignInMethod::Token,
    }
}

/// Account of a user.
pub(crate) fn me(view: UserView, signed_in_by: Method) -> wire::Me {
    let UserView { id, user } = view;
    let UserRow {
        name,
        email,
        role: stored_role,
        matchers,
        enabled: _,
        password,
        issuer: _,
        subject: _,
        language,
        time_zone,
        theme: stored_theme,
        created_at: _,
        last_sign_in_at: _,
    } = user;
    wire::Me {
        id: Some(id),
        name,
        email: Some(email),
        role: role(stored_role),
        matchers: match stored_role {
            enums::Role::Admin => Vec::new(),
            _ => matchers,
        },
        method: method(signed_in_by),
        has_password: password.is_some(),
        language: language.map(convert::language),
        time_zone,
        theme: stored_theme.map(theme),
    }
}

/// Account of a token.
pub(crate) fn me_token(name: String, token_role: enums::Role, matchers: Vec<String>) -> wire::Me {
    wire::Me {
        id: None,
        name,
        email: None,
        role: role(token_role),
        matchers,
        method: wire::SignInMethod::Token,
        has_password: false,
        language: None,
        time_zone: None,
        theme: None,
    }
}

/// Session. `current` is the ID of the session of the request.
pub(crate) fn session(view: SessionView, current: Option<i64>) -> wire::Session {
    let SessionView { id, session } = view;
    let SessionRow {
        user_id: _,
        secret: _,
        method,
        created_at,
        seen_at,
        expires_at,
        address,
        user_agent,
    } = session;
    wire::Session {
        id,
        current: current == Some(id),
        method: sign_in_method(method),
        created_at: created_at.to_datetime(),
        last_seen_at: seen_at.to_datetime(),
        expires_at: expires_at.to_datetime(),
        address,
        user_agent,
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::new(
                ProblemKind::WrongCredentials,
                "The e-mail address or the password is wrong.",
            ),
            SignInError::Off => Self::new(
                ProblemKind::Forbidden,
                "Password sign-in is disabled. Use single sign-on.",
            ),
            SignInError::Locked { retry_after } => locked(retry_after),
            SignInError::Busy => busy(),
            SignInError::Invalid(issues) => fields(issues),
            SignInError::Storage(error) => error.into(),
        }
    }
}

impl From<SetUpError> for ApiError {
    fn from(error: SetUpError) -> Self {
        match error {
            SetUpError::NotKnown => Self::new(
                ProblemKind::Forbidden,
                "The set-up link is invalid. Use the most recent link that the server printed at \
                 startup.",
            ),
            SetUpError::AlreadyDone => Self::new(
                ProblemKind::Conflict,
                "Tocsin is already set up. Sign in, or ask an administrator for an \
                 account.",
            ),
            SetUpError::Busy => busy(),
            SetUpError::Invalid(issues) => fields(issues),
            SetUpError::Unprocessable(issues) => ChangeError::Unprocessable(issues).into(),
            SetUpError::Storage(error) => error.into(),
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Locked { retry_after } => locked(retry_after),
            PasswordError::Busy => busy(),
            PasswordError::Change(error) => error.into(),
        }
    }
}

fn fields(issues: Vec<FieldIssue>) -> ApiError {
    ChangeError::Invalid(issues).into()
}

/// The same error for existing and unknown accounts.
fn locked(retry_after: Duration) -> ApiError {
    ApiError::too_many(
        "Too many failed sign-in attempts for this e-mail address. Try again later.",
        retry_after,
    )
}

fn busy() -> ApiError {
    ChangeError::Busy.into()
}
