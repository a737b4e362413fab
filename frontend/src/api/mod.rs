//! Talking to the server. Every address is relative to the page's `<base>`, so
//! that Tocsin works under a path prefix too.

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

/// Where the API lives.
const ROOT: &str = "api/v1/";

/// The address of something of the API, for a link or an event stream.
pub fn address(path: &str) -> String {
    format!("{ROOT}{path}")
}

/// The answer to a good request.
pub struct Answered {
    /// Its body.
    pub body: String,
    /// The state of the object that it tells of, for [`Ask::if_match`].
    pub etag: Option<String>,
}

/// A text on its way. Boxed, so that what is asked for in a dozen types is
/// compiled once.
type Answer = Pin<Box<dyn Future<Output = Result<Answered, ApiError>>>>;

/// A request, and what it says beside its body.
pub struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    signal: Option<AbortSignal>,
    /// Being told "not signed in" is an answer like others here.
    quiet: bool,
}

impl Ask {
    /// A request to something of the API.
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: address(path),
            headers: Vec::new(),
            signal: None,
            quiet: false,
        }
    }

    /// The same object is made once, however often the request arrives.
    pub fn once(mut self, key: &str) -> Self {
        self.headers.push(("Idempotency-Key", key.to_owned()));
        self
    }

    /// Only if the object is still in this state.
    pub fn if_match(mut self, etag: Option<&str>) -> Self {
        let header = etag.map(|etag| ("If-Match", etag.to_owned()));
        self.headers.extend(header);
        self
    }

    /// Takes "not signed in" for an answer like others, and needs nobody to be
    /// signed in.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Asks, with a body as JSON. Where nobody is signed in, it waits until
    /// somebody is: nothing was done, so it may be asked again.
    pub fn send(mut self, body: Option<&serde_json::Value>) -> Answer {
        let body = body.map(serde_json::Value::to_string);
        if body.is_some() {
            self.headers
                .push(("Content-Type", "application/json".to_owned()));
        }
        Box::pin(async move {
            loop {
                if !self.quiet {
                    gate::pass().await;
                }
                let answer = self.answer(body.as_deref()).await?;
                if answer.status() == 401 && !self.quiet {
                    gate::close();
                    continue;
                }
                return text(answer).await;
            }
        })
    }

    async fn answer(&self, body: Option<&str>) -> Result<Response, ApiError> {
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

/// Reads; `signal` gives up on the way.
pub async fn get<T: DeserializeOwned>(
    path: &str,
    signal: Option<&AbortSignal>,
) -> Result<T, ApiError> {
    read(&get_text(path, signal).await?.body)
}

/// Reads the text of an answer, for [`read`].
pub fn get_text(path: &str, signal: Option<&AbortSignal>) -> Answer {
    let mut ask = Ask::new(Method::GET, path);
    ask.signal = signal.cloned();
    ask.send(None)
}

/// Sends a body and reads the answer.
pub async fn send<B: Serialize, T: DeserializeOwned>(
    method: Method,
    path: &str,
    body: &B,
) -> Result<T, ApiError> {
    let body = serde_json::to_value(body).map_err(|_| ApiError::Unreadable)?;
    read(&Ask::new(method, path).send(Some(&body)).await?.body)
}

/// Asks for something that needs no body and has no answer worth reading.
pub async fn call(method: Method, path: &str) -> Result<(), ApiError> {
    Ask::new(method, path).send(None).await.map(drop)
}

/// The body of a good answer; everything else as an error.
async fn text(answer: Response) -> Result<Answered, ApiError> {
    let body = answer.text().await.map_err(|_| ApiError::Unreachable)?;
    if answer.ok() {
        let etag = answer.headers().get("ETag");
        return Ok(Answered { body, etag });
    }
    let wait = answer.headers().get("Retry-After");
    let wait = wait.and_then(|seconds| seconds.parse().ok());
    Err(ApiError::from_body(answer.status(), wait, &body))
}

/// Reads a good answer.
pub fn read<T: DeserializeOwned>(body: &str) -> Result<T, ApiError> {
    serde_json::from_str(body).map_err(|_| ApiError::Unreadable)
}

/// Who is signed in, asked by `static/theme.js` while this program was still on
/// its way. The answer can be taken once.
pub async fn early() -> Option<Result<Answered, ApiError>> {
    const NAME: &str = "tocsinMe";
    let window = web_sys::window()?;
    let promise = js_sys::Reflect::get(&window, &NAME.into()).ok()?;
    let promise: js_sys::Promise = promise.dyn_into().ok()?;
    // A property of the window can be deleted.
    let _ = js_sys::Reflect::delete_property(&window, &NAME.into());
    let answer = JsFuture::from(promise).await.ok()?;
    let answer: web_sys::Response = answer.dyn_into().ok()?;
    Some(text(answer.into()).await)
}
