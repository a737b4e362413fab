//! Errors as RFC 9457 problem details, the only error format of the API.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::Value;
use tocsin_api_types::{FieldError, Problem};
use tocsin_storage::{Outage, ReadBudget, StorageError};

/// Problem types. The name and status of a type never change: scripts distinguish
/// problems by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    InvalidRequest,
    UnreadableBody,
    Unauthorized,
    WrongCredentials,
    Forbidden,
    CrossSite,
    NotFound,
    MethodNotAllowed,
    Conflict,
    InUse,
    PreconditionFailed,
    IdempotencyMismatch,
    Unprocessable,
    RequestTimeout,
    PayloadTooLarge,
    UnsupportedMediaType,
    MisdirectedRequest,
    TooManyRequests,
    Internal,
    QueueFull,
    Unavailable,
}

impl ProblemKind {
    /// Name, title and status.
    pub(super) fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::InvalidRequest => (
                "invalid-request",
                "Invalid request",
                StatusCode::BAD_REQUEST,
            ),
            Self::UnreadableBody => ("unreadable-body", "Malformed body", StatusCode::BAD_REQUEST),
            Self::Unauthorized => (
                "unauthorized",
                "Credential required",
                StatusCode::UNAUTHORIZED,
            ),
            Self::WrongCredentials => (
                "wrong-credentials",
                "Wrong credentials",
                StatusCode::UNAUTHORIZED,
            ),
            Self::Forbidden => ("forbidden", "Forbidden", StatusCode::FORBIDDEN),
            Self::CrossSite => ("cross-site", "Cross-site request", StatusCode::FORBIDDEN),
            Self::NotFound => ("not-found", "Not found", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => (
                "method-not-allowed",
                "Method not allowed",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            Self::Conflict => ("conflict", "Conflict", StatusCode::CONFLICT),
            Self::InUse => ("in-use", "In use", StatusCode::CONFLICT),
            Self::PreconditionFailed => (
                "precondition-failed",
                "Precondition failed",
                StatusCode::PRECONDITION_FAILED,
            ),
            Self::IdempotencyMismatch => (
                "idempotency-mismatch",
                "Idempotency key reused",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::Unprocessable => (
                "unprocessable",
                "Unprocessable content",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::RequestTimeout => (
                "request-timeout",
                "Request timeout",
                StatusCode::REQUEST_TIMEOUT,
            ),
            Self::PayloadTooLarge => (
                "payload-too-large",
                "Payload too large",
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            Self::UnsupportedMediaType => (
                "unsupported-media-type",
                "Unsupported media type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::MisdirectedRequest => (
                "misdirected-request",
                "Misdirected request",
                StatusCode::MISDIRECTED_REQUEST,
            ),
            Self::TooManyRequests => (
                "too-many-requests",
                "Too many requests",
                StatusCode::TOO_MANY_REQUESTS,
            ),
            Self::Internal => (
                "internal",
                "Internal error",
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
            Self::QueueFull => ("queue-full", "Queue full", StatusCode::SERVICE_UNAVAILABLE),
            Self::Unavailable => (
                "unavailable",
                "Service unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        }
    }
}

/// An error response.
#[derive(Debug)]
pub(crate) struct ApiError {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    /// The object as stored and as requested, for a failed precondition.
    versions: Option<Box<Versions>>,
    /// Cause, if a stored row cannot be read; the middleware records it for `/readyz`.
    corrupt: Option<Box<StorageError>>,
    headers: Vec<(header::HeaderName, String)>,
}

#[derive(Debug)]
struct Versions {
    current: Value,
    yours: Option<Value>,
}

/// Default `Retry-After`, in seconds.
const RETRY_AFTER: &str = "5";

/// `WWW-Authenticate` challenge.
const CHALLENGE: &str = "Bearer realm=\"Tocsin\"";

impl ApiError {
    /// `detail` states what happened and what to do about it.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let mut headers = Vec::new();
        if matches!(kind, ProblemKind::QueueFull | ProblemKind::Unavailable) {
            headers.push((header::RETRY_AFTER, RETRY_AFTER.to_owned()));
        }
        if matches!(
            kind,
            ProblemKind::Unauthorized | ProblemKind::WrongCredentials
        ) {
            // Not Basic: browsers would open their own password dialog.
            headers.push((header::WWW_AUTHENTICATE, CHALLENGE.to_owned()));
        }
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            versions: None,
            corrupt: None,
            headers,
        }
    }

    /// Rate limit exceeded; `wait` is the time until the next request is accepted.
    pub(crate) fn too_many(detail: impl Into<String>, wait: std::time::Duration) -> Self {
        Self::new(ProblemKind::TooManyRequests, detail)
            .with_header(header::RETRY_AFTER, seconds_up(wait))
    }

    /// No `what` with this ID exists.
    pub(crate) fn no_such(what: &str, id: i64) -> Self {
        Self::new(ProblemKind::NotFound, format!("No such {what}: {id}."))
    }

    /// Invalid fields or parameters, which the detail lists as well.
    pub(crate) fn fields(kind: ProblemKind, errors: Vec<FieldError>) -> Self {
        let lines: Vec<_> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.message))
            .collect();
        Self {
            errors,
            ..Self::new(kind, lines.join("; "))
        }
    }

    /// One invalid parameter or field.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError {
            field: field.into(),
            message: message.into(),
        };
        Self::fields(ProblemKind::InvalidRequest, vec![error])
    }

