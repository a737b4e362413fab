//! Settings: a TOML file, overridden by `TOCSIN_*` variables, overridden by flags. Invalid values
//! are rejected at startup, with the name of the key.

mod auth;
mod auth_sections;
mod check;
mod keys;
mod load;
#[cfg(test)]
mod mistakes;
mod parts;
mod retention;
mod sections;
#[cfg(test)]
mod tests;
mod units;

pub(crate) use auth::{GroupRoles, MappedRole, OidcSettings, ProxySettings};
pub(crate) use check::Settings;
pub(crate) use load::{Flags, load};
pub(crate) use sections::{IngestToken, Language, Limits, LogFormat, Sections, SourceName, Tls};
pub(crate) use units::{HumanDuration, PublicUrl};

/// An invalid setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", prefix(.key), suffix(.origin))]
pub(crate) struct ConfigError {
    /// The key, as in the settings file; empty if the error concerns no single key.
    pub(crate) key: String,
    /// The expected value.
    pub(crate) message: String,
    /// Origin of the value.
    pub(crate) origin: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            origin: None,
        }
    }
}

fn prefix(key: &str) -> String {
    if key.is_empty() {
        String::new()
    } else {
        format!("{key}: ")
    }
}

fn suffix(origin: &Option<String>) -> String {
    origin
        .as_ref()
        .map_or_else(String::new, |origin| format!(" (from {origin})"))
}
