//! Validates the section `auth`: sessions, single sign-on, and sign-in by a proxy's header.

use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use tocsin_mailer::Secret;
use tocsin_storage::enums::Role;
use url::{Host, Url};

use super::auth_sections::{Auth, AuthToken, OidcSection, ProxySection};
use super::parts::{CheckedTokens, secret};
use super::units::trusted_networks;
use super::{ConfigError, PublicUrl};

/// Sign-in methods.
#[derive(Clone, Debug)]
pub(crate) struct AuthSettings {
    /// A session without requests for this long ends.
    pub(crate) session_idle: Duration,
    /// Maximum duration of a session.
    pub(crate) session_lifetime: Duration,
    /// Whether sign-in with e-mail address and password is enabled.
    pub(crate) password_sign_in: bool,
    /// Provisioned API tokens, besides those in the database.
    pub(crate) tokens: Vec<(String, Secret, Role)>,
    /// Single sign-on, if configured.
    pub(crate) oidc: Option<OidcSettings>,
    /// Sign-in by a proxy's header, if configured.
    pub(crate) proxy: Option<ProxySettings>,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug)]
pub(crate) struct OidcSettings {
    /// Exactly as the provider writes it, including a slash at the end: it is compared with the
    /// tokens.
    pub(crate) issuer: String,
    /// Client ID at the provider.
    pub(crate) client_id: String,
    /// `None` for a public client, which uses PKCE only.
    pub(crate) client_secret: Option<Secret>,
    /// Label of the sign-in button.
    pub(crate) name: String,
    /// Includes `openid`.
    pub(crate) scopes: Vec<String>,
    /// Claim with the groups.
    pub(crate) groups_claim: String,
    /// Roles of the groups.
    pub(crate) mapping: GroupRoles,
    /// Certificates to trust besides the system's, as PEM.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A proxy that authenticates users and sends them in headers.
#[derive(Clone, Debug)]
pub(crate) struct ProxySettings {
    /// Header with the e-mail address.
    pub(crate) header: HeaderName,
    /// Header with the display name.
    pub(crate) name_header: Option<HeaderName>,
    /// Header with the groups, separated by commas.
    pub(crate) groups_header: Option<HeaderName>,
    /// Trusted addresses of the connection itself.
    pub(crate) from: Vec<IpNet>,
    /// Roles of the groups.
    pub(crate) mapping: GroupRoles,
}

/// Which role the members of which groups have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupRoles {
    pub(crate) admin: Vec<String>,
    pub(crate) responder: Vec<String>,
    pub(crate) viewer: Vec<String>,
}

/// Role that follows from a user's groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MappedRole {
    /// No mapping: administrators assign roles in Tocsin.
    Unmapped,
    /// This role, set at each sign-in.
    Role(Role),
    /// Sign-in is limited to some groups, and the user is in none of them.
    Refused,
}

impl GroupRoles {
    /// The highest role of `groups`. Without any mapping administrators assign roles; a user in no
    /// mapped group is a viewer, or rejected if viewers have groups too.
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

/// `public_url` and `on_loopback` determine whether browsers can be redirected back.
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
            "expected at least one minute, because the last use is recorded to the minute",
        ));
    }
    if session_lifetime.0 < session_idle.0 {
        return Err(ConfigError::new(
            "auth.session_lifetime",
            "expected at least auth.session_idle",
        ));
    }
    if !password_sign_in && oidc.is_none() && proxy.is_none() {
        return Err(ConfigError::new(
            "auth.password_sign_in",
            "without it no one can sign in; configure auth.oidc or auth.proxy as well",
        ));
    }
    if oidc.is_some() && public_url.is_none() && !on_loopback {
        return Err(ConfigError::new(
            "server.public_url",
            "required by auth.oidc, which redirects browsers back to this URL",
        ));
    }
    if proxy.is_some() && public_url.is_none() && !on_loopback {
        return Err(ConfigError::new(
            "server.public_url",
            "required by auth.proxy, which is accepted only for the host name of this URL",
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
            return Err(ConfigError::new(key, "expected a non-empty string"));
        }
    }
    if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    if let Some(file) = ca_file.as_ref().filter(|file| !file.is_file()) {
        return Err(ConfigError::new(
            "auth.oidc.ca_file",
            format!("no such file: {}", file.display()),
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

/// Passwords and tokens are sent there, so plain HTTP is allowed on this machine only.
fn check_issuer(issuer: &str) -> Result<(), ConfigError> {
    let expected = "expected the provider's issuer URL with https, exactly as in \
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
            "expected the addresses of the proxy, such as [\"127.0.0.1\"]",
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
            "required if groups are mapped to roles: the header with the groups",
        ));
    }
    let name = |key: &str, text: String| {
        text.parse::<HeaderName>().map_err(|_| {
            ConfigError::new(
                format!("auth.proxy.{key}"),
                format!("expected a header name such as \"X-Forwarded-Email\", found {text:?}"),
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
        from: trusted_networks("auth.proxy.from", &from)?,
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