    /// Internal error. It is logged here, once; the response contains no details.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(error), "a request failed unexpectedly");
        Self::new(
            ProblemKind::Internal,
            "Internal error. The server log contains the details.",
        )
    }

    /// The database is unavailable for the reason in `outage`.
    pub(crate) fn outage(outage: &Outage) -> Self {
        let detail = match outage {
            Outage::NoAnswer => "The database does not answer. Try again.".to_owned(),
            Outage::File(_) => sentence(&outage.to_string()),
        };
        Self::new(ProblemKind::Unavailable, detail)
    }

    /// Cause, if a stored row cannot be read.
    pub(crate) fn corrupt(&self) -> Option<&StorageError> {
        self.corrupt.as_deref()
    }

    /// Adds a header.
    pub(crate) fn with_header(
        mut self,
        name: header::HeaderName,
        value: impl Into<String>,
    ) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the object as stored and as requested, for
    /// [`ProblemKind::PreconditionFailed`]. `yours` must not contain secrets.
    pub(crate) fn with_versions(mut self, current: Value, yours: Option<Value>) -> Self {
        self.versions = Some(Box::new(Versions { current, yours }));
        self
    }

    /// Whether the problem is of this type.
    pub(crate) fn is(&self, kind: ProblemKind) -> bool {
        self.kind == kind
    }

    /// Response body.
    pub(crate) fn problem(&self) -> Problem {
        let (name, title, status) = self.kind.parts();
        let versions = self.versions.as_ref();
        Problem {
            kind: format!("urn:tocsin:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            errors: self.errors.clone(),
            current: versions.map(|versions| versions.current.clone()),
            yours: versions.and_then(|versions| versions.yours.clone()),
        }
    }
}

/// Adds an initial capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// Rounds up to whole seconds, at least 1.
fn seconds_up(wait: std::time::Duration) -> String {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    whole.max(1).to_string()
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind.parts().2
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.content_type("application/problem+json").body(
            // Strings and numbers always serialize.
            serde_json::to_vec(&self.problem()).unwrap_or_default(),
        )
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => {
                tracing::warn!(error = %Chain(&error), "the database is unavailable");
                Self::new(
                    ProblemKind::Unavailable,
                    "The database is unavailable. Try again.",
                )
            }
            StorageError::OverBudget | StorageError::Canceled => Self::new(
                ProblemKind::Unavailable,
                format!(
                    "The query was canceled after {} s. Choose a shorter time range, or filter by \
                     alert name, instance or team.",
                    ReadBudget::TIME.as_secs()
                ),
            ),
            StorageError::Conflict(_) => Self::new(
                ProblemKind::Conflict,
                "The object was changed concurrently. Reload it and try again.",
            ),
            StorageError::Stale(what) => Self::new(
                ProblemKind::Conflict,
                format!("{what} was changed concurrently. Reload it and try again."),
            ),
            StorageError::Outage(outage) => Self::outage(&outage),
            StorageError::Damaged(_) => {
                tracing::error!(error = %Chain(&error), "a request failed because the database is damaged");
                Self::new(
                    ProblemKind::Internal,
                    "The database is damaged. See /readyz for the repair.",
                )
            }
            StorageError::Corrupt { .. } => Self {
                corrupt: Some(Box::new(error)),
                ..Self::new(
                    ProblemKind::Internal,
                    "A stored row cannot be read. See /readyz for its table and ID.",
                )
            },
            error => Self::internal(&error),
        }
    }
}

/// Formats an error and all its causes on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = self.0.to_string();
        f.write_str(&written)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Many errors include the message of their source.
            if !written.contains(&text) {
                write!(f, ": {text}")?;
                written = text;
            }
            source = error.source();
        }
        Ok(())
    }
}
