use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// The value; empty where the label is missing.
    pub value: String,
    /// How often.
    pub count: i64,
}

/// What happened between two times, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The beginning, included; null for "since ever".
    pub from: Option<DateTime<Utc>>,
    /// The end, excluded; null for "until now".
    pub to: Option<DateTime<Utc>>,
    /// Accepted deliveries.
    pub deliveries: i64,
    /// Log entries.
    pub log_entries: i64,
    /// Incidents with a log entry in that time.
    pub incidents: i64,
    /// Of those, the ones that are open now.
    pub open: i64,
    /// Of the open ones, those that are stale.
    pub stale: i64,
    /// Of the open ones, those that nobody acknowledged.
    pub unacknowledged: i64,
    /// Log entries per incident; null where there is no incident.
    pub noise_ratio: Option<f64>,
    /// Those incidents by severity, most frequent first.
    pub by_severity: Vec<Count>,
    /// The log entries by status.
    pub by_status: Vec<Count>,
    /// Those incidents by team, most frequent first.
    pub by_team: Vec<Count>,
}

/// What `GET /stats/top` counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TopBy {
    /// The alert's name.
    Alertname,
    /// The instance.
    Instance,
    /// The team.
    Team,
}

/// The noisiest values: log entries by value, most frequent first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Top {
    /// What was counted by.
    pub by: TopBy,
    /// The values.
    pub items: Vec<Count>,
}

/// The width of a point of the timeline.
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

/// Log entries over time. Buckets without entries are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The width of a point.
    pub bucket: Bucket,
    /// The points, oldest first.
    pub points: Vec<TimelinePoint>,
}

/// The log entries of one hour or day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TimelinePoint {
    /// The bucket's beginning.
    pub at: DateTime<Utc>,
    /// Entries that said firing.
    pub firing: i64,
    /// Entries that said resolved.
    pub resolved: i64,
    /// The firing entries by severity, most frequent first.
    pub by_severity: Vec<Count>,
}
