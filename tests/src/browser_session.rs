//! A browser session: stores cookies and follows redirects one by one.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::schema::{self, Answer};
use crate::{Reply, Tocsin, http_client};

/// A browser with its own cookies, as far as signing in needs one.
#[derive(Debug)]
pub struct BrowserSession {
    http: Client,
    /// Cookies by host and port (all hosts are 127.0.0.1), then by name.
    jar: BTreeMap<String, BTreeMap<String, String>>,
    /// The URLs visited while following redirects, oldest first.
    pub visited: Vec<Url>,
}

impl Default for BrowserSession {
    fn default() -> Self {
        Self::new()
    }
}

impl BrowserSession {
    /// A browser without cookies.
    ///
    /// # Panics
    /// If the HTTP client cannot be created.
    #[must_use]
    pub fn new() -> Self {
        let http = http_client().redirect(Policy::none());
        Self {
            http: http.build().expect("an HTTP client"),
            jar: BTreeMap::new(),
            visited: Vec::new(),
        }
    }

    /// Opens a URL without following redirects.
    pub async fn open(&mut self, url: &str) -> Reply {
        let request = self.http.get(url).header("sec-fetch-mode", "navigate");
        self.send(url, request).await
    }

    /// Opens a URL and follows redirects until `stop` returns true. Returns the last
    /// URL and its response.
    ///
    /// # Panics
    /// On an invalid URL or after 20 redirects.
    pub async fn follow(&mut self, url: &str, stop: impl Fn(&Url) -> bool) -> (Url, Reply) {
        let mut at = Url::parse(url).expect("a URL");
        for _ in 0..20 {
            let reply = self.open(at.as_str()).await;
            self.visited.push(at.clone());
            let Some(next) = reply.headers.get(LOCATION) else {
                return (at, reply);
            };
            let next = next.to_str().expect("a URL");
            at = at.join(next).expect("a URL");
            if stop(&at) {
                return (at, reply);
            }
        }
        panic!("redirect loop: {:?}", self.visited);
    }

    /// Sends an API request without a body, as the frontend does.
    pub async fn request(&mut self, tocsin: &Tocsin, method: Method, path: &str) -> Reply {
        self.request_with(tocsin, method, path, &[], None).await
    }

    /// Sends JSON to the API, as the frontend does.
    pub async fn send_json(
        &mut self,
        tocsin: &Tocsin,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Reply {
        self.request_with(tocsin, method, path, &[], Some(body))
            .await
    }

    /// Sends an API request with these headers and validates the response against
    /// the OpenAPI description.
    pub async fn request_with(
        &mut self,
        tocsin: &Tocsin,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let url = tocsin.url(path);
        let mut request = self.http.request(method.clone(), &url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = self.send(&url, request).await;
        schema::check(Answer {
            method: method.as_str(),
            path: path.split('?').next().unwrap_or_default(),
            status: reply.status.as_u16(),
            content_type: reply.header("content-type"),
            body: &reply.body,
        });
        reply
    }

    /// Signs in with a password.
    pub async fn sign_in(&mut self, tocsin: &Tocsin, email: &str, password: &str) -> Reply {
        let body = serde_json::json!({"email": email, "password": password});
        self.send_json(tocsin, Method::POST, "/api/v1/sign-in", &body)
            .await
    }

    /// The cookies sent to the program, by name.
    #[must_use]
    pub fn cookies(&self, tocsin: &Tocsin) -> BTreeMap<String, String> {
        let authority = authority(&tocsin.url("/"));
        self.jar.get(&authority).cloned().unwrap_or_default()
    }

    /// Sets a cookie, as an attacker with write access to the browser could.
    pub fn set_cookie(&mut self, tocsin: &Tocsin, name: &str, value: &str) {
        let cookies = self.jar.entry(authority(&tocsin.url("/"))).or_default();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Removes a cookie.
    pub fn remove_cookie(&mut self, tocsin: &Tocsin, name: &str) {
        let cookies = self.jar.entry(authority(&tocsin.url("/"))).or_default();
        cookies.remove(name);
    }

    async fn send(&mut self, url: &str, mut request: RequestBuilder) -> Reply {
        let cookies = self.jar.entry(authority(url)).or_default();
        if !cookies.is_empty() {
            let pairs: Vec<_> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let answer = request.send().await.expect("a response");
        store_cookies(cookies, answer.headers());
        Reply {
            request: url.to_owned(),
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.bytes().await.expect("a body").to_vec(),
        }
    }
}

fn store_cookies(cookies: &mut BTreeMap<String, String>, headers: &HeaderMap) {
    for line in headers.get_all(SET_COOKIE) {
        let line = line.to_str().expect("a cookie");
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').expect("a cookie's name");
        let is_removed = value.is_empty()
            || attributes.to_lowercase().contains("max-age=0")
            || attributes.contains("01 Jan 1970");
        if is_removed {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn authority(url: &str) -> String {
    let url = Url::parse(url).expect("a URL");
    url.authority().to_owned()
}
