//! Protection against cross-site requests and DNS rebinding.

use std::net::{Ipv4Addr, Ipv6Addr};

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};

use super::problem::{ApiError, ProblemKind};
use crate::config::PublicUrl;

/// Host of a request: the header `Host`, or the authority of the URI. Empty if the header
/// is repeated, so that no check passes.
pub(crate) fn host(request: &ServiceRequest) -> &str {
    let headers = request.headers();
    if headers.get_all(header::HOST).nth(1).is_some() {
        return "";
    }
    match header_value(headers, header::HOST.as_str()) {
        Some(host) => host,
        None => request
            .uri()
            .authority()
            .map_or("", |authority| authority.as_str()),
    }
}

/// Checks that a delivery without a token comes from this machine. A page of another site
/// whose name resolves to this server (DNS rebinding) sends that name in `Host`; a reverse
/// proxy adds forwarded headers.
///
/// # Errors
/// [`ProblemKind::MisdirectedRequest`] or [`ProblemKind::Forbidden`].
pub(crate) fn check_open(host: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    if !is_loopback(host) {
        return Err(ApiError::new(
            ProblemKind::MisdirectedRequest,
            "Without an ingest token, only requests to localhost, 127.0.0.1 or [::1] are accepted. Create an \
             ingest token to receive alerts under other names.",
        ));
    }
    let forwarded = headers.keys().find(|name| {
        [header::FORWARDED, header::VIA].contains(name)
            || *name == "x-real-ip"
            || name.as_str().starts_with("x-forwarded-")
    });
    match forwarded {
        None => Ok(()),
        Some(name) => Err(ApiError::new(
            ProblemKind::Forbidden,
            format!(
                "The request was forwarded by a proxy (header {name}), and no ingest token exists. Create one to \
                 receive alerts through a proxy."
            ),
        )),
    }
}

/// Whether the header of a proxy is accepted with this `Host`: with the host in
/// `server.public_url`, or with loopback names if it is not set. A page of another site whose
/// name resolves to this server (DNS rebinding) can send any header, except for a `Host`
/// other than its own name.
pub(crate) fn is_own_host(host: &str, public_url: Option<&PublicUrl>) -> bool {
    let Some(public_url) = public_url else {
        return is_loopback(host);
    };
    // No characters of other URL parts. The port is not compared: some proxies omit it.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let url = url::Url::parse(&format!("http://{host}"));
    host.bytes().all(is_plain) && url.is_ok_and(|url| url.host_str() == public_url.url().host_str())
}

/// Whether a `Host` names this machine.
fn is_loopback(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_number);
        return is_port
            && address
                .parse::<Ipv6Addr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback());
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_number(port) => name,
        Some(_) => return false,
        None => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Rejects requests that a page of another site sent, because browsers add cookies to them.
/// Navigation by a link is accepted. Clients other than browsers send neither header.
///
/// # Errors
/// [`ProblemKind::CrossSite`].
pub(crate) fn check_site(
    method: &Method,
    host: &str,
    headers: &HeaderMap,
    public_url: Option<&PublicUrl>,
) -> Result<(), ApiError> {
    let navigates = matches!(*method, Method::GET | Method::HEAD)
        && header_value(headers, "sec-fetch-mode") == Some("navigate");
    if navigates {
        return Ok(());
    }
    let is_cross_site = matches!(
        header_value(headers, "sec-fetch-site"),
        Some("cross-site" | "same-site")
    );
    let is_own = headers.get(header::ORIGIN).is_none_or(|origin| {
        origin
            .to_str()
            .is_ok_and(|origin| is_own_origin(origin, host, public_url))
    });
    if is_own && !is_cross_site {
        return Ok(());
    }
    Err(ApiError::new(
        ProblemKind::CrossSite,
        "The request was sent by a page of another site. If Tocsin is behind a proxy, set \
         server.public_url to the URL in the browser.",
    ))
}

/// Whether an origin is that of `server.public_url` or of `Host`. The scheme is not compared
/// with `Host`: behind a proxy that terminates TLS it differs.
fn is_own_origin(origin: &str, host: &str, public_url: Option<&PublicUrl>) -> bool {
    if public_url.is_some_and(|url| url.origin() == origin) {
        return true;
    }
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| !host.is_empty() && authority.eq_ignore_ascii_case(host))
}

fn header_value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn only_loopback_names_count_as_local() {
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:1",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "10.0.0.1:8080",
            "[::2]",
            "[::1",
            "[::1]x",
            "localhost:80:80",
            "localhost:",
            "0.0.0.0:8080",
            "localhost@example.com",
            "2130706433",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn proxy_header_requires_the_own_host() {
        let public = PublicUrl::try_from("https://ops.example.com:8443/tocsin/".to_owned());
        let public = public.unwrap();
        for host in ["ops.example.com", "OPS.example.com", "ops.example.com:8443"] {
            assert!(is_own_host(host, Some(&public)), "{host}");
        }
        for host in [
            "",
            "localhost",
            "127.0.0.1:8080",
            "evil.example.net",
            "ops.example.com.evil.example.net",
            "ops.example.com@evil.example.net",
            "evil@ops.example.com",
            "ops.example.com/",
            "ops.example.com:x",
        ] {
            assert!(!is_own_host(host, Some(&public)), "{host}");
        }
        assert!(is_own_host("localhost:8080", None));
        assert!(!is_own_host("ops.example.com", None));
    }

    #[test]
    fn forwarded_requests_need_a_token() {
        assert!(check_open("localhost:8080", &headers(&[])).is_ok());
        assert!(check_open("", &headers(&[])).is_err());
        for name in [
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-anything",
        ] {
            assert!(
                check_open("localhost:8080", &headers(&[(name, "x")])).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn cross_site_requests_are_rejected_and_navigation_is_accepted() {
        let public = PublicUrl::try_from("https://ops.example.com/tocsin/".to_owned()).unwrap();
        for (method, pairs, accepted) in [
            (Method::POST, vec![], true),
            (
                Method::POST,
                vec![("origin", "http://127.0.0.1:8080")],
                true,
            ),
            (
                Method::POST,
                vec![("origin", "https://127.0.0.1:8080")],
                true,
            ),
            (
                Method::POST,
                vec![("origin", "https://ops.example.com")],
                true,
            ),
            (
                Method::POST,
                vec![("origin", "http://127.0.0.1:9000")],
                false,
            ),
            (
                Method::POST,
                vec![("origin", "https://evil.example.net")],
                false,
            ),
            (Method::POST, vec![("origin", "null")], false),
            (
                Method::GET,
                vec![("origin", "https://evil.example.net")],
                false,
            ),
            (Method::GET, vec![("sec-fetch-site", "same-origin")], true),
            (Method::GET, vec![("sec-fetch-site", "none")], true),
            (
                Method::GET,
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "no-cors"),
                ],
                false,
            ),
            (
                Method::GET,
                vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")],
                false,
            ),
            (
                Method::GET,
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                true,
            ),
            (
                Method::POST,
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                ],
                false,
            ),
            (Method::DELETE, vec![("sec-fetch-site", "same-site")], false),
        ] {
            let result = check_site(&method, "127.0.0.1:8080", &headers(&pairs), Some(&public));
            assert_eq!(result.is_ok(), accepted, "{method} {pairs:?}");
        }
    }
}
