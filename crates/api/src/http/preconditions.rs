//! Conditional and idempotent requests: `If-Match` and `ETag`, `Idempotency-Key`, and the
//! conversion of [`ChangeError`].

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::Value;
use tocsin_api_types::FieldError;
use tocsin_pipeline::change::{Expected, etag};
use tocsin_pipeline::idempotency::IdempotentRequest;
use tocsin_pipeline::{Actor, ChangeError, FieldIssue};

use super::problem::{ApiError, ProblemKind};

/// Header with the idempotency key of a request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Header that marks an object created by an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Maximum length of a key.
const MAX_KEY_LENGTH: usize = 255;

/// Versions in `If-Match` (RFC 9110, 13.1.1); `None` without the header.
#[derive(Clone, Debug)]
pub(crate) struct IfMatch(pub(crate) Option<Expected>);

impl IfMatch {
    /// Expected versions, for the use cases.
    pub(crate) fn expected(&self) -> Option<&Expected> {
        self.0.as_ref()
    }
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lines: Vec<_> = request.headers().get_all(header::IF_MATCH).collect();
        ready(Ok(Self(if_match(&lines))))
    }
}

/// Parses the header. An invalid value matches no version, so the request is rejected with
/// 412 and the object as stored.
fn if_match(lines: &[&HeaderValue]) -> Option<Expected> {
    if lines.is_empty() {
        return None;
    }
    let mut tags = Vec::new();
    for line in lines {
        let bytes = line.as_bytes().trim_ascii();
        if lines.len() == 1 && bytes == b"*" {
            return Some(Expected::Any);
        }
        if parse_tags(bytes, &mut tags).is_none() {
            return Some(Expected::OneOf(Vec::new()));
        }
    }
    Some(Expected::OneOf(tags))
}

/// Adds the strong tags of a header line. Weak tags never match (RFC 9110, 8.8.3.2) and are
/// skipped. Returns `None` for an invalid list.
fn parse_tags(mut rest: &[u8], tags: &mut Vec<String>) -> Option<()> {
    loop {
        let (is_weak, quoted) = match rest.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        let (tag, after) = inner.split_at(end);
        // Bytes outside ASCII are valid, although Tocsin does not create such tags.
        if !tag.iter().all(|byte| matches!(byte, 0x21..=0x7e | 0x80..)) {
            return None;
        }
        if !is_weak {
            tags.push(format!("\"{}\"", String::from_utf8_lossy(tag)));
        }
        rest = after.get(1..)?.trim_ascii_start();
        if rest.is_empty() {
            return Some(());
        }
        rest = rest.strip_prefix(b",")?.trim_ascii_start();
    }
}

/// Idempotency key of a request, with its method and path.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    method: String,
    path: String,
}

impl IdempotencyKey {
    /// Idempotent request, for the use cases. `input` is the parsed body, so white space and
    /// the order of fields do not matter.
    ///
    /// # Errors
    /// [`ProblemKind::Internal`] if `input` cannot be serialized.
    pub(crate) fn request(
        &self,
        actor: &Actor,
        input: &impl Serialize,
    ) -> Result<Option<IdempotentRequest>, ApiError> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let input = serde_json::to_vec(input).map_err(|error| ApiError::internal(&error))?;
        let parts = [self.method.as_bytes(), self.path.as_bytes(), &input];
        Ok(Some(IdempotentRequest::new(actor, key, &parts)))
    }
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lines: Vec<_> = request.headers().get_all(&KEY).collect();
        ready(key(&lines).map(|key| Self {
            key,
            method: request.method().to_string(),
            path: request.path().to_owned(),
        }))
    }
}

fn key(lines: &[&HeaderValue]) -> Result<Option<String>, ApiError> {
    let text = match lines {
        [] => return Ok(None),
        [line] => line.to_str().ok(),
        _ => None,
    };
    let is_valid = |text: &&str| {
        (1..=MAX_KEY_LENGTH).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let text = text.filter(is_valid).ok_or_else(|| {
        ApiError::field(
            "Idempotency-Key",
            format!("expected one header with 1 to {MAX_KEY_LENGTH} visible ASCII characters"),
        )
    })?;
    Ok(Some(text.to_owned()))
}

/// Response 200 with an object and its version.
pub(crate) fn found(snapshot: &Value, object: impl Serialize) -> HttpResponse {
    tagged(&mut HttpResponse::Ok(), snapshot).json(object)
}

/// Response 201 with a created object, its URL and its version. `replayed`: it was created by
/// an earlier request.
pub(crate) fn created_with_version(
    location: &str,
    snapshot: &Value,
    object: impl Serialize,
    replayed: bool,
) -> HttpResponse {
    tagged(&mut created_response(location, replayed), snapshot).json(object)
}

/// As [`created_with_version`], for objects without a version.
pub(crate) fn created(location: &str, object: impl Serialize, replayed: bool) -> HttpResponse {
    created_response(location, replayed).json(object)
}

fn created_response(location: &str, replayed: bool) -> HttpResponseBuilder {
    let mut response = HttpResponse::Created();
    response.insert_header((header::LOCATION, location));
    if replayed {
        response.insert_header((REPLAYED, "true"));
    }
    response
}

fn tagged<'a>(
    response: &'a mut HttpResponseBuilder,
    snapshot: &Value,
) -> &'a mut HttpResponseBuilder {
    response.insert_header((header::ETAG, etag(snapshot)))
}

