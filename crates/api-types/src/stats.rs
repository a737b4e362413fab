use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A value and its number of occurrences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// Value. Empty if the label is missing.
    pub value: String,
    /// Number of occurrences.
    pub count: i64,
}

/// Statistics for a time range.
///
/// Statistics are kept longer than the alert log. Where retention has deleted log entries, only
/// hourly totals remain: the first and last hour of the range are then counted in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Start of the range, inclusive. Null if unbounded.
    pub from: Option<DateTime<Utc>>,
    /// End of the range, exclusive. Null for the current time.
    pub to: Option<DateTime<Utc>>,
    /// Number of accepted deliveries.
    pub deliveries: i64,
    /// Number of log entries.
    pub log_entries: i64,
    /// Number of incidents that were open at any time in the range.
    pub incidents: i64,
    /// Number of these incidents that are open now.
    pub open: i64,
    /// Number of the open incidents that are stale.
    pub stale: i64,
    /// Number of the open incidents that are not acknowledged.
    pub unacknowledged: i64,
    /// Log entries per incident. Null if there are no incidents.
    pub noise_ratio: Option<f64>,
    /// Incidents by severity, most frequent first.
    pub by_severity: Vec<Count>,
    /// Log entries by status.
    pub by_status: Vec<Count>,
    /// Incidents by team, most frequent first.
    pub by_team: Vec<Count>,
}

/// Dimension of `GET /stats/top`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TopBy {
    /// By alert name.
    Alertname,
    /// By instance.
    Instance,
    /// By team.
    Team,
}

/// Values with the most log entries, most frequent first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Top {
    /// Dimension of the values.
    pub by: TopBy,
    /// Values with their number of log entries.
    pub items: Vec<Count>,
}

/// Bucket width of the timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// One hour.
    #[default]
    Hour,
    /// One day, in UTC.
    Day,
}

/// Log entries over time. Buckets without entries are omitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// Bucket width.
    pub bucket: Bucket,
    /// Data points, oldest first.
    pub points: Vec<TimelinePoint>,
}

/// Log entries of one hour or day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TimelinePoint {
    /// Start of the bucket.
    pub at: DateTime<Utc>,
    /// Number of firing entries.
    pub firing: i64,
    /// Number of resolved entries.
    pub resolved: i64,
    /// Firing entries by severity, most frequent first.
    pub by_severity: Vec<Count>,
}

/// Firing log entries by hour of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Heatmap {
    /// Start of the range, inclusive. Null if unbounded.
    pub from: Option<DateTime<Utc>>,
    /// End of the range, exclusive. Null for the current time.
    pub to: Option<DateTime<Utc>>,
    /// IANA time zone of the hours.
    pub time_zone: String,
    /// Number of entries for each hour: seven days starting on Monday, with 24 hours each. Entries
    /// are counted by full UTC hours; in time zones with a fractional offset, a UTC hour counts
    /// for the local hour in which it begins.
    pub firing: Vec<Vec<i64>>,
}
