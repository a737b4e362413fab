//! How the SMTP server is reached.

use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use lettre::transport::smtp::extension::ClientId;

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

impl SmtpSettings {
    /// A timeout for those who set none. Long enough for a server that makes strangers wait
    /// before it greets them.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

    /// The server as `host:port`, for telling people where mail goes.
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
    /// STARTTLS, required: a server that does not offer it gets no mail and no password.
    #[default]
    Starttls,
    /// Not at all, for a relay on this machine. A password then goes over the wire as it is.
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
    #[error("user name and password belong together: the {0} is missing")]
    Credentials(&'static str),
    /// The host is empty or not a name.
    #[error("host: expected a name or an address such as smtp.example.com")]
    Host,
    /// The name for EHLO is not one.
    #[error("hello name: expected a host name such as tocsin.example.com")]
    HelloName,
    /// The timeout is zero, or so long that it is none.
    #[error("timeout: expected more than zero and at most an hour")]
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

/// The settings, checked, in the types the conversation needs.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) encryption: Encryption,
    pub(super) login: Option<Login>,
    pub(super) hello: ClientId,
    pub(super) timeout: Duration,
}

/// [`TlsMode`] with what TLS needs, so that there is no TLS without it.
pub(super) enum Encryption {
    Smtps(TlsParameters),
    Starttls(TlsParameters),
    None,
}

/// A user name and password, and the secret once more for keeping it out of messages.
pub(super) struct Login {
    pub(super) credentials: Credentials,
    pub(super) secret: Secret,
}

impl Server {
    pub(super) fn new(settings: &SmtpSettings) -> Result<Server, SettingsError> {
        // What stands in EHLO goes onto the wire as it is, so it must be one word.
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
