//! Changes as the API takes and answers them: of which version
//! (`If-Match`, `ETag`), made once however often the request is sent
//! (`Idempotency-Key`), and why one was not made.

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

/// The header by which a request that may be sent again is known.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header that says that an earlier request made the object.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key.
const KEY_LENGTH: usize = 255;

/// The versions that a change is asked of (`If-Match`, RFC 9110, 13.1.1).
#[derive(Clone, Debug)]
pub(crate) struct IfMatch(pub(crate) Option<Expected>);

impl IfMatch {
    /// As the use cases take it.
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

/// What is no list of tags names no version that there is: the request is then
/// refused as one that came too late (412), with the object as it is.
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
        if read_tags(bytes, &mut tags).is_none() {
            return Some(Expected::OneOf(Vec::new()));
        }
    }
    Some(Expected::OneOf(tags))
}

/// Adds the strong tags of one line. Weak ones never match (RFC 9110, 8.8.3.2),
/// so they are read and left out. `None`: it is no list of tags.
fn read_tags(mut rest: &[u8], tags: &mut Vec<String>) -> Option<()> {
    loop {
        let (is_weak, quoted) = match rest.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = inner.iter().position(|byte| *byte == b'"')?;
        let (tag, after) = inner.split_at(end);
        // Bytes beyond ASCII are allowed; no tag of ours has one.
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

/// By what a request that may be sent again is known (`Idempotency-Key`), and
/// what of it is not in its body.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    method: String,
    path: String,
}

impl IdempotencyKey {
    /// As the use cases take it. `input` is what was understood of the body:
    /// white space and the order of fields make no other request.
    ///
    /// # Errors
    /// None that a request can cause.
    pub(crate) fn once(
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
    let is_good = |text: &&str| {
        (1..=KEY_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let text = text.filter(is_good).ok_or_else(|| {
        ApiError::field(
            "Idempotency-Key",
            format!("expected once, with 1 to {KEY_LENGTH} visible ASCII characters"),
        )
    })?;
    Ok(Some(text.to_owned()))
}

/// The answer 200 with an object that people edit, and its version.
pub(crate) fn found(snapshot: &Value, object: impl Serialize) -> HttpResponse {
    tagged(&mut HttpResponse::Ok(), snapshot).json(object)
}

/// The answer 201 with what was made, where it is and its version; `replayed`:
/// an earlier request made it.
pub(crate) fn made(
    location: &str,
    snapshot: &Value,
    object: impl Serialize,
    replayed: bool,
) -> HttpResponse {
    tagged(&mut creation(location, replayed), snapshot).json(object)
}

/// As [`made`], of what nobody edits and so has no version.
pub(crate) fn created(location: &str, object: impl Serialize, replayed: bool) -> HttpResponse {
    creation(location, replayed).json(object)
}

fn creation(location: &str, replayed: bool) -> HttpResponseBuilder {
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

/// As the conversion of a [`ChangeError`], with what the request asked for
/// beside the object as it is. `yours` holds no secret.
pub(crate) fn precondition_failed(error: ChangeError, yours: &impl Serialize) -> ApiError {
    match error {
        ChangeError::PreconditionFailed { current } => {
            changed(current, serde_json::to_value(yours).ok())
        }
        error => error.into(),
    }
}

fn changed(current: Value, yours: Option<Value>) -> ApiError {
    let error = ApiError::new(
        ProblemKind::PreconditionFailed,
        "Somebody else changed it since it was loaded. Compare, and send the change again with \
         the ETag of the present version.",
    );
    let tag = etag(&current);
    error
        .with_versions(current, yours)
        .with_header(header::ETAG, tag)
}

fn errors(issues: Vec<FieldIssue>) -> Vec<FieldError> {
    let issues = issues.into_iter();
    issues
        .map(|FieldIssue { field, message }| FieldError { field, message })
        .collect()
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid(issues) => {
                Self::fields(ProblemKind::InvalidRequest, errors(issues))
            }
            ChangeError::StaleReference(issues) => {
                Self::fields(ProblemKind::Conflict, errors(issues))
            }
            ChangeError::Unprocessable(issues) => {
                Self::fields(ProblemKind::Unprocessable, errors(issues))
            }
            ChangeError::Busy => Self::new(
                ProblemKind::Unavailable,
                "Too many passwords are checked at this moment. Try again in a moment.",
            ),
            ChangeError::NotFound { what, id } => Self::no_such(what, id),
            // The detail names the users already.
            ChangeError::InUse { detail, users: _ } => Self::new(ProblemKind::InUse, detail),
            ChangeError::Conflict { field, message } => Self::fields(
                ProblemKind::Conflict,
                vec![FieldError {
                    field: field.to_owned(),
                    message,
                }],
            ),
            ChangeError::InvalidState(detail) => Self::new(ProblemKind::Conflict, detail),
            ChangeError::PreconditionFailed { current } => changed(current, None),
            ChangeError::KeyReused => Self::new(
                ProblemKind::IdempotencyMismatch,
                "This Idempotency-Key was used for another request within the last 24 hours. \
                 Send a new request with a new key.",
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
    fn versions_are_read_as_the_rules_write_them() {
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
    fn keys_are_visible_and_bounded() {
        let read = |lines: &[&str]| {
            let values = values(lines);
            key(&values.iter().collect::<Vec<_>>())
        };
        let long = "k".repeat(KEY_LENGTH);
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"q\"", &long] {
            assert_eq!(read(&[good]).unwrap().as_deref(), Some(good));
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
