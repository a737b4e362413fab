//! The checks of the section `auth`: sessions, single sign-on, and who a proxy
//! says that somebody is.

use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use tocsin_mailer::Secret;
use tocsin_storage::enums::Role;
use url::{Host, Url};

use super::auth_sections::{Auth, AuthToken, OidcSection, ProxySection};
use super::parts::{CheckedTokens, secret};
use super::units::not_everyone;
use super::{ConfigError, PublicUrl};

/// How people come in.
#[derive(Clone, Debug)]
pub(crate) struct AuthSettings {
    /// A session that is not used for this long ends.
    pub(crate) session_idle: Duration,
    /// A session ends after this long, whatever happens.
    pub(crate) session_lifetime: Duration,
    /// Whether e-mail and password may be used.
    pub(crate) password_sign_in: bool,
    /// Provisioned API tokens, besides those in the database.
    pub(crate) tokens: Vec<(String, Secret, Role)>,
    /// Single sign-on, where it is set.
    pub(crate) oidc: Option<OidcSettings>,
    /// Sign-in by the header of a proxy, where it is set.
    pub(crate) proxy: Option<ProxySettings>,
}

/// An OpenID provider.
#[derive(Clone, Debug)]
pub(crate) struct OidcSettings {
    /// As the provider itself writes it, to the slash at its end: it is compared
    /// with what tokens say.
    pub(crate) issuer: String,
    /// What the provider calls us.
    pub(crate) client_id: String,
    /// None for a public client, which has only PKCE.
    pub(crate) client_secret: Option<Secret>,
    /// What the button says.
    pub(crate) name: String,
    /// With `openid`.
    pub(crate) scopes: Vec<String>,
    /// The claim that holds the groups.
    pub(crate) groups_claim: String,
    /// What the groups mean.
    pub(crate) mapping: GroupRoles,
    /// Certificates to trust besides the system's, as PEM.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A proxy that says in a header who asks.
#[derive(Clone, Debug)]
pub(crate) struct ProxySettings {
    /// The header with the e-mail address.
    pub(crate) header: HeaderName,
    /// The header with the name.
    pub(crate) name_header: Option<HeaderName>,
    /// The header with the groups, separated by commas.
    pub(crate) groups_header: Option<HeaderName>,
    /// Who is believed: the address of the connection itself.
    pub(crate) from: Vec<IpNet>,
    /// What the groups mean.
    pub(crate) mapping: GroupRoles,
}

/// Which role the members of which groups have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupRoles {
    pub(crate) admin: Vec<String>,
    pub(crate) responder: Vec<String>,
    pub(crate) viewer: Vec<String>,
}

/// What somebody's groups say of the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MappedRole {
    /// Nothing: roles are given here, by administrators.
    Unmapped,
    /// This one, at each sign-in.
    Role(Role),
    /// Only members of some groups may come in, and this is none of them.
    Refused,
}

impl GroupRoles {
    /// The highest role that one of `groups` has. With no mapping at all roles
    /// are given by administrators; somebody in no mapped group is a viewer,
    /// or refused where viewers have groups too.
    pub(crate) fn map<T: AsRef<str>>(&self, groups: &[T]) -> MappedRole {
        if self.admin.is_empty() && self.responder.is_empty() && self.viewer.is_empty() {
            return MappedRole::Unmapped;
        }
        let is_in = |named: &[String]| {
            named
                .iter()
                .any(|name| groups.iter().any(|group| group.as_ref() == name))
        };
        if is_in(&self.admin) {
            MappedRole::Role(Role::Admin)
        } else if is_in(&self.responder) {
            MappedRole::Role(Role::Responder)
        } else if is_in(&self.viewer) || self.viewer.is_empty() {
            MappedRole::Role(Role::Viewer)
        } else {
            MappedRole::Refused
        }
    }
}

/// `public_url` and `on_loopback` say whether people can be sent back here.
pub(super) fn auth_settings(
    section: Auth,
    public_url: Option<&PublicUrl>,
    on_loopback: bool,
) -> Result<AuthSettings, ConfigError> {
    let Auth {
        session_idle,
        session_lifetime,
        password_sign_in,
        tokens,
        oidc,
        proxy,
    } = section;
    if session_idle.0 < Duration::from_secs(60) {
        return Err(ConfigError::new(
            "auth.session_idle",
            "expected a minute or more, because the last use is known to the minute",
        ));
    }
    if session_lifetime.0 < session_idle.0 {
        return Err(ConfigError::new(
            "auth.session_lifetime",
            "expected auth.session_idle or more",
        ));
    }
    if !password_sign_in && oidc.is_none() && proxy.is_none() {
        return Err(ConfigError::new(
            "auth.password_sign_in",
            "without it nobody could sign in; set auth.oidc or auth.proxy too",
        ));
    }
    if oidc.is_some() && public_url.is_none() && !on_loopback {
        return Err(ConfigError::new(
            "server.public_url",
            "expected the address that people open, because auth.oidc sends them back to it",
        ));
    }
    if proxy.is_some() && public_url.is_none() && !on_loopback {
        return Err(ConfigError::new(
            "server.public_url",
            "expected the address that people open, because auth.proxy is accepted under its host only",
        ));
    }
    Ok(AuthSettings {
        session_idle: session_idle.0,
        session_lifetime: session_lifetime.0,
        password_sign_in,
        tokens: auth_tokens(tokens)?,
        oidc: oidc.map(oidc_settings).transpose()?,
        proxy: proxy.map(proxy_settings).transpose()?,
    })
}

