//! Requests, and responses that are validated against the OpenAPI description.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tocsin_api_types::{FieldError, IngestReport, Problem};

use crate::schema::{self, Answer};
use crate::{Tocsin, Webhook};

/// The path that senders post to.
const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

/// A complete response.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The request, for failure messages.
    pub request: String,
    /// HTTP status.
    pub status: StatusCode,
    /// Response headers.
    pub headers: HeaderMap,
    /// Response body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as a string.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Asserts the status.
    ///
    /// # Panics
    /// On another status.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}: {}",
            self.request,
            self.text()
        );
        self
    }

    /// Deserializes the body of a successful response.
    ///
    /// # Panics
    /// On an error status, or if the body does not deserialize.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert!(
            self.status.is_success(),
            "{}: {} {}",
            self.request,
            self.status,
            self.text()
        );
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.request, self.text()))
    }

    /// Asserts the status and deserializes the problem in the body.
    ///
    /// # Panics
    /// On another status, or if the body is not a problem.
    pub fn problem(&self, status: u16) -> Problem {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}: {}",
            self.request,
            self.text()
        );
        let problem: Problem = serde_json::from_slice(&self.body).expect("a problem");
        assert_eq!(problem.status, status, "{}", self.request);
        assert!(
            !problem.detail.is_empty() && !problem.title.is_empty(),
            "{problem:?}"
        );
        assert!(
            problem.kind.starts_with("urn:tocsin:problem:"),
            "{problem:?}"
        );
        problem
    }

    /// Asserts the status and returns the fields that the problem names.
    pub fn fields(&self, status: u16) -> Vec<String> {
        let errors = self.problem(status).errors;
        errors
            .into_iter()
            .map(|FieldError { field, .. }| field)
            .collect()
    }
}

/// A request to send. It carries the credentials of the program's options unless
/// changed.
#[derive(Debug)]
pub struct Request<'a> {
    tocsin: &'a Tocsin,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    credentials: bool,
}

impl Request<'_> {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers
            .insert(name, value.parse().expect("a header's value"));
        self
    }

    /// Sends no credentials.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.credentials = false;
        self
    }

    /// Sends this `Authorization` header instead of the harness's credentials.
    #[must_use]
    pub fn authorization(self, value: &str) -> Self {
        self.anonymous().header("authorization", value)
    }

    /// Sets the body.
    #[must_use]
    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).expect("JSON");
        self.header("content-type", "application/json").bytes(bytes)
    }

    /// Sends the request and validates the response.
    ///
    /// # Panics
    /// Without a response, or if it does not match the OpenAPI description.
    pub async fn send(self) -> Reply {
        let label = format!("{} {}", self.method, self.path);
        self.try_send()
            .await
            .unwrap_or_else(|error| panic!("{label}: no response: {error:?}"))
    }

    /// Same as [`Request::send`], for a program that may be killed during the request.
    ///
    /// # Errors
    /// If no response is received.
    ///
    /// # Panics
    /// If the response does not match the OpenAPI description.
    pub async fn try_send(self) -> Result<Reply, reqwest::Error> {
        let Self {
            tocsin,
            method,
            path,
            mut headers,
            body,
            credentials,
        } = self;
        let label = format!("{method} {path}");
        let bare = path.split('?').next().unwrap_or_default().to_owned();
        let options = tocsin.options();
        let webhook = bare == WEBHOOK || bare.starts_with("/webhook");
        let secret = if webhook {
            &options.token
        } else {
            &options.admin
        };
        if let (true, Some(secret)) = (credentials, secret) {
            headers.insert(
                AUTHORIZATION,
                format!("Bearer {secret}").parse().expect("a header"),
            );
        }
        let mut request = tocsin
            .http
            .request(method.clone(), tocsin.url(&path))
            .timeout(Duration::from_secs(60))
            .headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await?.to_vec();
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        schema::check(Answer {
            method: method.as_str(),
            path: &bare,
            status: status.as_u16(),
            content_type: content_type.unwrap_or_default(),
            body: &body,
        });
        Ok(Reply {
            request: label,
            status,
            headers,
            body,
        })
    }
}

impl Tocsin {
    /// A request to this program.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> Request<'_> {
        let (path, headers) = (path.to_owned(), HeaderMap::new());
        Request {
            tocsin: self,
            method,
            path,
            headers,
            body: None,
            credentials: true,
        }
    }

    /// The deserialized body of a successful `GET`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.request(Method::GET, path).send().await.json()
    }

    /// The response to a `GET`, with any status.
    pub async fn get_reply(&self, path: &str) -> Reply {
        self.request(Method::GET, path).send().await
    }

    /// Sends JSON to the API.
    pub async fn send(&self, method: Method, path: &str, body: &impl Serialize) -> Reply {
        self.request(method, path).json(body).send().await
    }

    /// Delivers raw bytes with Alertmanager's headers.
    pub async fn deliver(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .header("user-agent", "Alertmanager/0.25.0")
            .bytes(body)
            .send()
            .await
    }

    /// Delivers a body and asserts that it is stored.
    pub async fn post(&self, webhook: &Webhook) -> IngestReport {
        self.deliver(WEBHOOK, webhook.bytes()).await.json()
    }

    /// Delivers a body to a source and asserts that it is stored.
    pub async fn post_to(&self, source: &str, body: impl Into<Vec<u8>>) -> IngestReport {
        self.deliver(&format!("{WEBHOOK}?source={source}"), body)
            .await
            .json()
    }
}
