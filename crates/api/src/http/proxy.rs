//! Sign-in by proxy header: an authenticating proxy sends the user with every request.
//! There is no session. The header is accepted from `auth.proxy.from` only, by the peer
//! address of the connection.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName};
use tocsin_pipeline::accounts::ExternalIdentity;

use crate::config::{MappedRole, ProxySettings};

/// Reason why the header of a proxy is rejected. The message is a sentence for the response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// One of the values may have been sent by the browser.
    #[error(
        "The header {0} was sent more than once. The proxy must remove it from requests of browsers."
    )]
    Repeated(HeaderName),
    /// The value is not UTF-8.
    #[error("The header {0} is not UTF-8.")]
    NotUtf8(HeaderName),
    /// The `Host` is not that of the server: the request may come from a page of another
    /// site.
    #[error(
        "The sign-in header of the proxy is accepted only if the Host is that of server.public_url, or a \
         loopback name if it is not set. The proxy must forward the Host of the browser."
    )]
    Host,
    /// The user is in no group that may sign in.
    #[error("The user is in none of the groups that may sign in.")]
    NotAllowed,
}

/// Returns the user reported by the proxy; `None` if the request comes from another address
/// or lacks the header.
///
/// # Errors
/// [`Error`], except for [`Error::Host`], which the caller checks.
pub(crate) fn external(
    settings: &ProxySettings,
    peer: IpAddr,
    headers: &HeaderMap,
) -> Result<Option<ExternalIdentity>, Error> {
    let peer = peer.to_canonical();
    if !settings.from.iter().any(|network| network.contains(&peer)) {
        return Ok(None);
    }
    let email = single(headers, &settings.header)?;
    let optional = |name: &Option<HeaderName>| match name {
        Some(name) => single(headers, name),
        None => Ok(None),
    };
    let name = optional(&settings.name_header)?;
    let groups = optional(&settings.groups_header)?;
    let Some(email) = email else {
        return Ok(None);
    };
    let groups = groups.unwrap_or_default().split(',').map(str::trim);
    let groups: Vec<&str> = groups.filter(|name| !name.is_empty()).collect();
    let role = match settings.mapping.map(&groups) {
        MappedRole::Unmapped => None,
        MappedRole::Role(role) => Some(role),
        MappedRole::Refused => return Err(Error::NotAllowed),
    };
    Ok(Some(ExternalIdentity {
        issuer: String::new(),
        subject: String::new(),
        name: name.unwrap_or(email).to_owned(),
        email: email.to_owned(),
        // The proxy is trusted to verify it.
        email_verified: true,
        role,
    }))
}

/// Value of a header that must not be repeated. An empty value counts as missing.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Error> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Error::Repeated(name.clone()));
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Error::NotUtf8(name.clone()))?;
    Ok(Some(text.trim()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GroupRoles;
    use actix_web::http::header::HeaderValue;
    use tocsin_storage::enums::Role;

    fn settings() -> ProxySettings {
        ProxySettings {
            header: HeaderName::from_static("x-forwarded-email"),
            name_header: Some(HeaderName::from_static("x-forwarded-user")),
            groups_header: Some(HeaderName::from_static("x-forwarded-groups")),
            from: vec![
                "127.0.0.1/32".parse().unwrap(),
                "10.1.0.0/16".parse().unwrap(),
            ],
            mapping: GroupRoles::default(),
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    fn from(
        address: &str,
        pairs: &[(&'static str, &str)],
    ) -> Result<Option<ExternalIdentity>, Error> {
        external(&settings(), address.parse().unwrap(), &headers(pairs))
    }

    #[test]
    fn header_is_accepted_from_configured_addresses_only() {
        let ann = [("x-forwarded-email", "ann@example.com")];
        for (address, is_accepted) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("10.1.2.3", true),
            ("127.0.0.2", false),
            ("10.2.0.1", false),
            ("::1", false),
        ] {
            let found = from(address, &ann).unwrap();
            assert_eq!(found.is_some(), is_accepted, "{address}");
        }
    }

    #[test]
    fn headers_identify_the_user() {
        let found = from(
            "127.0.0.1",
            &[
                ("x-forwarded-email", "ann@example.com"),
                ("x-forwarded-user", "安"),
            ],
        );
        let found = found.unwrap().unwrap();
        assert_eq!(
            (found.email.as_str(), found.name.as_str()),
            ("ann@example.com", "安")
        );
        assert_eq!(found.role, None);
        assert_eq!(
            from("127.0.0.1", &[]).unwrap().map(|found| found.email),
            None
        );
        assert!(
            from("127.0.0.1", &[("x-forwarded-email", " ")])
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn repeated_headers_are_rejected() {
        for name in [
            "x-forwarded-email",
            "x-forwarded-user",
            "x-forwarded-groups",
        ] {
            for values in [["a", "b"], ["a", "a"], ["", "a"], ["a", ""]] {
                let mut pairs = vec![(name, values[0]), (name, values[1])];
                let repeated = Err(Error::Repeated(HeaderName::from_static(name)));
                assert_eq!(from("127.0.0.1", &pairs), repeated, "{pairs:?}");
                pairs.push(("x-forwarded-email", "ann@example.com"));
                assert_eq!(from("127.0.0.1", &pairs), repeated, "{pairs:?}");
                // Headers from other addresses are ignored.
                assert_eq!(from("192.0.2.1", &pairs), Ok(None));
            }
        }
    }

    #[test]
    fn groups_determine_the_role() {
        let mut settings = settings();
        settings.mapping.admin = vec!["ops".to_owned()];
        settings.mapping.viewer = vec!["staff".to_owned()];
        let role = |groups: &str| {
            let pairs = [
                ("x-forwarded-email", "ann@example.com"),
                ("x-forwarded-groups", groups),
            ];
            let found = external(&settings, "127.0.0.1".parse().unwrap(), &headers(&pairs));
            found.map(|found| found.and_then(|found| found.role))
        };
        assert_eq!(role("staff, ops"), Ok(Some(Role::Admin)));
        assert_eq!(role("staff"), Ok(Some(Role::Viewer)));
        assert!(role("guests").is_err());
        assert!(role("").is_err());
    }
}