fn auth_tokens(tokens: Vec<AuthToken>) -> Result<Vec<(String, Secret, Role)>, ConfigError> {
    let mut checked = CheckedTokens::default();
    let mut roles = Vec::new();
    for token in tokens {
        let AuthToken {
            name,
            token,
            token_file,
            scope,
        } = token;
        checked.add("auth.tokens", name, token, token_file.as_deref())?;
        roles.push(Role::from(scope));
    }
    let tokens = checked.0.into_iter().zip(roles);
    Ok(tokens
        .map(|((name, token), role)| (name, token, role))
        .collect())
}

fn oidc_settings(section: OidcSection) -> Result<OidcSettings, ConfigError> {
    let OidcSection {
        issuer,
        client_id,
        client_secret,
        client_secret_file,
        name,
        mut scopes,
        groups_claim,
        admin_groups,
        responder_groups,
        viewer_groups,
        ca_file,
    } = section;
    check_issuer(&issuer)?;
    for (key, text) in [
        ("auth.oidc.client_id", &client_id),
        ("auth.oidc.name", &name),
        ("auth.oidc.groups_claim", &groups_claim),
    ] {
        if text.trim().is_empty() {
            return Err(ConfigError::new(key, "expected a text that is not empty"));
        }
    }
    if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    if let Some(file) = ca_file.as_ref().filter(|file| !file.is_file()) {
        return Err(ConfigError::new(
            "auth.oidc.ca_file",
            format!("there is no file {}", file.display()),
        ));
    }
    Ok(OidcSettings {
        issuer,
        client_id,
        client_secret: secret(
            "auth.oidc.client_secret",
            client_secret,
            client_secret_file.as_deref(),
        )?,
        name,
        scopes,
        groups_claim,
        mapping: GroupRoles {
            admin: admin_groups,
            responder: responder_groups,
            viewer: viewer_groups,
        },
        ca_file,
    })
}

/// Passwords and tokens pass there, so plain HTTP never leaves this machine.
fn check_issuer(issuer: &str) -> Result<(), ConfigError> {
    let expected = "expected the provider's address with https, as it writes it itself in \
                    /.well-known/openid-configuration, such as \"https://login.example.com/realms/ops\"";
    let is_good = Url::parse(issuer).is_ok_and(|url| {
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        (url.scheme() == "https" || (url.scheme() == "http" && is_here))
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if is_good {
        Ok(())
    } else {
        Err(ConfigError::new("auth.oidc.issuer", expected))
    }
}

fn proxy_settings(section: ProxySection) -> Result<ProxySettings, ConfigError> {
    let ProxySection {
        header,
        name_header,
        groups_header,
        from,
        admin_groups,
        responder_groups,
        viewer_groups,
    } = section;
    if from.is_empty() {
        return Err(ConfigError::new(
            "auth.proxy.from",
            "expected the proxy's address, such as [\"127.0.0.1\"]",
        ));
    }
    let mapping = GroupRoles {
        admin: admin_groups,
        responder: responder_groups,
        viewer: viewer_groups,
    };
    if groups_header.is_none() && mapping.map::<&str>(&[]) != MappedRole::Unmapped {
        return Err(ConfigError::new(
            "auth.proxy.groups_header",
            "expected the header that holds the groups, because groups are given roles",
        ));
    }
    let name = |key: &str, text: String| {
        text.parse::<HeaderName>().map_err(|_| {
            ConfigError::new(
                format!("auth.proxy.{key}"),
                format!(
                    "expected the name of a header such as \"X-Forwarded-Email\", found {text:?}"
                ),
            )
        })
    };
    Ok(ProxySettings {
        header: name("header", header)?,
        name_header: name_header
            .map(|text| name("name_header", text))
            .transpose()?,
        groups_header: groups_header
            .map(|text| name("groups_header", text))
            .transpose()?,
        from: not_everyone("auth.proxy.from", &from)?,
        mapping,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_highest_group_counts() {
        let mut groups = GroupRoles::default();
        assert_eq!(groups.map(&["ops"]), MappedRole::Unmapped);
        groups.admin = names(&["ops"]);
        groups.responder = names(&["on-call", "help-desk"]);
        for (of, role) in [
            (&["ops", "on-call"][..], Role::Admin),
            (&["help-desk", "all"], Role::Responder),
            (&["OPS"], Role::Viewer),
            (&[], Role::Viewer),
        ] {
            assert_eq!(groups.map(of), MappedRole::Role(role), "{of:?}");
        }
        groups.viewer = names(&["staff"]);
        assert_eq!(groups.map(&["staff"]), MappedRole::Role(Role::Viewer));
        assert_eq!(groups.map(&["guests"]), MappedRole::Refused);
    }
}
