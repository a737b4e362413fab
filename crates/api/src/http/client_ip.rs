//! Where a request comes from, and whether it came by TLS.
//!
//! A reverse proxy says so in headers; anybody else could say anything in them.
//! So they are read only where the connection itself comes from one of
//! `server.trusted_proxies`, and only as far as such proxies wrote them.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest};
use ipnet::IpNet;

use crate::config::Settings;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The other end of the connection.
    pub(crate) peer: Option<IpAddr>,
    /// Who asks: the peer, or whom a trusted proxy names.
    pub(crate) client: Option<IpAddr>,
    /// Whether the browser came by TLS.
    pub(crate) is_secure: bool,
}

impl Origin {
    pub(crate) fn of(request: &ServiceRequest, settings: &Settings) -> Self {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let is_public_https = settings
            .public_url
            .as_ref()
            .is_some_and(|url| url.url().scheme() == "https");
        let is_secure = settings.tls.is_some() || is_public_https;
        forwarded_for(
            peer,
            is_secure,
            request.headers(),
            &settings.trusted_proxies,
        )
    }
}

/// Who asks, as far as it is known.
pub(crate) fn client(request: &HttpRequest) -> Option<IpAddr> {
    origin(request)?.client
}

/// Whether the browser that asks came by TLS, so that its cookies must not
/// travel without.
pub(crate) fn is_secure(request: &HttpRequest) -> bool {
    origin(request).is_some_and(|origin| origin.is_secure)
}

/// `edge` puts it into every request.
fn origin(request: &HttpRequest) -> Option<Origin> {
    request.extensions().get::<Origin>().copied()
}

fn forwarded_for(
    peer: Option<IpAddr>,
    is_secure: bool,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Origin {
    let mut origin = Origin {
        peer,
        client: peer,
        is_secure,
    };
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !peer.as_ref().is_some_and(is_trusted) {
        return origin;
    }
    // Each proxy adds whom it was asked by at the end; what stands before the
    // first that is none of ours, anybody may have written.
    for text in texts(headers, "x-forwarded-for").into_iter().rev() {
        let Some(address) = address(text) else {
            break;
        };
        origin.client = Some(address);
        if !is_trusted(&address) {
            break;
        }
    }
    // The last one too: a proxy that adds its own leaves what a browser sent before it.
    if let Some(scheme) = texts(headers, "x-forwarded-proto").last() {
        origin.is_secure |= scheme.eq_ignore_ascii_case("https");
    }
    origin
}

/// The items of a list header, which may also come as several headers.
fn texts<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers
        .get_all(name)
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .collect()
}

/// Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|at| at.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain
        .or_else(with_port)
        .or_else(in_brackets)
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        headers
    }

    fn seen(peer: &str, pairs: &[(&'static str, &'static str)]) -> (String, bool) {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"]
            .map(|net| net.parse().unwrap())
            .to_vec();
        let origin = forwarded_for(peer.parse().ok(), false, &headers(pairs), &trusted);
        (origin.client.unwrap().to_string(), origin.is_secure)
    }

    #[test]
    fn a_trusted_proxy_is_believed_as_far_as_it_wrote() {
        for (pairs, client) in [
            (vec![], "10.0.0.1"),
            (vec![("x-forwarded-for", "192.0.2.7")], "192.0.2.7"),
            // The browser wrote the first itself.
            (
                vec![("x-forwarded-for", "203.0.113.9, 192.0.2.7")],
                "192.0.2.7",
            ),
            // Through two proxies of ours.
            (
                vec![("x-forwarded-for", "203.0.113.9, 192.0.2.7, 10.2.0.1")],
                "192.0.2.7",
            ),
            (
                vec![
                    ("x-forwarded-for", "203.0.113.9"),
                    ("x-forwarded-for", "192.0.2.7"),
                ],
                "192.0.2.7",
            ),
            // All are ours: the furthest.
            (vec![("x-forwarded-for", "10.9.9.9, 10.2.0.1")], "10.9.9.9"),
            // What stands before nonsense is not believed.
            (vec![("x-forwarded-for", "192.0.2.7, unknown")], "10.0.0.1"),
            (
                vec![("x-forwarded-for", "192.0.2.7, unknown, 10.2.0.1")],
                "10.2.0.1",
            ),
            (vec![("x-forwarded-for", "192.0.2.7:4711")], "192.0.2.7"),
            (
                vec![("x-forwarded-for", "[2001:4860::1]:4711")],
                "2001:4860::1",
            ),
            (vec![("x-forwarded-for", "[2001:4860::1]")], "2001:4860::1"),
            (vec![("x-forwarded-for", "::ffff:192.0.2.7")], "192.0.2.7"),
        ] {
            assert_eq!(seen("10.0.0.1", &pairs).0, client, "{pairs:?}");
        }
    }

    #[test]
    fn forged_headers_of_anyone_else_are_ignored() {
        let forged = [
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "https"),
        ];
        for peer in ["192.0.2.66", "127.0.0.1", "2001:4860::1"] {
            assert_eq!(seen(peer, &forged), (peer.to_owned(), false));
        }
    }

    #[test]
    fn the_last_proxy_says_whether_the_browser_came_by_tls() {
        for (value, is_secure) in [
            ("https", true),
            ("HTTPS", true),
            ("http", false),
            ("https, http", false),
            ("", false),
        ] {
            let pairs = [("x-forwarded-proto", value)];
            assert_eq!(seen("2001:db8::5", &pairs).1, is_secure, "{value}");
        }
        // In two headers as in one.
        for (first, last) in [("https", "http"), ("http", "https")] {
            let pairs = [("x-forwarded-proto", first), ("x-forwarded-proto", last)];
            assert_eq!(seen("10.0.0.1", &pairs).1, last == "https");
        }
    }
}
