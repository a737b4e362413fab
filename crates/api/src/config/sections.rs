//! The sections of the settings file, with their defaults. `tocsin.example.toml` documents the
//! keys.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};
use tocsin_mailer::{Secret, TlsMode};

use super::auth_sections::Auth;
use super::units::{BindAddress, ByteSize, Cidr, HumanDuration, PublicUrl, RetentionPeriod};

/// All settings, as in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sections {
    pub(crate) data_dir: PathBuf,
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) auth: Auth,
    pub(crate) limits: Limits,
    pub(crate) ingest: Ingest,
    pub(crate) incidents: Incidents,
    pub(crate) mail: Mail,
    pub(crate) retention: Retention,
    pub(crate) log: Log,
}

impl Default for Sections {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            server: Server::default(),
            database: Database::default(),
            auth: Auth::default(),
            limits: Limits::default(),
            ingest: Ingest::default(),
            incidents: Incidents::default(),
            mail: Mail::default(),
            retention: Retention::default(),
            log: Log::default(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) listen: BindAddress,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) body_limit: ByteSize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workers: Option<usize>,
    pub(crate) max_event_streams: usize,
    pub(crate) page_limit: u32,
    pub(crate) drain_timeout: HumanDuration,
    pub(crate) trusted_proxies: Vec<Cidr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<Tls>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: BindAddress(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            public_url: None,
            body_limit: ByteSize::mib(16),
            workers: None,
            max_event_streams: 500,
            page_limit: tocsin_storage::MAX_LIMIT,
            drain_timeout: HumanDuration::seconds(25),
            trusted_proxies: Vec::new(),
            tls: None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "redacted_url"
    )]
    pub(crate) url: Option<String>,
    pub(crate) max_connections: u32,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            max_connections: 8,
        }
    }
}

/// TLS certificate of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// Certificate chain as PEM, the server's own certificate first.
    pub(crate) cert_file: PathBuf,
    /// Private key as PEM, without a password.
    pub(crate) key_file: PathBuf,
}

/// Rate limits for one caller. Webhooks are not limited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Sustained requests per second for a user, token or address; 0 means unlimited.
    pub(crate) requests_per_second: u32,
    /// Maximum number of requests at once after a pause.
    pub(crate) burst: u32,
    /// Sign-in attempts per minute from one address; 0 means unlimited.
    pub(crate) sign_ins_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 500,
            burst: 5_000,
            sign_ins_per_minute: 20,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ingest {
    pub(crate) queue_bytes: ByteSize,
    pub(crate) cache_entries: usize,
    pub(crate) writers: usize,
    pub(crate) team_label: String,
    pub(crate) tokens: Vec<IngestToken>,
}

impl Default for Ingest {
    fn default() -> Self {
        Self {
            queue_bytes: ByteSize::mib(64),
            cache_entries: 20_000,
            writers: 4,
            team_label: "team".to_owned(),
            tokens: Vec::new(),
        }
    }
}

/// A secret for senders.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IngestToken {
    /// Name in logs and errors.
    pub(crate) name: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "redacted"
    )]
    pub(crate) token: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
    /// Source of its deliveries; without one, `?source=` applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<SourceName>,
}

/// The name of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct SourceName(String);

impl SourceName {
    /// Source of deliveries that name none.
    pub(crate) fn default_name() -> Self {
        Self("alertmanager".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SourceName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
            return Ok(Self(name));
        }
        Err("expected 1 to 64 letters, digits, \".\", \"_\" or \"-\"".to_owned())
    }
}

impl From<SourceName> for String {
    fn from(name: SourceName) -> String {
        name.0
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Incidents {
    pub(crate) window: HumanDuration,
    pub(crate) stale_after: HumanDuration,
    pub(crate) expire_after: RetentionPeriod,
}

impl Default for Incidents {
    fn default() -> Self {
        Self {
            window: HumanDuration::seconds(5 * 60),
            stale_after: HumanDuration::seconds(9 * 3600),
            expire_after: RetentionPeriod::FOREVER,
        }
    }
}

/// Language of e-mails to recipients without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    En,
    Zh,
}

impl From<Language> for tocsin_storage::enums::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::En => Self::En,
            Language::Zh => Self::Zh,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) default_language: Language,
    pub(crate) default_time_zone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template_dir: Option<PathBuf>,
    pub(crate) max_files: usize,
    pub(crate) max_file_bytes: ByteSize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) smtp: Option<SmtpSection>,
}

/// The default sender; accepted for mail files, rejected with SMTP.
pub(crate) const DEFAULT_FROM: &str = "Tocsin <tocsin@localhost>";

impl Default for Mail {
    fn default() -> Self {
        Self {
            from: DEFAULT_FROM.to_owned(),
            default_language: Language::En,
            default_time_zone: "UTC".to_owned(),
            template_dir: None,
            max_files: 1_000,
            max_file_bytes: ByteSize::mib(64),
            smtp: None,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmtpSection {
    pub(crate) host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    #[serde(default, serialize_with = "tls_word")]
    pub(crate) tls: TlsMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "redacted"
    )]
    pub(crate) password: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password_file: Option<PathBuf>,
    #[serde(default = "smtp_timeout")]
    pub(crate) timeout: HumanDuration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hello_name: Option<String>,
}

fn smtp_timeout() -> HumanDuration {
    HumanDuration::seconds(20)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    pub(crate) log: RetentionPeriod,
    pub(crate) raw_bodies: HumanDuration,
    pub(crate) refused_bytes: ByteSize,
    pub(crate) deliveries: RetentionPeriod,
    pub(crate) mails: RetentionPeriod,
    pub(crate) audit: RetentionPeriod,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) archive_dir: Option<PathBuf>,
    pub(crate) rules: Vec<RetentionRule>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            log: RetentionPeriod::FOREVER,
            raw_bodies: HumanDuration::seconds(30 * 86_400),
            refused_bytes: ByteSize::mib(64),
            deliveries: RetentionPeriod::days(400),
            mails: RetentionPeriod::days(400),
            audit: RetentionPeriod::days(400),
            archive_dir: None,
            rules: Vec::new(),
        }
    }
}

/// Retention of log entries with matching labels.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionRule {
    pub(crate) matchers: Vec<String>,
    pub(crate) keep: RetentionPeriod,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

pub(super) fn redacted<S: Serializer>(
    _: &Option<Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("[redacted]")
}

fn redacted_url<S: Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::parts::without_password(
        url.as_deref().unwrap_or_default(),
    ))
}

fn tls_word<S: Serializer>(tls: &TlsMode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match tls {
        TlsMode::Smtps => "smtps",
        TlsMode::Starttls => "starttls",
        TlsMode::None => "none",
    })
}
