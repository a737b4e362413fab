use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A part of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoragePart {
    /// `log`, `incidents`, `alerts`, `deliveries`, `bodies`, `mails`,
    /// `statistics` or `other`.
    pub name: String,
    /// What it takes, in bytes. On SQLite an estimate.
    pub bytes: i64,
}

/// How large the database will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageForecast {
    /// In how many days.
    pub days: u32,
    /// Its size then, in bytes, if each day brings as much as of late and
    /// retention stays as it is set.
    pub bytes: i64,
}

/// How large the database is, what of, and how large it will be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageStatus {
    /// When this was measured: at most a minute ago.
    pub measured_at: DateTime<Utc>,
    /// The database on the disk, in bytes.
    pub bytes: i64,
    /// Bytes of these that hold nothing at present, and are filled first.
    pub free_bytes: i64,
    /// What the others hold.
    pub parts: Vec<StoragePart>,
    /// Log entries; an estimate where there are many.
    pub log_entries: i64,
    /// Log entries a day, over the last seven days.
    pub log_entries_per_day: f64,
    /// What a log entry takes with its incident and its alert, in bytes; null
    /// while there is none.
    pub bytes_per_log_entry: Option<f64>,
    /// When the oldest log entry was received.
    pub oldest_log_entry: Option<DateTime<Utc>>,
    /// In 30 and in 365 days.
    pub forecast: Vec<StorageForecast>,
}