/// Converts a [`ChangeError`]. A failed precondition includes `yours`, the object as
/// requested, which must not contain secrets.
pub(crate) fn precondition_failed(error: ChangeError, yours: &impl Serialize) -> ApiError {
    match error {
        ChangeError::PreconditionFailed { current } => {
            version_mismatch(current, serde_json::to_value(yours).ok())
        }
        error => error.into(),
    }
}

fn version_mismatch(current: Value, yours: Option<Value>) -> ApiError {
    let error = ApiError::new(
        ProblemKind::PreconditionFailed,
        "The object has been changed by someone else. Compare the versions, and send the request \
         again with the current ETag.",
    );
    let tag = etag(&current);
    error
        .with_versions(current, yours)
        .with_header(header::ETAG, tag)
}

fn field_errors(issues: Vec<FieldIssue>) -> Vec<FieldError> {
    let issues = issues.into_iter();
    issues
        .map(|FieldIssue { field, message }| FieldError { field, message })
        .collect()
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid(issues) => {
                Self::fields(ProblemKind::InvalidRequest, field_errors(issues))
            }
            ChangeError::StaleReference(issues) => {
                Self::fields(ProblemKind::Conflict, field_errors(issues))
            }
            ChangeError::Unprocessable(issues) => {
                Self::fields(ProblemKind::Unprocessable, field_errors(issues))
            }
            ChangeError::Busy => Self::new(
                ProblemKind::Unavailable,
                "Too many passwords are being checked. Try again in a moment.",
            ),
            ChangeError::NotFound { what, id } => Self::no_such(what, id),
            // The detail lists the users already.
            ChangeError::InUse { detail, users: _ } => Self::new(ProblemKind::InUse, detail),
            ChangeError::Conflict { field, message } => Self::fields(
                ProblemKind::Conflict,
                vec![FieldError {
                    field: field.to_owned(),
                    message,
                }],
            ),
            ChangeError::InvalidState(detail) => Self::new(ProblemKind::Conflict, detail),
            ChangeError::PreconditionFailed { current } => version_mismatch(current, None),
            ChangeError::KeyReused => Self::new(
                ProblemKind::IdempotencyMismatch,
                "The Idempotency-Key was used for a different request within the last 24 hours. \
                 Use a new key for each request.",
            ),
            ChangeError::Storage(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(lines: &[&str]) -> Vec<HeaderValue> {
        lines
            .iter()
            .map(|line| HeaderValue::from_bytes(line.as_bytes()).unwrap())
            .collect()
    }

    fn read(lines: &[&str]) -> Option<Expected> {
        let values = values(lines);
        if_match(&values.iter().collect::<Vec<_>>())
    }

    #[test]
    fn if_match_is_parsed() {
        let tags = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
            Some(Expected::OneOf(tags))
        };
        for (lines, expected) in [
            (&[][..], None),
            (&["*"], Some(Expected::Any)),
            (&[" * "], Some(Expected::Any)),
            (&["\"a\""], tags(&["a"])),
            (&["\"a\",\"b,c\" , \"\""], tags(&["a", "b,c", ""])),
            (&["\"a\"", "\"b\""], tags(&["a", "b"])),
            (&["W/\"a\""], tags(&[])),
            (&["W/\"a\", \"b\""], tags(&["b"])),
            (&["\"ü\""], tags(&["ü"])),
        ] {
            assert_eq!(read(lines), expected, "{lines:?}");
        }
        for bad in [
            &[""][..],
            &["a"],
            &["\"a"],
            &["a\""],
            &["\"a\" \"b\""],
            &["\"a\","],
            &[",\"a\""],
            &["\"a b\""],
            &["w/\"a\""],
            &["*, \"a\""],
            &["*", "\"a\""],
            &["\"a\"", ""],
        ] {
            assert_eq!(read(bad), tags(&[]), "{bad:?}");
        }
    }

    #[test]
    fn keys_are_validated() {
        let read = |lines: &[&str]| {
            let values = values(lines);
            key(&values.iter().collect::<Vec<_>>())
        };
        let long = "k".repeat(MAX_KEY_LENGTH);
        for valid in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"q\"", &long] {
            assert_eq!(read(&[valid]).unwrap().as_deref(), Some(valid));
        }
        assert_eq!(read(&[]).unwrap(), None);
        let longer = format!("{long}k");
        for bad in [
            &[""][..],
            &["a b"],
            &["ü"],
            &["a\tb"],
            &[&longer],
            &["a", "a"],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
