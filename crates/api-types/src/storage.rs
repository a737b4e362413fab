use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Storage used by one part of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoragePart {
    /// Name of the part: `log`, `incidents`, `alerts`, `deliveries`, `bodies`,
    /// `mails`, `statistics` or `other`.
    pub name: String,
    /// Size in bytes. An estimate on SQLite.
    pub bytes: i64,
}

/// Forecast of the database size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageForecast {
    /// Number of days from now.
    pub days: u32,
    /// Predicted size in bytes, based on the recent ingest rate and the current
    /// retention settings.
    pub bytes: i64,
}

/// Database size, its breakdown and a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StorageStatus {
    /// Time of the measurement. At most one minute old.
    pub measured_at: DateTime<Utc>,
    /// Database size on disk in bytes.
    pub bytes: i64,
    /// Unused bytes in `bytes`, which are reused before the database grows.
    pub free_bytes: i64,
    /// Breakdown of the used bytes.
    pub parts: Vec<StoragePart>,
    /// Number of log entries. An estimate if there are many.
    pub log_entries: i64,
    /// Average number of log entries per day over the last seven days.
    pub log_entries_per_day: f64,
    /// Average size in bytes of a log entry, including its incident and alert. Null if
    /// there are no log entries.
    pub bytes_per_log_entry: Option<f64>,
    /// Time at which the oldest log entry was received. Null if there are none.
    pub oldest_log_entry: Option<DateTime<Utc>>,
    /// Forecast for 30 and for 365 days.
    pub forecast: Vec<StorageForecast>,
}
