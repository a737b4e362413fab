//! Requests, and answers that were compared with their description.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tocsin_api_types::{FieldError, IngestReport, Problem};

use crate::schema::{self, Answer};
use crate::{Tocsin, Webhook};

/// Where senders post to.
const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// What was asked, for messages.
    pub request: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty where it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The same, if it has this status.
    ///
    /// # Panics
    /// It has another.
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

    /// The value that a success holds.
    ///
    /// # Panics
    /// It is no success, or another value.
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

    /// The problem that a failure holds, if it has this status.
    ///
    /// # Panics
    /// It is something else.
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

    /// The fields that a problem names, if it has this status.
    pub fn fields(&self, status: u16) -> Vec<String> {
        let errors = self.problem(status).errors;
        errors
            .into_iter()
            .map(|FieldError { field, .. }| field)
            .collect()
    }
}

/// A request about to be sent. It carries the credentials of the program's
/// options unless it says otherwise.
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

    /// Goes without the harness's credentials.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.credentials = false;
        self
    }

    /// Carries these instead.
    #[must_use]
    pub fn authorization(self, value: &str) -> Self {
        self.anonymous().header("authorization", value)
    }

    /// A body of these bytes.
    #[must_use]
    pub fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// A body of JSON.
    #[must_use]
    pub fn json(self, body: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(body).expect("JSON");
        self.header("content-type", "application/json").bytes(bytes)
    }

    /// Sends it, and compares the answer with its description.
    ///
    /// # Panics
    /// No answer comes, or another one than described.
    pub async fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.path);
        self.try_send()
            .await
            .unwrap_or_else(|error| panic!("{what}: no answer: {error:?}"))
    }

    /// As [`Request::send`], for a program that may be killed meanwhile.
    ///
    /// # Errors
    /// No answer came.
    ///
    /// # Panics
    /// The answer is not as described.
    pub async fn try_send(self) -> Result<Reply, reqwest::Error> {
        let Self {
            tocsin,
            method,
            path,
            mut headers,
            body,
            credentials,
        } = self;
        let what = format!("{method} {path}");
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
            request: what,
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

    /// What `GET` answers with success.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        self.request(Method::GET, path).send().await.json()
    }

    /// Whatever `GET` answers.
    pub async fn look(&self, path: &str) -> Reply {
        self.request(Method::GET, path).send().await
    }

    /// Sends JSON to the API.
    pub async fn send(&self, method: Method, path: &str, body: &impl Serialize) -> Reply {
        self.request(method, path).json(body).send().await
    }

    /// Delivers raw bytes, as Alertmanager would.
    pub async fn deliver(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .header("user-agent", "Alertmanager/0.25.0")
            .bytes(body)
            .send()
            .await
    }

    /// Delivers a body that is stored.
    pub async fn post(&self, webhook: &Webhook) -> IngestReport {
        self.deliver(WEBHOOK, webhook.bytes()).await.json()
    }

    /// Delivers a body that is stored, to a source.
    pub async fn post_to(&self, source: &str, body: impl Into<Vec<u8>>) -> IngestReport {
        self.deliver(&format!("{WEBHOOK}?source={source}"), body)
            .await
            .json()
    }
}
