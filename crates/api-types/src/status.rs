use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Language;

/// Destination of e-mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MailMode {
    /// Sent to an SMTP server.
    Smtp,
    /// Written to files in the data directory, because no SMTP server is configured.
    File,
}

/// Status of e-mail delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailStatus {
    /// Destination of e-mail.
    pub mode: MailMode,
    /// Time since which the SMTP server has been unavailable. Null if it is available.
    pub paused_since: Option<DateTime<Utc>>,
    /// Error of the SMTP server. Null if it is available.
    pub error: Option<String>,
    /// Number of queued notifications. Always 0 for users and tokens with restricted
    /// visibility.
    pub queued: i64,
    /// Age of the oldest queued notification in seconds. Null if there is none, and for
    /// users and tokens with restricted visibility.
    pub oldest_seconds: Option<i64>,
}

/// Database corruption found since startup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// Whether the database reports corruption. `/readyz` then returns 503 until a restart.
    pub damaged: bool,
    /// Known tables of the failed statements.
    pub damaged_tables: Vec<String>,
    /// Number of single rows that cannot be read. At most 20 are counted.
    pub unreadable_rows: i64,
}

/// System information shown on every page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemStatus {
    /// Version of Tocsin.
    pub version: String,
    /// Whether the database contains demo data.
    pub demo: bool,
    /// Whether webhook requests require a token.
    pub ingest_token_required: bool,
    /// Webhook URL for the Alertmanager configuration.
    pub webhook_url: String,
    /// Status of e-mail delivery.
    pub mail: MailStatus,
    /// Database corruption found.
    pub database: DatabaseStatus,
    /// Default language of new recipients.
    pub default_language: Language,
    /// Default IANA time zone of new recipients.
    pub default_time_zone: String,
    /// Number of seconds without an update after which an open incident is stale.
    pub stale_after_seconds: i64,
    /// Whether any alert has been received.
    pub has_alerts: bool,
}
