//! Who may ask for what (rule 11).

use actix_web::http::header::{self, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::problem::{ApiError, Kind};
use crate::config::{Settings, SourceName};

/// What a path needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// Nothing: probes have no secrets.
    Health,
    /// An ingest token, or the admin password.
    Webhook,
    /// The admin password.
    Everything,
}

impl Area {
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/healthz" | "/readyz" => Self::Health,
            "/webhook" | "/webhook/" | "/api/v1/webhooks/alertmanager" => Self::Webhook,
            _ => Self::Everything,
        }
    }
}

/// Who sent a request that was let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The source that its token is bound to.
    pub(crate) source: Option<SourceName>,
}

/// The secrets that are accepted, as digests: all of one length, so that
/// comparing them in constant time does not tell a secret's length.
#[derive(Debug)]
pub(crate) struct Credentials {
    admin: Option<[u8; 32]>,
    tokens: Vec<([u8; 32], Option<SourceName>)>,
}

impl Credentials {
    pub(crate) fn of(settings: &Settings) -> Self {
        let digest =
            |secret: &tocsin_mailer::Secret| *blake3::hash(secret.reveal().as_bytes()).as_bytes();
        Self {
            admin: None,
            tokens: settings
                .tokens
                .iter()
                .map(|(_, token, source)| (digest(token), source.clone()))
                .collect(),
        }
    }

    /// Whether requests to `area` need no secret.
    pub(crate) fn is_open(&self, area: Area) -> bool {
        match area {
            Area::Health => true,
            Area::Webhook => self.tokens.is_empty(),
            Area::Everything => self.admin.is_none(),
        }
    }

    /// Lets a request in, or says which credential it lacks.
    ///
    /// # Errors
    /// [`Kind::Unauthorized`], the same for a missing and a wrong secret.
    pub(crate) fn check(&self, area: Area, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let shown = secret_of(headers).map(|secret| *blake3::hash(&secret).as_bytes());
        let caller = shown.and_then(|shown| self.find(area, &shown));
        match caller {
            Some(caller) => Ok(caller),
            None if self.is_open(area) => Ok(Caller::default()),
            None => Err(refusal(area)),
        }
    }

    /// Compares with every secret, without stopping at the one that fits.
    fn find(&self, area: Area, shown: &[u8; 32]) -> Option<Caller> {
        let mut found = Choice::from(0);
        let mut place = 0u64;
        for (index, (token, _)) in (1u64..).zip(&self.tokens) {
            let same = token.ct_eq(shown);
            place.conditional_assign(&index, same);
            found |= same;
        }
        let is_admin = self
            .admin
            .map_or(Choice::from(0), |admin| admin.ct_eq(shown));
        if area == Area::Webhook && bool::from(found) {
            let index = usize::try_from(place).ok()?.checked_sub(1)?;
            let source = self.tokens.get(index)?.1.clone();
            return Some(Caller { source });
        }
        bool::from(is_admin).then(Caller::default)
    }
}

fn refusal(area: Area) -> ApiError {
    let (realm, detail) = match area {
        Area::Webhook => (
            "Tocsin webhooks",
            "Send one of ingest.tokens, as \"Authorization: Bearer TOKEN\" or as the password of basic auth.",
        ),
        _ => (
            "Tocsin",
            "Send auth.admin_password, as \"Authorization: Bearer PASSWORD\" or as the password of basic auth.",
        ),
    };
    // Basic, so that a browser asks by itself.
    ApiError::new(Kind::Unauthorized, detail).with_header(
        header::WWW_AUTHENTICATE,
        format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
    )
}

/// The secret of a request: a Bearer token, or the password of basic auth,
/// whose user name is free.
fn secret_of(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = value.split_at(space);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(rest.to_vec());
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = STANDARD.decode(rest).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn credentials(admin: Option<&str>, tokens: &[(&str, Option<&str>)]) -> Credentials {
        let digest = |secret: &str| *blake3::hash(secret.as_bytes()).as_bytes();
        Credentials {
            admin: admin.map(digest),
            tokens: tokens
                .iter()
                .map(|(token, source)| {
                    (
                        digest(token),
                        source.map(|name| SourceName::try_from(name.to_owned()).unwrap()),
                    )
                })
                .collect(),
        }
    }

    fn headers(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            headers.insert(
                header::AUTHORIZATION,
                HeaderValue::from_str(authorization).unwrap(),
            );
        }
        headers
    }

    fn basic(user: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    }

    #[test]
    fn each_area_takes_its_secrets_and_no_others() {
        let guarded = credentials(
            Some("admin:secret"),
            &[("one", None), ("two", Some("prod"))],
        );
        for (area, authorization, let_in) in [
            (Area::Health, String::new(), true),
            (Area::Everything, String::new(), false),
            (Area::Everything, basic("anyone", "admin:secret"), true),
            (Area::Everything, "Bearer admin:secret".to_owned(), true),
            (Area::Everything, "bearer  admin:secret".to_owned(), true),
            (Area::Everything, "Bearer one".to_owned(), false),
            (Area::Everything, "Bearer admin:secre".to_owned(), false),
            (Area::Everything, "Digest admin:secret".to_owned(), false),
            (Area::Everything, "Basic !!".to_owned(), false),
            (Area::Everything, "Bearer".to_owned(), false),
            (Area::Webhook, String::new(), false),
            (Area::Webhook, "Bearer one".to_owned(), true),
            (Area::Webhook, basic("", "two"), true),
            (Area::Webhook, "Bearer admin:secret".to_owned(), true),
            (Area::Webhook, "Bearer three".to_owned(), false),
        ] {
            let answer = guarded.check(area, &headers(&authorization));
            assert_eq!(answer.is_ok(), let_in, "{area:?} {authorization}");
        }
    }

    #[test]
    fn a_bound_token_brings_its_source() {
        let guarded = credentials(
            None,
            &[("one", None), ("two", Some("prod")), ("three", None)],
        );
        let source = |token: &str| {
            let caller = guarded.check(Area::Webhook, &headers(&format!("Bearer {token}")));
            caller.unwrap().source.map(String::from)
        };
        assert_eq!(source("two").as_deref(), Some("prod"));
        assert_eq!(source("one"), None);
        assert_eq!(source("three"), None);
    }

    #[test]
    fn without_secrets_all_are_let_in() {
        let open = credentials(None, &[]);
        let caller = open
            .check(Area::Webhook, &headers("Bearer anything"))
            .unwrap();
        assert_eq!(caller, Caller::default());
    }
}
