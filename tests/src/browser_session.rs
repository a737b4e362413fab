//! Somebody with a browser: cookies are kept, redirects followed one by one.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::schema::{self, Answer};
use crate::{Reply, Tocsin, http_client};

/// A browser of its own, as far as signing in goes.
#[derive(Debug)]
pub struct BrowserSession {
    http: Client,
    /// By host and port, because all is on one machine here; then by name.
    jar: BTreeMap<String, BTreeMap<String, String>>,
    /// The addresses that it came by, the last first asked last.
    pub way: Vec<Url>,
}

impl Default for BrowserSession {
    fn default() -> Self {
        Self::new()
    }
}

impl BrowserSession {
    /// One who was nowhere yet.
    ///
    /// # Panics
    /// There is no HTTP client.
    #[must_use]
    pub fn new() -> Self {
        let http = http_client().redirect(Policy::none());
        Self {
            http: http.build().expect("an HTTP client"),
            jar: BTreeMap::new(),
            way: Vec::new(),
        }
    }

    /// Opens an address and answers what came first.
    pub async fn open(&mut self, url: &str) -> Reply {
        let request = self.http.get(url).header("sec-fetch-mode", "navigate");
        self.send(url, request).await
    }

    /// Opens an address and goes wherever it leads, until `stop` says that it is
    /// there. Answers the address, and what came there.
    ///
    /// # Panics
    /// It leads nowhere.
    pub async fn follow(&mut self, url: &str, stop: impl Fn(&Url) -> bool) -> (Url, Reply) {
        let mut at = Url::parse(url).expect("an address");
        for _ in 0..20 {
            let reply = self.open(at.as_str()).await;
            self.way.push(at.clone());
            let Some(next) = reply.headers.get(LOCATION) else {
                return (at, reply);
            };
            let next = next.to_str().expect("an address");
            at = at.join(next).expect("an address");
            if stop(&at) {
                return (at, reply);
            }
        }
        panic!("it goes round in circles: {:?}", self.way);
    }

    /// Asks the API, as the pages do.
    pub async fn ask(&mut self, tocsin: &Tocsin, method: Method, path: &str) -> Reply {
        self.ask_with(tocsin, method, path, &[], None).await
    }

    /// Sends JSON to the API, as the pages do.
    pub async fn tell(
        &mut self,
        tocsin: &Tocsin,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Reply {
        self.ask_with(tocsin, method, path, &[], Some(body)).await
    }

    /// Asks the API with these headers; the answer is compared with its
    /// description.
    pub async fn ask_with(
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
        self.tell(tocsin, Method::POST, "/api/v1/sign-in", &body)
            .await
    }

    /// The cookies that it sends to the program, by name.
    #[must_use]
    pub fn cookies(&self, tocsin: &Tocsin) -> BTreeMap<String, String> {
        let place = place(&tocsin.url("/"));
        self.jar.get(&place).cloned().unwrap_or_default()
    }

    /// Puts a cookie there, as somebody could who may write into the browser.
    pub fn plant(&mut self, tocsin: &Tocsin, name: &str, value: &str) {
        let cookies = self.jar.entry(place(&tocsin.url("/"))).or_default();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// Forgets a cookie.
    pub fn forget(&mut self, tocsin: &Tocsin, name: &str) {
        let cookies = self.jar.entry(place(&tocsin.url("/"))).or_default();
        cookies.remove(name);
    }

    async fn send(&mut self, url: &str, mut request: RequestBuilder) -> Reply {
        let cookies = self.jar.entry(place(url)).or_default();
        if !cookies.is_empty() {
            let pairs: Vec<_> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        let answer = request.send().await.expect("an answer");
        keep(cookies, answer.headers());
        Reply {
            request: url.to_owned(),
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.bytes().await.expect("a body").to_vec(),
        }
    }
}

fn keep(cookies: &mut BTreeMap<String, String>, headers: &HeaderMap) {
    for line in headers.get_all(SET_COOKIE) {
        let line = line.to_str().expect("a cookie");
        let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').expect("a cookie's name");
        let is_gone = value.is_empty()
            || attributes.to_lowercase().contains("max-age=0")
            || attributes.contains("01 Jan 1970");
        if is_gone {
            cookies.remove(name);
        } else {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn place(url: &str) -> String {
    let url = Url::parse(url).expect("an address");
    url.authority().to_owned()
}
