//! Extractors for JSON bodies and path IDs, with problem documents as errors.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::caller::Caller;
use super::problem::{ApiError, ProblemKind};
use super::state::AppState;

/// Limits on the size and duration of a body other than a delivery.
struct BodyLimits {
    bytes: usize,
    timeout: Duration,
}

/// Limits with a credential.
const TRUSTED: BodyLimits = BodyLimits {
    bytes: 1 << 20,
    timeout: Duration::from_secs(60),
};

/// Limits without a credential (sign-in and set-up). Any client can occupy this much memory
/// with every connection.
const ANONYMOUS: BodyLimits = BodyLimits {
    bytes: 8 << 10,
    timeout: Duration::from_secs(10),
};

/// Memory for bodies from their first byte until they are parsed. Deliveries use the memory of
/// the ingest queue instead. Requests without a credential have a separate share.
pub(crate) struct BodyMemory {
    trusted: Arc<Semaphore>,
    anonymous: Arc<Semaphore>,
}

impl Default for BodyMemory {
    fn default() -> Self {
        Self {
            trusted: Arc::new(Semaphore::new(64 << 20)),
            anonymous: Arc::new(Semaphore::new(8 << 20)),
        }
    }
}

impl BodyMemory {
    /// Reserves memory for another `bytes`, added to `reserved`.
    fn reserve(
        &self,
        is_trusted: bool,
        bytes: usize,
        reserved: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<(), ApiError> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let memory = match is_trusted {
            true => &self.trusted,
            false => &self.anonymous,
        };
        let more = Arc::clone(memory).try_acquire_many_owned(bytes);
        let more = more.map_err(|_| {
            ApiError::new(
                ProblemKind::Unavailable,
                "Too many requests are being received. Try again in a moment.",
            )
        })?;
        match reserved {
            Some(reserved) => reserved.merge(more),
            None => *reserved = Some(more),
        }
        Ok(())
    }
}

/// Extractor for a JSON body. Requires the JSON Content-Type, which a form of another site
/// cannot send.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request
            .content_type()
            .eq_ignore_ascii_case("application/json");
        let payload = payload.take();
        let state = request.app_data::<Data<AppState>>().cloned();
        let extensions = request.extensions();
        let caller = extensions.get::<Caller>();
        let is_trusted = caller.is_some_and(|caller| caller.role.is_some());
        drop(extensions);
        let limits = match is_trusted {
            true => TRUSTED,
            false => ANONYMOUS,
        };
        async move {
            if !is_json {
                return Err(ApiError::new(
                    ProblemKind::UnsupportedMediaType,
                    "The body must be JSON, with the header Content-Type: application/json.",
                ));
            }
            let mut reserved = None;
            let reserve = |bytes| match &state {
                Some(state) => state.body_memory.reserve(is_trusted, bytes, &mut reserved),
                None => Ok(()),
            };
            let bytes = read_at_most(payload, limits.bytes, limits.timeout, reserve).await?;
            parse(&bytes).map(Self)
        }
        .boxed_local()
    }
}

/// Reads a body of at most `limit` bytes within `timeout`. `reserve` receives the length of
/// each chunk before it is stored. A body of a single chunk is not copied.
///
/// # Errors
/// [`ProblemKind::PayloadTooLarge`], [`ProblemKind::RequestTimeout`],
/// [`ProblemKind::UnreadableBody`] if the connection breaks, or the error of `reserve`.
pub(crate) async fn read_at_most(
    mut payload: Payload,
    limit: usize,
    timeout: Duration,
    mut reserve: impl FnMut(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let deadline = Instant::now() + timeout;
    loop {
        let next = timeout_at(deadline, payload.next()).await.map_err(|_| {
            let detail = format!("The body was not received within {} s.", timeout.as_secs());
            ApiError::new(ProblemKind::RequestTimeout, detail)
        })?;
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|error| {
            ApiError::new(
                ProblemKind::UnreadableBody,
                format!("The body is incomplete: {error}."),
            )
        })?;
        if first.len().max(whole.len()) + chunk.len() > limit {
            return Err(ApiError::new(
                ProblemKind::PayloadTooLarge,
                format!("The body is larger than {limit} bytes."),
            ));
        }
        reserve(chunk.len())?;
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(4 * first.len());
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

/// Parses a JSON body.
///
/// # Errors
/// [`ProblemKind::InvalidRequest`] with the invalid field.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let message = without_value(error.inner().to_string());
        match path.as_str() {
            "." | "?" => ApiError::new(
                ProblemKind::InvalidRequest,
                format!("The body does not match the schema: {message}."),
            ),
            _ => ApiError::field(path, message),
        }
    })?;
    json.end().map_err(|error| {
        ApiError::new(
            ProblemKind::InvalidRequest,
            format!("The body contains data after the JSON value: {error}."),
        )
    })?;
    Ok(value)
}

/// Removes the value from a type error: it can be secret, such as a password sent as a
/// number, or a body that is a string.
fn without_value(message: String) -> String {
    let cut = message.strip_prefix("invalid type: ").and_then(|found| {
        // `integer `12`, expected …`, `string "…", expected …`: the value can contain
        // any text, so the last `expected` counts.
        let (found, expected) = found.rsplit_once(", expected ")?;
        let (kind, _) = found.split_once(['`', '"'])?;
        let kind = kind.trim_end();
        Some(format!("invalid type: {kind}, expected {expected}"))
    });
    cut.unwrap_or(message)
}

/// Extractor for the `{id}` of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) i64);

impl FromRequest for Id {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        ready(
            text.parse().map(Self).map_err(|_| {
                ApiError::new(ProblemKind::NotFound, format!("Invalid ID: {text:?}."))
            }),
        )
    }
}

/// Content-Length of a request.
pub(crate) fn content_length(request: &HttpRequest) -> Option<usize> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn body_that_does_not_arrive_times_out() {
        let payload: Payload = Payload::Stream {
            payload: Box::pin(futures::stream::pending()),
        };
        let read = read_at_most(payload, 10, Duration::from_millis(1), |_| Ok(()));
        assert!(read.await.unwrap_err().is(ProblemKind::RequestTimeout));
    }

    #[test]
    fn type_errors_do_not_contain_the_value() {
        for (message, expected) in [
            (
                "invalid type: integer `4711`, expected a string at line 1 column 9",
                "invalid type: integer, expected a string at line 1 column 9",
            ),
            (
                "invalid type: string \"a, expected b\", expected struct SignIn at line 1",
                "invalid type: string, expected struct SignIn at line 1",
            ),
            (
                "invalid type: floating point `0.5`, expected `a` or \"b\"",
                "invalid type: floating point, expected `a` or \"b\"",
            ),
            (
                "invalid type: null, expected a string",
                "invalid type: null, expected a string",
            ),
            (
                "invalid type: map, expected struct `X`",
                "invalid type: map, expected struct `X`",
            ),
            (
                "unknown field `x`, expected `a`",
                "unknown field `x`, expected `a`",
            ),
        ] {
            assert_eq!(without_value(message.to_owned()), expected);
        }
    }
}
