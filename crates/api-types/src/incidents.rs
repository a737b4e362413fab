use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Alert, EventKind, Labels, Notification, Page, Status};

/// State of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// The alert is firing, according to the last report.
    Open,
    /// The sender reported the alert as resolved.
    Resolved,
    /// Ended without a resolution.
    Expired,
    /// Closed by a user or token.
    Closed,
}

/// Reason why an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The sender reported the alert as resolved.
    Resolved,
    /// The alert started firing again; its resolution was never received.
    FiredAgain,
    /// No update was received for `incidents.expire_after`.
    NotSeen,
    /// Closed by a user or token.
    Person,
    /// Opened by an outdated copy from another Alertmanager with the same external
    /// URL. Such an incident has no duration and is excluded from lists and
    /// statistics.
    Copy,
}

/// An incident: one firing episode of one alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// ID of the incident.
    pub id: i64,
    /// Hash of the label set as computed by Alertmanager: 16 hexadecimal digits.
    pub fingerprint: String,
    /// Source of the alert.
    pub source: String,
    /// State of the incident.
    pub state: IncidentState,
    /// Whether the incident is open and has received no update for longer than
    /// `incidents.stale_after`.
    pub stale: bool,
    /// Start of the incident: the earliest start time received.
    pub starts_at: DateTime<Utc>,
    /// End of the incident. Null while it is open.
    pub ends_at: Option<DateTime<Utc>>,
    /// Reason why the incident ended. Null while it is open.
    #[serde(default)]
    pub end_reason: Option<EndReason>,
    /// Time at which Tocsin first received the alert in this incident.
    pub first_seen_at: DateTime<Utc>,
    /// Time at which Tocsin last received the alert in this incident.
    pub last_seen_at: DateTime<Utc>,
    /// Number of times the alert was received in this incident. Repeats within the
    /// deduplication window are not counted.
    pub occurrences: i64,
    /// Number of senders that reported the incident.
    pub senders: i64,
    /// ID of the previous incident of the same alert. Null if there is none.
    pub previous_id: Option<i64>,
    /// Whether the incident is acknowledged or has ended.
    pub known: bool,
    /// Name of the user or token that acknowledged the incident. Null if not
    /// acknowledged.
    pub known_by: Option<String>,
    /// Time at which the incident was acknowledged. Null if not acknowledged.
    pub known_at: Option<DateTime<Utc>>,
    /// Note of the incident.
    pub memo: String,
    /// Value of the label `alertname`, or `(none)`.
    pub alertname: String,
    /// Value of the label `instance`. Empty if the label is missing.
    pub instance: String,
    /// Value of the label `severity`. Empty if the label is missing.
    pub severity: String,
    /// Value of the team label. Empty if the label is missing.
    pub team: String,
    /// First of the annotations `message`, `summary` and `description` that is
    /// present, else empty. Truncated to 500 characters in lists.
    pub message: String,
    /// Labels of the alert.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub labels: Labels,
    /// Annotations of the alert as last received.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub annotations: Labels,
    /// Link to the source of the alert, as last received.
    pub generator_url: String,
}

/// An incident with its log entries, events and notifications. Request the same URL
/// with `cursor` for further log entries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IncidentDetail {
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
    /// First page of the log entries, newest first.
    pub entries: Page<Alert>,
    /// Notifications about the incident, newest first. At most 200.
    pub notifications: Vec<Notification>,
    /// Earlier and later incidents of the same alert, newest first. At most 20.
    pub episodes: Vec<Incident>,
    /// Events of the incident, including user actions, newest first. At most 200.
    #[serde(default)]
    pub events: Vec<IncidentEvent>,
}

/// An event of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IncidentEvent {
    /// Type of the event.
    pub kind: EventKind,
    /// Time of the event.
    pub at: DateTime<Utc>,
    /// ID of the delivery that caused the event. Null for user actions.
    pub delivery_id: Option<i64>,
    /// Name of the user or token that caused the event. Null for deliveries.
    pub by: Option<String>,
    /// Note written with the action.
    pub memo: Option<String>,
}

/// State that an incident can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum NewState {
    /// Closed, regardless of what the sender reports. If the alert keeps firing, a new
    /// incident opens, at the earliest after `incidents.window`.
    Closed,
}

/// Parameters for updating an incident. Omitted fields are unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IncidentPatch {
    /// Acknowledge (true) or unacknowledge (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<bool>,
    /// New state. An incident that has already ended is unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<NewState>,
    /// Note. Up to 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub memo: Option<String>,
    /// Display name of the actor, up to 100 characters. Defaults to the name of the
    /// authenticated user or token. Users cannot set a different name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Name>))]
    pub by: Option<String>,
}

/// Parameters for acknowledging several incidents: either those in `ids` or all that
/// match `filter`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// IDs of up to 500 incidents.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::list_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schemas::Id>>, max_items = 500))]
    pub ids: Option<Vec<i64>>,
    /// Selects all incidents that `GET /incidents` returns with these filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<AcknowledgeFilter>,
    /// Acknowledge (true) or unacknowledge (false).
    pub known: bool,
    /// Note. Up to 4,000 characters. If omitted, notes are unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub memo: Option<String>,
    /// Display name of the actor, up to 100 characters. Defaults to the name of the
    /// authenticated user or token. Users cannot set a different name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Name>))]
    pub by: Option<String>,
}

/// Parameters for closing several incidents: either those in `ids` or all that match
/// `filter`. Incidents that have already ended are unchanged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloseRequest {
    /// IDs of up to 500 incidents.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::list_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schemas::Id>>, max_items = 500))]
    pub ids: Option<Vec<i64>>,
    /// Selects all incidents that `GET /incidents` returns with these filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<AcknowledgeFilter>,
    /// Note. Up to 4,000 characters. If omitted, notes are unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub memo: Option<String>,
    /// Display name of the actor, up to 100 characters. Defaults to the name of the
    /// authenticated user or token. Users cannot set a different name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Name>))]
    pub by: Option<String>,
}

/// Filters of `GET /incidents` as a JSON object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AcknowledgeFilter {
    /// Incidents in any of these states.
    pub state: Vec<IncidentState>,
    /// Incidents with any of these statuses. An open incident is `firing`.
    pub status: Vec<Status>,
    /// Whether the incident is stale.
    pub stale: Option<bool>,
    /// Incidents with any of these severities.
    pub severity: Vec<String>,
    /// Incidents of any of these teams.
    pub team: Vec<String>,
    /// Incidents with any of these alert names.
    pub alertname: Vec<String>,
    /// Incidents of any of these instances.
    pub instance: Vec<String>,
    /// Incidents from any of these sources.
    pub source: Vec<String>,
    /// Whether the incident is acknowledged or has ended.
    pub known: Option<bool>,
    /// Alertmanager matchers. The labels must match all of them.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub label: Vec<String>,
    /// Search words. Each must occur in the alert name, instance or message.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub q: Option<String>,
    /// Incidents active at or after this time: open, or ended no earlier.
    pub from: Option<DateTime<Utc>>,
    /// Incidents started before this time.
    pub to: Option<DateTime<Utc>>,
    /// Incidents started at or after this time.
    pub starts_from: Option<DateTime<Utc>>,
    /// Incidents started before this time.
    pub starts_to: Option<DateTime<Utc>>,
    /// Incidents ended at or after this time.
    pub ends_from: Option<DateTime<Utc>>,
    /// Incidents ended before this time.
    pub ends_to: Option<DateTime<Utc>>,
}

/// Result of a bulk update of incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgeResult {
    /// Number of incidents changed by this request. Incidents that were already in
    /// the requested state are not counted.
    pub changed: u64,
}
