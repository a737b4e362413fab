//! IP address of the client, and whether it uses TLS.
//!
//! Forwarded headers are trusted only if the connection comes from one of
//! `server.trusted_proxies`, and only as far as such proxies wrote them: any client can send
//! them.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest};
use ipnet::IpNet;

use crate::config::Settings;

/// Origin of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Peer of the connection.
    pub(crate) peer: Option<IpAddr>,
    /// Client: the peer, or the address reported by a trusted proxy.
    pub(crate) client: Option<IpAddr>,
    /// Whether the client uses TLS.
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

/// IP address of the client, if known.
pub(crate) fn client(request: &HttpRequest) -> Option<IpAddr> {
    origin(request)?.client
}

/// Whether the client uses TLS, so that its cookies are marked `Secure`.
pub(crate) fn is_secure(request: &HttpRequest) -> bool {
    origin(request).is_some_and(|origin| origin.is_secure)
}

/// The middleware adds it to every request.
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
    // Each proxy appends the address of its peer. Entries before the last untrusted
    // address can be forged by the client.
    for item in list_items(headers, "x-forwarded-for").into_iter().rev() {
        let Some(address) = address(item) else {
            break;
        };
        origin.client = Some(address);
        if !is_trusted(&address) {
            break;
        }
    }
    // Here the last entry counts: a proxy that appends keeps those sent by the client.
    if let Some(scheme) = list_items(headers, "x-forwarded-proto").last() {
        origin.is_secure |= scheme.eq_ignore_ascii_case("https");
    }
    origin
}

/// Items of a list header, which can be repeated.
fn list_items<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers
        .get_all(name)
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .collect()
}

/// Parses an address, with or without a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
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
    fn trusted_proxies_report_the_client() {
        for (pairs, client) in [
            (vec![], "10.0.0.1"),
            (vec![("x-forwarded-for", "192.0.2.7")], "192.0.2.7"),
            // The first entry is forged by the client.
            (
                vec![("x-forwarded-for", "203.0.113.9, 192.0.2.7")],
                "192.0.2.7",
            ),
            // Two trusted proxies.
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
            // All entries are trusted: the first one counts.
            (vec![("x-forwarded-for", "10.9.9.9, 10.2.0.1")], "10.9.9.9"),
            // Entries before an invalid one are ignored.
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
    fn headers_of_untrusted_peers_are_ignored() {
        let forged = [
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "https"),
        ];
        for peer in ["192.0.2.66", "127.0.0.1", "2001:4860::1"] {
            assert_eq!(seen(peer, &forged), (peer.to_owned(), false));
        }
    }

    #[test]
    fn last_proxy_determines_tls() {
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
        // Repeated headers.
        for (first, last) in [("https", "http"), ("http", "https")] {
            let pairs = [("x-forwarded-proto", first), ("x-forwarded-proto", last)];
            assert_eq!(seen("10.0.0.1", &pairs).1, last == "https");
        }
    }
}
