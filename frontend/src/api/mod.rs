//! API client. URLs are relative to the page's `<base>`, so that Tocsin also works
//! under a path prefix.

mod error;
mod fetch;
pub mod gate;

pub use error::ApiError;
pub use fetch::use_fetch;

use std::pin::Pin;

use gloo_net::http::{Method, RequestBuilder, Response};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

/// Base path of the API.
const ROOT: &str = "api/v1/";

/// URL of an API path, for a link or an event stream.
pub fn url(path: &str) -> String {
    format!("{ROOT}{path}")
}

/// A successful response.
pub struct ApiResponse {
    pub body: String,
    /// ETag of the object, for [`ApiRequest::if_match`].
    pub etag: Option<String>,
}

/// A response in progress. Boxed, so that it is compiled once and not for each response
/// type.
type PendingResponse = Pin<Box<dyn Future<Output = Result<ApiResponse, ApiError>>>>;

/// A request with its headers.
pub struct ApiRequest {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    signal: Option<AbortSignal>,
    /// Return a 401 instead of waiting for sign-in.
    allow_unauthenticated: bool,
}

impl ApiRequest {
    /// A request to an API path.
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: url(path),
            headers: Vec::new(),
            signal: None,
            allow_unauthenticated: false,
        }
    }

    /// Sets `Idempotency-Key`: repeated requests create one object.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.headers.push(("Idempotency-Key", key.to_owned()));
        self
    }

    /// Sets `If-Match`: fails with 412 if the object has changed.
    pub fn if_match(mut self, etag: Option<&str>) -> Self {
        let header = etag.map(|etag| ("If-Match", etag.to_owned()));
        self.headers.extend(header);
        self
    }

    /// Sends without waiting for sign-in, and returns a 401 as an error.
    pub fn allow_unauthenticated(mut self) -> Self {
        self.allow_unauthenticated = true;
        self
    }

    /// Sends the request with a JSON body. After a 401, waits for sign-in and sends it
    /// again: a request rejected with 401 had no effect.
    pub fn send(mut self, body: Option<&serde_json::Value>) -> PendingResponse {
        let body = body.map(serde_json::Value::to_string);
        if body.is_some() {
            self.headers
                .push(("Content-Type", "application/json".to_owned()));
        }
        Box::pin(async move {
            loop {
                if !self.allow_unauthenticated {
                    gate::wait_for_sign_in().await;
                }
                let response = self.send_once(body.as_deref()).await?;
                if response.status() == 401 && !self.allow_unauthenticated {
                    gate::close();
                    continue;
                }
                return text(response).await;
            }
        })
    }

    async fn send_once(&self, body: Option<&str>) -> Result<Response, ApiError> {
        let mut builder = RequestBuilder::new(&self.path)
            .method(self.method.clone())
            .abort_signal(self.signal.as_ref());
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let request = match body {
            Some(body) => builder.body(body),
            None => builder.build(),
        };
        let request = request.map_err(|_| ApiError::Unreachable)?;
        request.send().await.map_err(|_| ApiError::Unreachable)
    }
}

/// `GET`; `signal` aborts it.
pub async fn get<T: DeserializeOwned>(
    path: &str,
    signal: Option<&AbortSignal>,
) -> Result<T, ApiError> {
    read(&get_text(path, signal).await?.body)
}

/// `GET` without parsing, for [`read`].
pub fn get_text(path: &str, signal: Option<&AbortSignal>) -> PendingResponse {
    let mut request = ApiRequest::new(Method::GET, path);
    request.signal = signal.cloned();
    request.send(None)
}

/// Sends a body and parses the response.
pub async fn send<B: Serialize, T: DeserializeOwned>(
    method: Method,
    path: &str,
    body: &B,
) -> Result<T, ApiError> {
    let body = serde_json::to_value(body).map_err(|_| ApiError::Unreadable)?;
    read(&ApiRequest::new(method, path).send(Some(&body)).await?.body)
}

/// Sends a request without a body and ignores the response body.
pub async fn call(method: Method, path: &str) -> Result<(), ApiError> {
    ApiRequest::new(method, path).send(None).await.map(drop)
}

/// Body of a successful response; any other status as an error.
async fn text(response: Response) -> Result<ApiResponse, ApiError> {
    let body = response.text().await.map_err(|_| ApiError::Unreachable)?;
    if response.ok() {
        let etag = response.headers().get("ETag");
        return Ok(ApiResponse { body, etag });
    }
    let wait = response.headers().get("Retry-After");
    let wait = wait.and_then(|seconds| seconds.parse().ok());
    Err(ApiError::from_body(response.status(), wait, &body))
}

/// Parses the body of a successful response.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, ApiError> {
    serde_json::from_str(body).map_err(|_| ApiError::Unreadable)
}

/// The response to `GET me` that `static/theme.js` requested while this program was
/// loading. Returns it once.
pub async fn prefetched_session() -> Option<Result<ApiResponse, ApiError>> {
    const NAME: &str = "tocsinMe";
    let window = web_sys::window()?;
    let promise = js_sys::Reflect::get(&window, &NAME.into()).ok()?;
    let promise: js_sys::Promise = promise.dyn_into().ok()?;
    // A property of the window can be deleted.
    let _ = js_sys::Reflect::delete_property(&window, &NAME.into());
    let response = JsFuture::from(promise).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    Some(text(response.into()).await)
}
