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
///
/// Statistics outlive the log. Where retention has deleted log entries, only whole hours are known:
/// an hour that a range begins or ends in is then counted as a whole.
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
    /// Incidents that were open at some time in it: those that began before its end, but for those
    /// that ended before its beginning.
    pub incidents: i64,
    /// Of those, the ones that are open now.
    pub open: i64,
    /// Of the open ones, those that are stale.
    pub stale: i64,
    /// Of the open ones, those that nobody acknowledged.
    pub unacknowledged: i64,
    /// Log entries for each of those incidents; null where there is no incident.
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

/// Entries that said firing, by the hour of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Heatmap {
    /// The beginning, included; null for "since ever".
    pub from: Option<DateTime<Utc>>,
    /// The end, excluded; null for "until now".
    pub to: Option<DateTime<Utc>>,
    /// The time zone whose week it is, by its IANA name.
    pub time_zone: String,
    /// Seven days, Monday first, each with its 24 hours, midnight first. Counted are whole hours of
    /// UTC: in a zone that is not whole hours from it, an hour counts where it begins.
    pub firing: Vec<Vec<i64>>,
}
