//! Talking to the server. Every address is relative to the page's `<base>`, so
//! that Tocsin works under a path prefix too.

mod error;
mod fetch;

pub use error::ApiError;
pub use fetch::use_fetch;

use std::pin::Pin;

use gloo_net::http::{Method, Request, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};
use web_sys::AbortSignal;

/// Where the API lives.
const ROOT: &str = "api/v1/";

/// The address of something of the API, for a link or an event stream.
pub fn address(path: &str) -> String {
    format!("{ROOT}{path}")
}

/// A text on its way. Boxed, so that what is asked for in a dozen types is
/// compiled once.
type Answer = Pin<Box<dyn Future<Output = Result<String, ApiError>>>>;

/// Reads; `signal` gives up on the way.
pub async fn get<T: DeserializeOwned>(
    path: &str,
    signal: Option<&AbortSignal>,
) -> Result<T, ApiError> {
    read(&get_text(path, signal).await?)
}

/// Reads the text of an answer, for [`read`].
pub fn get_text(path: &str, signal: Option<&AbortSignal>) -> Answer {
    let builder = Request::get(&address(path)).abort_signal(signal);
    Box::pin(async move {
        let request = builder.build().map_err(|_| ApiError::Unreachable)?;
        text(request.send().await).await
    })
}

/// Sends a body and reads the answer.
pub async fn send<B: Serialize, T: DeserializeOwned>(
    method: Method,
    path: &str,
    body: &B,
) -> Result<T, ApiError> {
    let body = serde_json::to_string(body).map_err(|_| ApiError::Unreadable)?;
    read(&send_text(method, path, Some(body)).await?)
}

/// Asks for something that needs no body and has no answer worth reading.
pub async fn call(method: Method, path: &str) -> Result<(), ApiError> {
    send_text(method, path, None).await.map(drop)
}

fn send_text(method: Method, path: &str, body: Option<String>) -> Answer {
    let builder = RequestBuilder::new(&address(path)).method(method);
    Box::pin(async move {
        let request = match body {
            Some(body) => builder
                .header("Content-Type", "application/json")
                .body(body),
            None => builder.build(),
        };
        let request = request.map_err(|_| ApiError::Unreachable)?;
        text(request.send().await).await
    })
}

/// The body of a good answer; everything else as an error.
async fn text(answer: Result<Response, gloo_net::Error>) -> Result<String, ApiError> {
    let answer = answer.map_err(|_| ApiError::Unreachable)?;
    let body = answer.text().await.map_err(|_| ApiError::Unreachable)?;
    if answer.ok() {
        Ok(body)
    } else {
        Err(ApiError::from_body(answer.status(), &body))
    }
}

/// Reads a good answer.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, ApiError> {
    serde_json::from_str(body).map_err(|_| ApiError::Unreadable)
}
