//! What a browser keeps while somebody is at the OpenID provider, and to which
//! pages one is sent after a sign-in.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookies::{CookieName, Jar};
use crate::oidc::Attempt;

/// How long somebody may be at the provider: typing a password, finding a phone.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);

/// The longest address that somebody is sent back to.
const MAX_RETURN: usize = 2_000;

/// Somebody on the way to the provider and back, as the browser keeps it.
pub(super) struct OidcState {
    pub(super) attempt: Attempt,
    pub(super) return_to: Option<String>,
}

impl OidcState {
    pub(super) fn write(&self) -> String {
        let return_to = self.return_to.as_deref().unwrap_or_default();
        let return_to = URL_SAFE_NO_PAD.encode(return_to);
        format!("{}.{return_to}", self.attempt.secret())
    }

    pub(super) fn of(jar: &Jar<'_>, headers: &HeaderMap) -> Option<Self> {
        let (secret, return_to) = jar.read(CookieName::Oidc, headers)?.split_once('.')?;
        let return_to = URL_SAFE_NO_PAD.decode(return_to).ok()?;
        Some(Self {
            attempt: Attempt::read(secret)?,
            // Looked at again: a cookie can be anything.
            return_to: String::from_utf8(return_to)
                .ok()
                .filter(|path| is_own_page(path)),
        })
    }
}

/// Whether a browser that is sent there stays on this server and sees a page.
pub(super) fn is_own_page(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    path.len() <= MAX_RETURN
        && !rest.starts_with('/')
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        // Nobody is sent round in circles, or to a file.
        && !rest.starts_with("api/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header;

    #[test]
    fn only_pages_of_this_server_are_gone_to() {
        for path in [
            "/",
            "/incidents?severity=critical&q=%E5%AE%89",
            "/alerts/7#told",
            "/a//b",
        ] {
            assert!(is_own_page(path), "{path}");
        }
        for path in [
            "",
            "incidents",
            "//evil.example.net",
            "///evil.example.net",
            "/\\evil.example.net",
            "/a\\b",
            "\\\\evil.example.net",
            "https://evil.example.net/",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x=y",
            "/a\tb",
            "/a b",
            "/安",
            "/api/v1/sign-in/oidc",
            " /",
        ] {
            assert!(!is_own_page(path), "{path}");
        }
        assert!(!is_own_page(&format!("/{}", "a".repeat(MAX_RETURN))));
    }

    #[test]
    fn a_trip_is_read_as_it_was_written() {
        let trip = OidcState {
            attempt: Attempt::new(),
            return_to: Some("/incidents?q=a".to_owned()),
        };
        let jar = Jar::new(false, "/");
        let cookie = jar.keep(CookieName::Oidc, trip.write(), PATIENCE);
        let header = |text: String| {
            let mut headers = HeaderMap::new();
            let value = header::HeaderValue::from_str(&text).unwrap();
            headers.insert(header::COOKIE, value);
            headers
        };
        let read = OidcState::of(&jar, &header(cookie.stripped().to_string())).unwrap();
        assert_eq!(read.attempt.secret(), trip.attempt.secret());
        assert_eq!(read.return_to, trip.return_to);
        // What somebody else wrote into it is not gone to.
        let foreign = URL_SAFE_NO_PAD.encode("//evil.example.net");
        let foreign = format!("tocsin-oidc={}.{foreign}", trip.attempt.secret());
        assert_eq!(
            OidcState::of(&jar, &header(foreign)).unwrap().return_to,
            None
        );
        for bad in [
            "tocsin-oidc=",
            "tocsin-oidc=a.b",
            "tocsin-oidc=.",
            "other=1",
        ] {
            assert!(
                OidcState::of(&jar, &header(bad.to_owned())).is_none(),
                "{bad}"
            );
        }
    }
}
