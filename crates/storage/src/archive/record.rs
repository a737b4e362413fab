//! The lines of an archive.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tocsin_core::alert::{Labels, Status};
use tocsin_core::time::Timestamp;

use crate::enums::{EndReason, EntryKind, EventKind, IncidentState};

/// Version of the lines that this program writes. It is raised by a change that an older
/// program would misread.
pub const VERSION: u32 = 1;

/// One log entry with everything it refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedEntry {
    /// Version of the line, see [`VERSION`].
    pub v: u32,
    /// Name of the database that wrote it.
    pub database: String,
    /// ID of the entry in that database.
    pub id: i64,
    /// Time of receipt.
    #[serde(with = "stamp")]
    pub received_at: Timestamp,
    /// Reported status.
    #[serde(with = "status")]
    pub status: Status,
    /// Effect on the incident.
    #[serde(with = "kind")]
    pub kind: EntryKind,
    /// Reported start.
    #[serde(with = "stamp")]
    pub starts_at: Timestamp,
    /// Reported end.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Source.
    pub source: String,
    /// Fingerprint, 16 hex digits.
    pub fingerprint: String,
    /// Content as received.
    pub said: ArchivedContent,
    /// Its incident at the time of archiving.
    pub incident: ArchivedIncident,
    /// The delivery that reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<ArchivedDelivery>,
}

/// Labels and annotations, and the fields taken from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedContent {
    /// All labels.
    pub labels: Labels,
    /// All annotations.
    pub annotations: Labels,
    /// Link to the alert in the sender (`generatorURL`).
    pub generator_url: String,
    /// Message.
    pub message: String,
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// Value of the team label, or empty.
    pub team: String,
}

/// An incident at the time of archiving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedIncident {
    /// Database ID.
    pub id: i64,
    /// Sequence number within its alert.
    pub episode: i64,
    /// State.
    #[serde(with = "state")]
    pub state: IncidentState,
    /// Start.
    #[serde(with = "stamp")]
    pub starts_at: Timestamp,
    /// End.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// End as reported by the resolution.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub reported_end: Option<Timestamp>,
    /// When the end was received, or when a person closed it.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Reason for the end.
    #[serde(default, with = "end_reason", skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// Latest start reported while firing.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub latest_start: Option<Timestamp>,
    /// End of the previous incident.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub previous_end: Option<Timestamp>,
    /// First seen; identifies the incident when it is restored.
    #[serde(with = "stamp")]
    pub first_seen_at: Timestamp,
    /// Last seen.
    #[serde(with = "stamp")]
    pub last_seen_at: Timestamp,
    /// Time of the last log entry that concerned its state.
    #[serde(with = "stamp")]
    pub last_entry_at: Timestamp,
    /// How often the alert was received.
    pub occurrences: i64,
    /// Number of senders.
    pub senders: i64,
    /// When it was acknowledged.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Timestamp>,
    /// Who acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_by: Option<String>,
    /// Latest note.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memo: String,
    /// Latest content; omitted if it equals that of the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<ArchivedContent>,
    /// Events without a log entry: expired, closed, acknowledged, unacknowledged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ArchivedEvent>,
}

/// An event of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedEvent {
    /// Kind of event.
    #[serde(with = "event")]
    pub kind: EventKind,
    /// Time.
    #[serde(with = "stamp")]
    pub at: Timestamp,
    /// ID of the log entry that reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// ID of the delivery that reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<i64>,
    /// The person who caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Note written with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

