//! State cookie of the OpenID sign-in, and validation of the page to open afterwards.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookies::{CookieName, Jar};
use crate::oidc::Attempt;

/// Maximum duration of a sign-in at the provider.
pub(super) const MAX_AGE: Duration = Duration::from_secs(600);

/// Maximum length of the path to return to.
const MAX_RETURN_TO: usize = 2_000;

/// State of a sign-in, stored in a cookie.
pub(super) struct OidcState {
    pub(super) attempt: Attempt,
    pub(super) return_to: Option<String>,
}

impl OidcState {
    pub(super) fn encode(&self) -> String {
        let return_to = self.return_to.as_deref().unwrap_or_default();
        let return_to = URL_SAFE_NO_PAD.encode(return_to);
        format!("{}.{return_to}", self.attempt.secret())
    }

    pub(super) fn of(jar: &Jar<'_>, headers: &HeaderMap) -> Option<Self> {
        let (secret, return_to) = jar.read(CookieName::Oidc, headers)?.split_once('.')?;
        let return_to = URL_SAFE_NO_PAD.decode(return_to).ok()?;
        Some(Self {
            attempt: Attempt::read(secret)?,
            // Validated again: the client can modify the cookie.
            return_to: String::from_utf8(return_to)
                .ok()
                .filter(|path| is_own_page(path)),
        })
    }
}

/// Whether the path is that of a page of this server, not a URL of another site.
pub(super) fn is_own_page(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    path.len() <= MAX_RETURN_TO
        && !rest.starts_with('/')
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        // Prevents redirect loops, and downloads.
        && !rest.starts_with("api/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header;

    #[test]
    fn only_pages_of_this_server_are_accepted() {
        for path in [
            "/",
            "/incidents?severity=critical&q=%E5%AE%89",
            "/alerts/7#labels",
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
        assert!(!is_own_page(&format!("/{}", "a".repeat(MAX_RETURN_TO))));
    }

    #[test]
    fn oidc_cookie_round_trips() {
        let saved = OidcState {
            attempt: Attempt::new(),
            return_to: Some("/incidents?q=a".to_owned()),
        };
        let jar = Jar::new(false, "/");
        let cookie = jar.set(CookieName::Oidc, saved.encode(), MAX_AGE);
        let header = |text: String| {
            let mut headers = HeaderMap::new();
            let value = header::HeaderValue::from_str(&text).unwrap();
            headers.insert(header::COOKIE, value);
            headers
        };
        let read = OidcState::of(&jar, &header(cookie.stripped().to_string())).unwrap();
        assert_eq!(read.attempt.secret(), saved.attempt.secret());
        assert_eq!(read.return_to, saved.return_to);
        // A forged path is ignored.
        let forged = URL_SAFE_NO_PAD.encode("//evil.example.net");
        let forged = format!("tocsin-oidc={}.{forged}", saved.attempt.secret());
        assert_eq!(
            OidcState::of(&jar, &header(forged)).unwrap().return_to,
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
