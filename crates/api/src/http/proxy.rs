//! Sign-in by a header: a proxy that knows who somebody is says so with every
//! request. There is no session; who may say so is told by the address of the
//! connection itself.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName};
use tocsin_pipeline::accounts::ExternalIdentity;

use crate::config::{Mapped, ProxySettings};

/// The proxy named somebody who may not come in, or named nobody clearly. The
/// text is a sentence for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAllowed(pub(crate) &'static str);

/// Whom the proxy names; nobody where the request comes from elsewhere or has no
/// such header.
///
/// # Errors
/// [`NotAllowed`].
pub(crate) fn external(
    settings: &ProxySettings,
    peer: IpAddr,
    headers: &HeaderMap,
) -> Result<Option<ExternalIdentity>, NotAllowed> {
    let peer = peer.to_canonical();
    if !settings.from.iter().any(|network| network.contains(&peer)) {
        return Ok(None);
    }
    let Some(email) = single(headers, &settings.header)? else {
        return Ok(None);
    };
    let groups: Vec<String> = match &settings.groups_header {
        Some(header) => texts(headers, header)
            .flat_map(|text| text.split(','))
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
        None => Vec::new(),
    };
    let role = match settings.mapping.map(&groups) {
        Mapped::Unmapped => None,
        Mapped::Role(role) => Some(role),
        Mapped::Refused => {
            return Err(NotAllowed(
                "The proxy says that you are in none of the groups that may sign in.",
            ));
        }
    };
    let name = match &settings.name_header {
        Some(header) => single(headers, header)?,
        None => None,
    };
    Ok(Some(ExternalIdentity {
        issuer: String::new(),
        subject: String::new(),
        name: name.unwrap_or(email).to_owned(),
        email: email.to_owned(),
        // That is what the proxy is there for.
        email_verified: true,
        role,
    }))
}

/// A header's one value. An empty one says nothing; of two, one may be what the
/// browser sent itself.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, NotAllowed> {
    if headers.get_all(name).nth(1).is_some() {
        return Err(NotAllowed(
            "The proxy says twice who you are; it has to remove what browsers send.",
        ));
    }
    let text = texts(headers, name).next().map(str::trim);
    if text.is_none() && headers.contains_key(name) {
        return Err(NotAllowed("What the proxy says of you is not UTF-8."));
    }
    Ok(text.filter(|text| !text.is_empty()))
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GroupRoles;
    use actix_web::http::header::HeaderValue;
    use tocsin_storage::codes::Role;

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
    ) -> Result<Option<ExternalIdentity>, NotAllowed> {
        external(&settings(), address.parse().unwrap(), &headers(pairs))
    }

    #[test]
    fn only_the_named_proxy_is_believed() {
        let ann = [("x-forwarded-email", "ann@example.com")];
        for (address, is_believed) in [
            ("127.0.0.1", true),
            ("::ffff:127.0.0.1", true),
            ("10.1.2.3", true),
            ("127.0.0.2", false),
            ("10.2.0.1", false),
            ("::1", false),
        ] {
            let found = from(address, &ann).unwrap();
            assert_eq!(found.is_some(), is_believed, "{address}");
        }
    }

    #[test]
    fn the_headers_say_who_it_is() {
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
        let twice = [
            ("x-forwarded-email", "ann@example.com"),
            ("x-forwarded-email", "root@example.com"),
        ];
        assert!(from("127.0.0.1", &twice).is_err());
    }

    #[test]
    fn groups_give_the_role() {
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
