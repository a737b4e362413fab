//! The lines of an archive.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tocsin_core::alert::{Labels, Status};
use tocsin_core::time::Timestamp;

use crate::enums::{EndReason, EntryKind, EventKind, IncidentState};

/// The version of the lines that this program writes. A change that an older
/// program would misread raises it.
pub const VERSION: u32 = 1;

/// One log entry with all that it points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedEntry {
    /// The line's version, see [`VERSION`].
    pub v: u32,
    /// The name of the database that wrote it.
    pub database: String,
    /// The entry's number there.
    pub id: i64,
    /// When it was received.
    #[serde(with = "stamp")]
    pub received_at: Timestamp,
    /// What was said.
    #[serde(with = "status")]
    pub status: Status,
    /// What it did to its incident.
    #[serde(with = "kind")]
    pub kind: EntryKind,
    /// The start as told.
    #[serde(with = "stamp")]
    pub starts_at: Timestamp,
    /// The end as told.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// The source.
    pub source: String,
    /// 16 hex digits.
    pub fingerprint: String,
    /// What it was told with.
    pub said: ArchivedContent,
    /// Its incident, as it was when the line was written.
    pub incident: ArchivedIncident,
    /// The delivery that told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<ArchivedDelivery>,
}

/// Labels, annotations, and the facts taken from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedContent {
    /// All labels.
    pub labels: Labels,
    /// All annotations.
    pub annotations: Labels,
    /// The sender's link.
    pub generator_url: String,
    /// The message.
    pub message: String,
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// The team label, or empty.
    pub team: String,
}

/// An incident as it was when the line was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedIncident {
    /// Its number.
    pub id: i64,
    /// Which episode of its series it is.
    pub episode: i64,
    /// Where it stood.
    #[serde(with = "state")]
    pub state: IncidentState,
    /// Its start.
    #[serde(with = "stamp")]
    pub starts_at: Timestamp,
    /// Its end.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// The end as its resolution reported it.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub reported_end: Option<Timestamp>,
    /// When the end was received or made.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Why it ended.
    #[serde(default, with = "end_reason", skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// The greatest start that a firing of it reported.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub latest_start: Option<Timestamp>,
    /// The end of the episode before.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub previous_end: Option<Timestamp>,
    /// When it was first heard of; by this it is known again.
    #[serde(with = "stamp")]
    pub first_seen_at: Timestamp,
    /// When it was last heard of.
    #[serde(with = "stamp")]
    pub last_seen_at: Timestamp,
    /// When its state last got an entry.
    #[serde(with = "stamp")]
    pub last_entry_at: Timestamp,
    /// How often it was told.
    pub occurrences: i64,
    /// By how many senders.
    pub senders: i64,
    /// When a person acknowledged it.
    #[serde(default, with = "maybe", skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Timestamp>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_by: Option<String>,
    /// What was noted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memo: String,
    /// What it was last told with; `None` in a line: the same as the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<ArchivedContent>,
    /// What no entry tells of it: expired, closed, acknowledged, and taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<ArchivedEvent>,
}

/// What happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArchivedEvent {
    /// What.
    #[serde(with = "event")]
    pub kind: EventKind,
    /// When.
    #[serde(with = "stamp")]
    pub at: Timestamp,
    /// The entry that told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<i64>,
    /// The delivery that told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<i64>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// What was noted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
}

/// A delivery, without its body. It arrived when its entries were received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArchivedDelivery {
    /// Its number.
    pub id: i64,
    /// The sender's `externalURL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The receiver's name.
    pub receiver: String,
    /// The sender's key of the group.
    pub group_key: String,
    /// The group's status.
    #[serde(with = "maybe_status", skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The body's version.
    pub version: String,
    /// Alerts in the body.
    pub alerts: i64,
    /// Alerts that the sender left out.
    pub truncated_alerts: i64,
    /// Alerts that opened an incident.
    pub opened: i64,
    /// Alerts that closed one.
    pub resolved: i64,
    /// Alerts that repeated a state after the window.
    pub refreshed: i64,
    /// Alerts that repeated a state within the window.
    pub seen_again: i64,
    /// Alerts whose new content is in the log.
    #[serde(default)]
    pub updated: i64,
    /// Alerts that told an overtaken state.
    pub late: i64,
    /// Alerts that could not be read, with the reasons.
    pub rejected: serde_json::Value,
    /// Alerts that owed mail and reached nobody.
    pub unrouted: i64,
    /// The raw body's size, in bytes.
    pub body_bytes: i64,
}

/// Times as RFC 3339; as microseconds where a year has not four digits.
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

/// Words of an archive and what they mean; they keep their meaning for ever.
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

/// A word that may be left out.
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
