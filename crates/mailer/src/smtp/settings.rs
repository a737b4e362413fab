//! How the SMTP server is reached.

use std::path::PathBuf;
use std::time::Duration;

use crate::Secret;

/// Where the SMTP server is and how to speak to it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name or address; the name its certificate must carry.
    pub host: String,
    /// Its port; by default 465 for SMTPS, 587 for STARTTLS, 25 without TLS.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: TlsMode,
    /// The user name; without one no AUTH is done.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The longest that one step may take: connecting, or one command and its reply. A whole
    /// send takes at most three times as long.
    pub timeout: Duration,
    /// PEM file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The name given in EHLO; by default this machine's.
    pub hello_name: Option<String>,
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS from the first byte.
    Smtps,
    /// STARTTLS, required: a server that does not offer it gets no mail and no password.
    #[default]
    Starttls,
    /// Not at all, for a relay on this machine.
    None,
}

impl TlsMode {
    /// The port that is used when none is set.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            TlsMode::Smtps => 465,
            TlsMode::Starttls => 587,
            TlsMode::None => 25,
        }
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A user name without password, or the other way round.
    #[error("user name and password belong together: {0} is missing")]
    Credentials(&'static str),
    /// The host is empty or not a name.
    #[error("host: {0}")]
    Host(String),
    /// The name for EHLO is not one.
    #[error("hello name: {0}")]
    HelloName(String),
    /// The timeout is zero.
    #[error("timeout: it must be longer than zero")]
    Timeout,
    /// The file with extra certificates cannot be used.
    #[error("CA file {}: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS could not be set up at all.
    #[error("TLS: {0}")]
    Tls(String),
}