/// A delivery without its body. Its time of receipt is that of its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArchivedDelivery {
    /// Database ID.
    pub id: i64,
    /// `externalURL` of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Receiver name.
    pub receiver: String,
    /// Group key of the sender.
    pub group_key: String,
    /// Status of the group.
    #[serde(with = "maybe_status", skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Payload version.
    pub version: String,
    /// Alerts in the payload.
    pub alerts: i64,
    /// Alerts that the sender left out (`truncatedAlerts`).
    pub truncated_alerts: i64,
    /// Alerts that opened an incident.
    pub opened: i64,
    /// Alerts that resolved an incident.
    pub resolved: i64,
    /// Alerts that repeated the current state after the deduplication window.
    pub refreshed: i64,
    /// Duplicates: alerts that repeated the current state within the window.
    pub seen_again: i64,
    /// Alerts with new content, logged as updates.
    #[serde(default)]
    pub updated: i64,
    /// Alerts received out of order.
    pub late: i64,
    /// Alerts that could not be parsed, with the reasons.
    pub rejected: serde_json::Value,
    /// Alerts whose notification reached no recipient.
    pub unrouted: i64,
    /// Size of the raw body, in bytes.
    pub body_bytes: i64,
}

/// Times as RFC 3339, or as microseconds if the year does not have four digits.
mod stamp {
    use super::*;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Micros(i64),
        Text(String),
    }

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        let text = time.to_string();
        let written = match Timestamp::parse_rfc3339(&text) {
            Ok(same) if same == *time => Written::Text(text),
            _ => Written::Micros(time.as_micros()),
        };
        written.serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Timestamp, D::Error> {
        match Written::deserialize(from)? {
            Written::Micros(micros) => Ok(Timestamp::from_micros(micros)),
            Written::Text(text) => {
                Timestamp::parse_rfc3339(&text).map_err(serde::de::Error::custom)
            }
        }
    }
}

/// Names used in archives; their meaning never changes.
macro_rules! words {
    ($module:ident, $type:ty, { $($word:literal => $value:path,)+ }) => {
        mod $module {
            use super::*;

            pub(super) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(match value {
                    $($value => $word,)+
                })
            }

            pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<$type, D::Error> {
                let word = String::deserialize(from)?;
                match word.as_str() {
                    $($word => Ok($value),)+
                    _ => Err(serde::de::Error::unknown_variant(&word, &[$($word),+])),
                }
            }
        }
    };
}

words!(status, Status, {
    "firing" => Status::Firing,
    "resolved" => Status::Resolved,
});

words!(kind, EntryKind, {
    "opened" => EntryKind::Opened,
    "resolved" => EntryKind::Resolved,
    "refreshed" => EntryKind::Refreshed,
    "late" => EntryKind::Late,
    "updated" => EntryKind::Updated,
});

words!(state, IncidentState, {
    "open" => IncidentState::Open,
    "resolved" => IncidentState::Resolved,
    "expired" => IncidentState::Expired,
    "closed" => IncidentState::Closed,
});

words!(reason, EndReason, {
    "resolved" => EndReason::Resolved,
    "fired_again" => EndReason::FiredAgain,
    "not_seen" => EndReason::NoUpdates,
    "person" => EndReason::Person,
    "copy" => EndReason::Copy,
});

words!(event, EventKind, {
    "opened" => EventKind::Opened,
    "refreshed" => EventKind::Refreshed,
    "resolved" => EventKind::Resolved,
    "expired" => EventKind::Expired,
    "acknowledged" => EventKind::Acknowledged,
    "unacknowledged" => EventKind::Unacknowledged,
    "closed" => EventKind::Closed,
});

/// A name that may be omitted.
macro_rules! optional {
    ($module:ident, $words:literal, $type:ty) => {
        mod $module {
            use super::*;

            #[derive(Serialize, Deserialize)]
            struct Inner(#[serde(with = $words)] $type);

            pub(super) fn serialize<S: Serializer>(
                value: &Option<$type>,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                value.map(Inner).serialize(to)
            }

            pub(super) fn deserialize<'a, D: Deserializer<'a>>(
                from: D,
            ) -> Result<Option<$type>, D::Error> {
                Ok(Option::<Inner>::deserialize(from)?.map(|inner| inner.0))
            }
        }
    };
}

optional!(maybe, "stamp", Timestamp);
optional!(maybe_status, "status", Status);
optional!(end_reason, "reason", EndReason);
