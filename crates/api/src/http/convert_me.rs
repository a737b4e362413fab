//! One's own account as the wire has it, where a sign-in comes from, and why
//! one was refused. What is secret of an account has no field there.

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

/// Where a request comes from, for those who sign in with it.
pub(crate) fn arrival(request: &HttpRequest) -> ClientInfo {
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

/// A user, for themselves.
pub(crate) fn me(view: UserView, came_by: Method) -> wire::Me {
    let UserView { id, user } = view;
    let UserRow {
        name,
        email,
        role: may,
        matchers,
        enabled: _,
        password,
        issuer: _,
        subject: _,
        language,
        time_zone,
        theme: look,
        created_at: _,
        last_sign_in_at: _,
    } = user;
    wire::Me {
        id: Some(id),
        name,
        email: Some(email),
        role: role(may),
        matchers: match may {
            enums::Role::Admin => Vec::new(),
            _ => matchers,
        },
        method: method(came_by),
        has_password: password.is_some(),
        language: language.map(convert::language),
        time_zone,
        theme: look.map(theme),
    }
}

/// A token, for who sends it.
pub(crate) fn me_token(name: String, may: enums::Role, matchers: Vec<String>) -> wire::Me {
    wire::Me {
        id: None,
        name,
        email: None,
        role: role(may),
        matchers,
        method: wire::SignInMethod::Token,
        has_password: false,
        language: None,
        time_zone: None,
        theme: None,
    }
}

/// A session; `current` is that of the request.
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
                "The mail address or the password is wrong.",
            ),
            SignInError::Off => Self::new(
                ProblemKind::Forbidden,
                "Nobody signs in with a password here; use single sign-on.",
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
                "This set-up link is not known. Use the newest one that the program printed at \
                 its start.",
            ),
            SetUpError::AlreadyDone => Self::new(
                ProblemKind::Conflict,
                "Somebody has set this up already; sign in, or ask an administrator for an \
                 account.",
            ),
            SetUpError::Busy => busy(),
            SetUpError::Invalid(issues) => fields(issues),
            SetUpError::Unfit(issues) => ChangeError::Unprocessable(issues).into(),
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

/// The same for an account that there is and for one that there is not.
fn locked(retry_after: Duration) -> ApiError {
    ApiError::too_many(
        "The password for this mail address was wrong too often; wait before you try again.",
        retry_after,
    )
}

fn busy() -> ApiError {
    ChangeError::Busy.into()
}
