//! The cookies of browsers: the session's, and the one that is kept while
//! somebody is at the OpenID provider.
//!
//! Their names tell the browser to hold them to what they were made with:
//! `__Host-` to this host over TLS, `__Secure-` to TLS. Without TLS (loopback,
//! the first minute) they have plain names.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::{self, HeaderMap};

use super::client_ip;
use super::state::AppState;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieName {
    /// The session's secret.
    Session,
    /// The way to the OpenID provider and back.
    Oidc,
}

impl CookieName {
    fn name(self, is_secure: bool, prefix: &str) -> &'static str {
        match (self, is_secure, prefix == "/") {
            (Self::Session, true, true) => "__Host-tocsin",
            (Self::Session, true, false) => "__Secure-tocsin",
            (Self::Session, false, _) => "tocsin",
            (Self::Oidc, true, true) => "__Host-tocsin-oidc",
            (Self::Oidc, true, false) => "__Secure-tocsin-oidc",
            (Self::Oidc, false, _) => "tocsin-oidc",
        }
    }
}

/// How cookies are written for a request: whether the browser speaks TLS, and
/// the path that all addresses begin with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jar<'a> {
    is_secure: bool,
    prefix: &'a str,
}

impl<'a> Jar<'a> {
    pub(crate) fn of(state: &'a AppState, request: &HttpRequest) -> Self {
        Self::new(client_ip::is_secure(request), state.prefix())
    }

    pub(crate) fn new(is_secure: bool, prefix: &'a str) -> Self {
        Self { is_secure, prefix }
    }

    /// The value that a request brings. Of two of one name none counts: one was
    /// not made here.
    pub(crate) fn read<'h>(&self, which: CookieName, headers: &'h HeaderMap) -> Option<&'h str> {
        let name = which.name(self.is_secure, self.prefix);
        let lines = headers.get_all(header::COOKIE);
        let mut values = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        values.all(|other| other == value).then_some(value)
    }

    /// The cookie that keeps `value` for so long.
    pub(crate) fn keep(
        &self,
        which: CookieName,
        value: String,
        lasts: Duration,
    ) -> Cookie<'static> {
        self.cookie(
            which,
            value,
            i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX),
        )
    }

    /// The cookie that makes the browser forget.
    pub(crate) fn forget(&self, which: CookieName) -> Cookie<'static> {
        self.cookie(which, String::new(), 0)
    }

    fn cookie(&self, which: CookieName, value: String, seconds: i64) -> Cookie<'static> {
        Cookie::build(which.name(self.is_secure, self.prefix), value)
            .path(self.prefix.to_owned())
            .http_only(true)
            .secure(self.is_secure)
            // Lax, not Strict: links in mails have to find people signed in.
            .same_site(SameSite::Lax)
            .max_age(time::Duration::seconds(seconds))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn names_and_attributes_say_what_the_connection_can() {
        let hour = Duration::from_secs(3600);
        for (is_secure, prefix, expected) in [
            (
                true,
                "/",
                "__Host-tocsin=x; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600",
            ),
            (
                true,
                "/tocsin/",
                "__Secure-tocsin=x; HttpOnly; SameSite=Lax; Secure; Path=/tocsin/; Max-Age=3600",
            ),
            (
                false,
                "/",
                "tocsin=x; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600",
            ),
        ] {
            let jar = Jar::new(is_secure, prefix);
            let cookie = jar.keep(CookieName::Session, "x".to_owned(), hour);
            assert_eq!(cookie.to_string(), expected);
        }
        let gone = Jar::new(true, "/").forget(CookieName::Oidc).to_string();
        assert_eq!(
            gone,
            "__Host-tocsin-oidc=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn only_the_name_that_was_given_is_read() {
        let plain = Jar::new(false, "/");
        let secure = Jar::new(true, "/");
        let both = headers(&["a=b; tocsin=one", "__Host-tocsin=two;c=d"]);
        assert_eq!(plain.read(CookieName::Session, &both), Some("one"));
        assert_eq!(secure.read(CookieName::Session, &both), Some("two"));
        assert_eq!(secure.read(CookieName::Oidc, &both), None);
        let doubled = headers(&["tocsin=one; tocsin=two"]);
        assert_eq!(plain.read(CookieName::Session, &doubled), None);
        let same = headers(&["tocsin=one; tocsin=one"]);
        assert_eq!(plain.read(CookieName::Session, &same), Some("one"));
        assert_eq!(plain.read(CookieName::Session, &headers(&["tocsin"])), None);
    }
}
