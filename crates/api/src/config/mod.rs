//! Settings: a TOML file, overridden by `TOCSIN_*` variables, overridden by
//! flags. What cannot be right is refused at start, with the key's name.

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

/// A setting that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", prefix(.key), suffix(.origin))]
pub(crate) struct ConfigError {
    /// The key, as the file has it; empty where no single key is at fault.
    pub(crate) key: String,
    /// What was expected.
    pub(crate) message: String,
    /// Where the value came from.
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
