//! SMTP settings.

use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use lettre::transport::smtp::extension::ClientId;

use crate::Secret;

/// Address of the SMTP server and how to connect to it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name or IP address; the certificate must match it.
    pub host: String,
    /// Port; by default 465 for SMTPS, 587 for STARTTLS, 25 without TLS.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: TlsMode,
    /// User name; AUTH is skipped without one.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// Maximum duration of one step: connecting, or one command and its reply. A whole send takes
    /// at most three times as long.
    pub timeout: Duration,
    /// PEM file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Name for EHLO; by default this machine's.
    pub hello_name: Option<String>,
}

impl SmtpSettings {
    /// Default timeout. Long enough for a server that delays its greeting.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

    /// The server as `host:port`, for display.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!(
            "{}:{}",
            self.host,
            self.port.unwrap_or(self.tls.default_port())
        )
    }
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS from the first byte.
    Smtps,
    /// STARTTLS, required: a server that does not offer it receives no mail and no password.
    #[default]
    Starttls,
    /// None, for a relay on this machine. A password is sent in plain text.
    None,
}

impl TlsMode {
    /// The default port.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            TlsMode::Smtps => 465,
            TlsMode::Starttls => 587,
            TlsMode::None => 25,
        }
    }
}

/// Invalid settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A user name without a password, or the other way round.
    #[error("user name and password are required together: the {0} is missing")]
    Credentials(&'static str),
    /// The host is empty or invalid.
    #[error("host: expected a host name or an IP address such as smtp.example.com")]
    Host,
    /// The name for EHLO is invalid.
    #[error("hello name: expected a host name such as tocsin.example.com")]
    HelloName,
    /// The timeout is zero or too long.
    #[error("timeout: expected more than zero and at most an hour")]
    Timeout,
    /// The file with extra certificates cannot be used.
    #[error("CA file {}: {reason}", path.display())]
    CaFile {
        /// Path of the file.
        path: PathBuf,
        /// Error message.
        reason: String,
    },
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(String),
}

/// The validated settings, in the types that a session needs.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) login: Option<Login>,
    pub(super) hello: ClientId,
    pub(super) timeout: Duration,
}

/// [`TlsMode`] with its parameters, so that TLS always has them.
pub(super) enum Encryption {
    Smtps(TlsParameters),
    Starttls(TlsParameters),
    None,
}

/// User name and password, and the secret again to redact it in messages.
pub(super) struct Login {
    pub(super) credentials: Credentials,
    pub(super) secret: Secret,
}

impl Server {
    pub(super) fn new(settings: &SmtpSettings) -> Result<Server, SettingsError> {
        // The name is sent in EHLO unchanged, so it must be one word.
        let is_name = |name: &str| {
            !name.is_empty() && name.len() < 256 && name.chars().all(|c| c.is_ascii_graphic())
        };
        if !is_name(&settings.host) {
            return Err(SettingsError::Host);
        }
        let hello = match &settings.hello_name {
            Some(name) if is_name(name) => ClientId::Domain(name.clone()),
            Some(_) => return Err(SettingsError::HelloName),
            None => ClientId::default(),
        };
        if settings.timeout.is_zero() || settings.timeout > Duration::from_secs(3600) {
            return Err(SettingsError::Timeout);
        }
        let login = match (&settings.username, &settings.password) {
            (Some(user), Some(secret)) => Some(Login {
                credentials: Credentials::new(user.clone(), secret.reveal().to_owned()),
                secret: secret.clone(),
            }),
            (None, None) => None,
            (Some(_), None) => return Err(SettingsError::Credentials("password")),
            (None, Some(_)) => return Err(SettingsError::Credentials("user name")),
        };
        let encryption = match settings.tls {
            TlsMode::Smtps => Encryption::Smtps(super::tls::parameters(settings)?),
            TlsMode::Starttls => Encryption::Starttls(super::tls::parameters(settings)?),
            TlsMode::None => Encryption::None,
        };
        Ok(Server {
            host: settings.host.clone(),
            port: settings.port.unwrap_or(settings.tls.default_port()),
            encryption,
            login,
            hello,
            timeout: settings.timeout,
        })
    }
}
