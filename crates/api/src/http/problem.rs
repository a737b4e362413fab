//! Errors as RFC 9457 problem details, the one envelope of all of them.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::Value;
use tocsin_api_types::{FieldError, Problem};
use tocsin_storage::{Outage, ReadBudget, StorageError};

/// The kinds of problem. A kind's name, title and status never change: scripts
/// tell problems apart by them.
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
    /// Its name, title and status.
    pub(super) fn parts(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::InvalidRequest => (
                "invalid-request",
                "Invalid request",
                StatusCode::BAD_REQUEST,
            ),
            Self::UnreadableBody => (
                "unreadable-body",
                "Unreadable body",
                StatusCode::BAD_REQUEST,
            ),
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
            Self::InUse => ("in-use", "Still in use", StatusCode::CONFLICT),
            Self::PreconditionFailed => (
                "precondition-failed",
                "Changed by somebody else",
                StatusCode::PRECONDITION_FAILED,
            ),
            Self::IdempotencyMismatch => (
                "idempotency-mismatch",
                "Key used for another request",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::Unprocessable => (
                "unprocessable",
                "Refused for what it says",
                StatusCode::UNPROCESSABLE_ENTITY,
            ),
            Self::RequestTimeout => (
                "request-timeout",
                "Request timeout",
                StatusCode::REQUEST_TIMEOUT,
            ),
            Self::PayloadTooLarge => (
                "payload-too-large",
                "Body too large",
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
                "Unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        }
    }
}

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    /// The object as it is and as it was asked for, where two people change it.
    versions: Option<Box<Versions>>,
    /// Where a stored row cannot be read: `edge` keeps it for `/readyz`.
    corrupt: Option<Box<StorageError>>,
    headers: Vec<(header::HeaderName, String)>,
}

#[derive(Debug)]
struct Versions {
    current: Value,
    yours: Option<Value>,
}

/// How long a sender should wait before it tries again, in seconds.
const RETRY_AFTER: &str = "5";

/// How somebody may say who they are.
const CHALLENGE: &str = "Bearer realm=\"Tocsin\"";

impl ApiError {
    /// `detail` says what happened and what can be done about it.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let mut headers = Vec::new();
        if matches!(kind, ProblemKind::QueueFull | ProblemKind::Unavailable) {
            headers.push((header::RETRY_AFTER, RETRY_AFTER.to_owned()));
        }
        if matches!(
            kind,
            ProblemKind::Unauthorized | ProblemKind::WrongCredentials
        ) {
            // Not Basic: browsers would ask for a password by themselves.
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

    /// Too much was asked for; `wait` is how long it takes until more is
    /// answered.
    pub(crate) fn too_many(detail: impl Into<String>, wait: std::time::Duration) -> Self {
        Self::new(ProblemKind::TooManyRequests, detail)
            .with_header(header::RETRY_AFTER, seconds_up(wait))
    }

    /// There is no `what` of that number.
    pub(crate) fn no_such(what: &str, id: i64) -> Self {
        Self::new(ProblemKind::NotFound, format!("There is no {what} {id}."))
    }

    /// Fields or parameters are wrong. The detail repeats them, for those who
    /// read only that.
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

    /// One parameter or field is wrong.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError {
            field: field.into(),
            message: message.into(),
        };
        Self::fields(ProblemKind::InvalidRequest, vec![error])
    }

    /// A fault of ours: logged here, once, and told to nobody else.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Chain(error), "a request failed unexpectedly");
        Self::new(
            ProblemKind::Internal,
            "Something went wrong on the server; its log says what.",
        )
    }

    /// The database cannot be used now; `outage` says why and what to do.
    pub(crate) fn outage(outage: &Outage) -> Self {
        let detail = match outage {
            Outage::NoAnswer => "The database does not answer now; try again.".to_owned(),
            Outage::File(_) => sentence(&outage.to_string()),
        };
        Self::new(ProblemKind::Unavailable, detail)
    }

    /// The error of a stored row that cannot be read, where that is why.
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

    /// Adds the object as it is now and what this request asked for, which
    /// holds no secret. Only the kind [`Kind::PreconditionFailed`] has them.
    pub(crate) fn with_versions(mut self, current: Value, yours: Option<Value>) -> Self {
        self.versions = Some(Box::new(Versions { current, yours }));
        self
    }

    /// Whether it is of this kind.
    pub(crate) fn is(&self, kind: ProblemKind) -> bool {
        self.kind == kind
    }

    /// The body.
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

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// Whole seconds, never too few.
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
            // A problem is made of texts and numbers, which always make JSON.
            serde_json::to_vec(&self.problem()).unwrap_or_default(),
        )
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => {
                tracing::warn!(error = %Chain(&error), "the database is not available");
                Self::new(
                    ProblemKind::Unavailable,
                    "The database is not available now; try again.",
                )
            }
            StorageError::OverBudget | StorageError::Canceled => Self::new(
                ProblemKind::Unavailable,
                format!(
                    "This took longer than {} s and was stopped. Choose a shorter time range, or \
                     a filter by alert name, instance or team.",
                    ReadBudget::TIME.as_secs()
                ),
            ),
            StorageError::Conflict(_) => Self::new(
                ProblemKind::Conflict,
                "Somebody else changed the same thing at the same time; load it again and retry.",
            ),
            StorageError::Stale(what) => Self::new(
                ProblemKind::Conflict,
                format!("{what} was changed by somebody else meanwhile; load it again and retry."),
            ),
            StorageError::Outage(outage) => Self::outage(&outage),
            StorageError::Damaged(_) => {
                tracing::error!(error = %Chain(&error), "a request met damage in the database");
                Self::new(
                    ProblemKind::Internal,
                    "The database is damaged, so this cannot be answered; /readyz says what to do.",
                )
            }
            StorageError::Corrupt { .. } => Self {
                corrupt: Some(Box::new(error)),
                ..Self::new(
                    ProblemKind::Internal,
                    "A stored row cannot be read, so this cannot be answered; /readyz says which one.",
                )
            },
            error => Self::internal(&error),
        }
    }
}

/// An error with all its causes on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Many errors repeat their source in their own text.
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            source = error.source();
        }
        Ok(())
    }
}
