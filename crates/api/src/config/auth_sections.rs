//! The section `auth` of the settings file. `tocsin.example.toml` documents the keys.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tocsin_mailer::Secret;
use tocsin_storage::enums::Role;

use super::sections::redacted;
use super::units::{Cidr, HumanDuration};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Auth {
    pub(crate) session_idle: HumanDuration,
    pub(crate) session_lifetime: HumanDuration,
    pub(crate) password_sign_in: bool,
    pub(crate) tokens: Vec<AuthToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oidc: Option<OidcSection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy: Option<ProxySection>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            session_idle: HumanDuration::seconds(12 * 3600),
            session_lifetime: HumanDuration::seconds(14 * 86_400),
            password_sign_in: true,
            tokens: Vec::new(),
            oidc: None,
            proxy: None,
        }
    }
}

/// An API token that exists before the first start.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthToken {
    /// Name in the audit log.
    pub(crate) name: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "redacted"
    )]
    pub(crate) token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) scope: Scope,
}

/// Scope of such a token; `ingest` tokens are in `ingest.tokens`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    Read,
    Respond,
    Admin,
}

impl From<Scope> for Role {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Viewer,
            Scope::Respond => Self::Responder,
            Scope::Admin => Self::Admin,
        }
    }
}

/// OpenID Connect, as in the settings file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSection {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "redacted"
    )]
    pub(crate) client_secret: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret_file: Option<PathBuf>,
    #[serde(default = "oidc_name")]
    pub(crate) name: String,
    #[serde(default = "oidc_scopes")]
    pub(crate) scopes: Vec<String>,
    #[serde(default = "oidc_groups_claim")]
    pub(crate) groups_claim: String,
    #[serde(default)]
    pub(crate) admin_groups: Vec<String>,
    #[serde(default)]
    pub(crate) responder_groups: Vec<String>,
    #[serde(default)]
    pub(crate) viewer_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

fn oidc_name() -> String {
    "Single sign-on".to_owned()
}

fn oidc_scopes() -> Vec<String> {
    ["openid", "email", "profile"].map(str::to_owned).to_vec()
}

fn oidc_groups_claim() -> String {
    "groups".to_owned()
}

/// Sign-in by a proxy's header, as in the settings file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxySection {
    pub(crate) header: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name_header: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups_header: Option<String>,
    pub(crate) from: Vec<Cidr>,
    #[serde(default)]
    pub(crate) admin_groups: Vec<String>,
    #[serde(default)]
    pub(crate) responder_groups: Vec<String>,
    #[serde(default)]
    pub(crate) viewer_groups: Vec<String>,
}
