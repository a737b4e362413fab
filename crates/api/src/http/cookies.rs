//! Cookies: the session cookie, and the state cookie of the OpenID sign-in.
//!
//! Name prefixes make the browser enforce the attributes: `__Host-` binds a cookie to this
//! host over TLS, `__Secure-` to TLS. Without TLS, the names have no prefix.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::{self, HeaderMap};

use super::client_ip;
use super::state::AppState;

/// The cookies of Tocsin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieName {
    /// Secret of the session.
    Session,
    /// State of the OpenID sign-in.
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

/// Reads and writes cookies, depending on TLS and the path prefix.
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

    /// Value of a cookie. Cookies with the same name but different values are ignored: one of
    /// them was set by another site.
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

    /// Cookie with `value` that expires after `max_age`.
    pub(crate) fn set(
        &self,
        which: CookieName,
        value: String,
        max_age: Duration,
    ) -> Cookie<'static> {
        self.cookie(
            which,
            value,
            i64::try_from(max_age.as_secs()).unwrap_or(i64::MAX),
        )
    }

    /// Cookie that deletes `which`.
    pub(crate) fn delete(&self, which: CookieName) -> Cookie<'static> {
        self.cookie(which, String::new(), 0)
    }

    fn cookie(&self, which: CookieName, value: String, seconds: i64) -> Cookie<'static> {
        Cookie::build(which.name(self.is_secure, self.prefix), value)
            .path(self.prefix.to_owned())
            .http_only(true)
            .secure(self.is_secure)
            // Lax, not Strict: after following a link in an e-mail, users must be signed in.
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
    fn names_and_attributes_depend_on_tls_and_prefix() {
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
            let cookie = jar.set(CookieName::Session, "x".to_owned(), hour);
            assert_eq!(cookie.to_string(), expected);
        }
        let deleted = Jar::new(true, "/").delete(CookieName::Oidc).to_string();
        assert_eq!(
            deleted,
            "__Host-tocsin-oidc=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn cookies_are_read_by_exact_name() {
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
