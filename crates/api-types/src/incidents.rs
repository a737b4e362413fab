use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Alert, EventKind, Labels, Notification, Page, Status};

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// It fires, as far as the reports say.
    Open,
    /// A report said that it ended.
    Resolved,
    /// It ended without a resolution.
    Expired,
    /// A person closed it.
    Closed,
}

/// Why an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// A report said that the alert is resolved.
    Resolved,
    /// The alert fired again, after a resolution that was never received.
    FiredAgain,
    /// It was not seen for `incidents.expire_after`.
    NotSeen,
    /// A person closed it.
    Person,
    /// It was opened by the stale copy of another Alertmanager under the same
    /// name: it has no length, and lists and statistics leave it out.
    Copy,
}

/// One firing episode of one alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// The incident's number.
    pub id: i64,
    /// The label set's hash as Alertmanager computes it, 16 hex digits.
    pub fingerprint: String,
    /// The source whose alert it is.
    pub source: String,
    /// Where it stands.
    pub state: IncidentState,
    /// Open, and not seen for longer than `incidents.stale_after`.
    pub stale: bool,
    /// When the episode began: the earliest start told.
    pub starts_at: DateTime<Utc>,
    /// When it ended; null while it is open.
    pub ends_at: Option<DateTime<Utc>>,
    /// Why it ended; null while it is open.
    #[serde(default)]
    pub end_reason: Option<EndReason>,
    /// When Tocsin first received it.
    pub first_seen_at: DateTime<Utc>,
    /// When Tocsin last received it.
    pub last_seen_at: DateTime<Utc>,
    /// How often it was told, repeats within the window not counted.
    pub occurrences: i64,
    /// How many senders have told it.
    pub senders: i64,
    /// The earlier episode of the same alert.
    pub previous_id: Option<i64>,
    /// Acknowledged or ended.
    pub known: bool,
    /// Who acknowledged it; null unless a person did.
    pub known_by: Option<String>,
    /// When it was acknowledged; null unless a person did.
    pub known_at: Option<DateTime<Utc>>,
    /// What that person wrote.
    pub memo: String,
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// The team label, or empty.
    pub team: String,
    /// Annotation `message`, else `summary`, else `description`, else empty. In a list
    /// at most 500 characters of it.
    pub message: String,
    /// All labels.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub labels: Labels,
    /// All annotations as last told.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::HashMap<String, String>))]
    pub annotations: Labels,
    /// The sender's link to the expression as last told.
    pub generator_url: String,
}

/// An incident with the first page of its log entries (newest first) and its
/// mails. Further entries: the same address with `cursor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IncidentDetail {
    /// The incident itself.
    #[serde(flatten)]
    pub incident: Incident,
    /// Its log entries, newest first.
    pub entries: Page<Alert>,
    /// The mails that told of it, newest first, at most 200.
    pub notifications: Vec<Notification>,
    /// Earlier and later episodes of the same alert, newest first, at most 20.
    pub episodes: Vec<Incident>,
    /// What happened to it, newest first, at most 200: also what people did.
    #[serde(default)]
    pub events: Vec<IncidentEvent>,
}

/// Something that happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IncidentEvent {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: DateTime<Utc>,
    /// The delivery that did it; null for what a person did.
    pub delivery_id: Option<i64>,
    /// The person who did it; null for what a delivery did.
    pub by: Option<String>,
    /// What that person wrote.
    pub memo: Option<String>,
}

/// The state that people can give an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum NewState {
    /// It is over, whatever its sender says. If it goes on firing, another incident
    /// opens, at the earliest after `incidents.window`.
    Closed,
}

/// A change to one incident. Fields left out stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IncidentPatch {
    /// Acknowledge (true) or take it back (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<bool>,
    /// Close it. An incident that has ended stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<NewState>,
    /// Up to 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub memo: Option<String>,
    /// Who does it: a display name of up to 100 characters. Left out: the name
    /// of the user or token that asks; a user can give no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Name>))]
    pub by: Option<String>,
}

/// Acknowledges several incidents: those of `ids`, or all that match `filter`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcknowledgeRequest {
    /// Up to 500 incidents.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::list_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schemas::Id>>, max_items = 500))]
    pub ids: Option<Vec<i64>>,
    /// All incidents that match, as `GET /incidents` would list them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<AcknowledgeFilter>,
    /// Acknowledge (true) or take it back (false).
    pub known: bool,
    /// Up to 4,000 characters; left out, memos stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub memo: Option<String>,
    /// Who does it: a display name of up to 100 characters. Left out: the name
    /// of the user or token that asks; a user can give no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Name>))]
    pub by: Option<String>,
}

/// Closes several incidents: those of `ids`, or all that match `filter`. Those that have
/// ended stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloseRequest {
    /// Up to 500 incidents.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole::list_or_null"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<crate::schemas::Id>>, max_items = 500))]
    pub ids: Option<Vec<i64>>,
    /// All incidents that match, as `GET /incidents` would list them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<AcknowledgeFilter>,
    /// Up to 4,000 characters; left out, memos stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 4000))]
    pub memo: Option<String>,
    /// Who does it: a display name of up to 100 characters. Left out: the name
    /// of the user or token that asks; a user can give no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Name>))]
    pub by: Option<String>,
}

/// The filters of `GET /incidents`, as a JSON object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AcknowledgeFilter {
    /// Any of these states.
    pub state: Vec<IncidentState>,
    /// Any of these statuses; an incident that is open is `firing`.
    pub status: Vec<Status>,
    /// Open and stale, or not.
    pub stale: Option<bool>,
    /// Any of these severities.
    pub severity: Vec<String>,
    /// Any of these teams.
    pub team: Vec<String>,
    /// Any of these alert names.
    pub alertname: Vec<String>,
    /// Any of these instances.
    pub instance: Vec<String>,
    /// Any of these sources.
    pub source: Vec<String>,
    /// Acknowledged or ended, or not.
    pub known: Option<bool>,
    /// Alertmanager matchers, all of which must hold.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub label: Vec<String>,
    /// Words, each of which must occur in alertname, instance or message.
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub q: Option<String>,
    /// Last seen at or after.
    pub from: Option<DateTime<Utc>>,
    /// Last seen before.
    pub to: Option<DateTime<Utc>>,
    /// Started at or after.
    pub starts_from: Option<DateTime<Utc>>,
    /// Started before.
    pub starts_to: Option<DateTime<Utc>>,
    /// Ended at or after.
    pub ends_from: Option<DateTime<Utc>>,
    /// Ended before.
    pub ends_to: Option<DateTime<Utc>>,
}

/// How many incidents were changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgeResult {
    /// Incidents that this request changed; those already so are not counted.
    pub changed: u64,
}
