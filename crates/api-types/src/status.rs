use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Language;

/// Where mail goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum MailMode {
    /// To an SMTP server.
    Smtp,
    /// To files under the data directory: no SMTP server is configured.
    File,
}

/// How mail is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailStatus {
    /// Where mail goes.
    pub mode: MailMode,
    /// Since when the SMTP server cannot be used; null while all is well.
    pub paused_since: Option<DateTime<Utc>>,
    /// Why it cannot be used.
    pub error: Option<String>,
    /// Mails that wait to be sent; 0 for somebody who sees only some alerts.
    pub queued: i64,
    /// How long the oldest of them has waited, in seconds; null for somebody who
    /// sees only some alerts.
    pub oldest_seconds: Option<i64>,
}

/// Damage found in the database since the program started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// The database reports that it is damaged. `/readyz` answers 503 until a restart.
    pub damaged: bool,
    /// Tables of the statements that found it, as far as known.
    pub damaged_tables: Vec<String>,
    /// Stored rows that cannot be read, while all others can; 20 are counted at most.
    pub unreadable_rows: i64,
}

/// What the browser shows around every page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SystemStatus {
    /// The program's version.
    pub version: String,
    /// This database holds made-up history.
    pub demo: bool,
    /// Webhooks need a token.
    pub ingest_token_required: bool,
    /// The address that Alertmanager should post to.
    pub webhook_url: String,
    /// How mail is doing.
    pub mail: MailStatus,
    /// Damage in the database.
    pub database: DatabaseStatus,
    /// The default language of new recipients.
    pub default_language: Language,
    /// The default zone of new recipients.
    pub default_time_zone: String,
    /// After how many seconds without news an open incident is stale.
    pub stale_after_seconds: i64,
    /// Whether any alert was ever received.
    pub has_alerts: bool,
}
