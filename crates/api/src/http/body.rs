//! JSON bodies and numbers in paths, with errors in the common envelope.

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

/// What a body that is no delivery may have: bytes, and time to arrive.
struct BodyLimits {
    bytes: usize,
    patience: Duration,
}

/// Of a request with a credential.
const TRUSTED: BodyLimits = BodyLimits {
    bytes: 1 << 20,
    patience: Duration::from_secs(60),
};

/// Of one without: it signs in, or sets the first administrator up. Anybody may hold
/// as much of our memory as they have connections.
const ANONYMOUS: BodyLimits = BodyLimits {
    bytes: 8 << 10,
    patience: Duration::from_secs(10),
};

/// The memory for bodies from their first byte until they are parsed; deliveries have
/// the ingest queue's. Those without a credential take none of the others'.
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
    /// Takes memory for `bytes` more into `taken`.
    fn take(
        &self,
        is_trusted: bool,
        bytes: usize,
        taken: &mut Option<OwnedSemaphorePermit>,
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
                "Too many requests are being read; try again in a moment.",
            )
        })?;
        match taken {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }
}

/// A JSON body. Requires its Content-Type, which a form on a foreign page
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
        let bounds = match is_trusted {
            true => TRUSTED,
            false => ANONYMOUS,
        };
        async move {
            if !is_json {
                return Err(ApiError::new(
                    ProblemKind::UnsupportedMediaType,
                    "Send JSON with the header Content-Type: application/json.",
                ));
            }
            let mut taken = None;
            let take = |bytes| match &state {
                Some(state) => state.body_memory.take(is_trusted, bytes, &mut taken),
                None => Ok(()),
            };
            let bytes = read_at_most(payload, bounds.bytes, bounds.patience, take).await?;
            parse(&bytes).map(Self)
        }
        .boxed_local()
    }
}

/// The whole body, if it is no longer than `limit` and arrives within `patience`;
/// `take` receives the length of each piece before it is kept. A body that came in one
/// piece is not copied.
///
/// # Errors
/// [`Kind::PayloadTooLarge`], [`Kind::RequestTimeout`], what `take` answers, or
/// a connection that broke.
pub(crate) async fn read_at_most(
    mut payload: Payload,
    limit: usize,
    patience: Duration,
    mut take: impl FnMut(usize) -> Result<(), ApiError>,
) -> Result<Bytes, ApiError> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let deadline = Instant::now() + patience;
    loop {
        let next = timeout_at(deadline, payload.next()).await.map_err(|_| {
            let detail = format!("The body did not arrive within {} s.", patience.as_secs());
            ApiError::new(ProblemKind::RequestTimeout, detail)
        })?;
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|error| {
            ApiError::new(
                ProblemKind::UnreadableBody,
                format!("The body ended early: {error}."),
            )
        })?;
        if first.len().max(whole.len()) + chunk.len() > limit {
            return Err(ApiError::new(
                ProblemKind::PayloadTooLarge,
                format!("The body is longer than {limit} bytes."),
            ));
        }
        take(chunk.len())?;
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

/// # Errors
/// Names the field that is wrong.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let message = without_value(error.inner().to_string());
        match path.as_str() {
            "." | "?" => ApiError::new(
                ProblemKind::InvalidRequest,
                format!("The body is not what is expected: {message}."),
            ),
            _ => ApiError::field(path, message),
        }
    })?;
    json.end().map_err(|error| {
        ApiError::new(
            ProblemKind::InvalidRequest,
            format!("Something follows the JSON: {error}."),
        )
    })?;
    Ok(value)
}

/// An error of another type than expected, without what was found instead: a
/// password that is a number, or a whole body that is a text.
fn without_value(message: String) -> String {
    let cut = message.strip_prefix("invalid type: ").and_then(|found| {
        // `integer `12`, expected …`, `string "…", expected …`: what was found may
        // say anything, and what was expected stands last.
        let (found, expected) = found.rsplit_once(", expected ")?;
        let (kind, _) = found.split_once(['`', '"'])?;
        let kind = kind.trim_end();
        Some(format!("invalid type: {kind}, expected {expected}"))
    });
    cut.unwrap_or(message)
}

/// The `{id}` of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) i64);

impl FromRequest for Id {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        ready(text.parse().map(Self).map_err(|_| {
            ApiError::new(
                ProblemKind::NotFound,
                format!("{text:?} is no number, so nothing is there."),
            )
        }))
    }
}

/// The length that a request says its body has.
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
    async fn a_body_that_does_not_arrive_is_given_up() {
        let payload: Payload = Payload::Stream {
            payload: Box::pin(futures::stream::pending()),
        };
        let read = read_at_most(payload, 10, Duration::from_millis(1), |_| Ok(()));
        assert!(read.await.unwrap_err().is(ProblemKind::RequestTimeout));
    }

    #[test]
    fn what_was_found_is_not_told_back() {
        for (message, told) in [
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
            assert_eq!(without_value(message.to_owned()), told);
        }
    }
}
