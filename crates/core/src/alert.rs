//! What a delivery says, after parsing: the types the rest of the program works with.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::fingerprint::Fingerprint;
use crate::time::Timestamp;

/// Label or annotation names and their values, in byte order of the names.
pub type Labels = BTreeMap<String, String>;

/// What an alert is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The condition holds.
    Firing,
    /// The condition no longer holds.
    Resolved,
}

impl Status {
    /// The word on the wire, in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is \"firing\" or \"resolved\"")]
pub struct InvalidStatus;

/// `firing` or `resolved`, in any case.
impl FromStr for Status {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Firing, Self::Resolved]
            .into_iter()
            .find(|status| text.eq_ignore_ascii_case(status.as_str()))
            .ok_or(InvalidStatus)
    }
}

/// One alert as one delivery told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedAlert {
    /// Firing or resolved.
    pub status: Status,
    /// The sent fingerprint, or the computed one where none (or no readable one) was sent.
    pub fingerprint: Fingerprint,
    /// All labels as told, empty-valued ones included.
    pub labels: Labels,
    /// All annotations as told.
    pub annotations: Labels,
    /// `None`: not said, or the zero time.
    pub starts_at: Option<Timestamp>,
    /// `None`: not said, or the zero time. A firing alert may carry one: "valid until".
    pub ends_at: Option<Timestamp>,
    /// The link to the graph, as told: not necessarily a URL, and never to be trusted as one.
    pub generator_url: String,
    /// What people filter and search by.
    pub fields: AlertFields,
}

/// The fields taken out of labels and annotations, by [`crate::normalize`]'s rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFields {
    /// Label `alertname`, else [`crate::normalize::NO_ALERTNAME`].
    pub alertname: String,
    /// Label `instance`, else empty.
    pub instance: String,
    /// Label `severity`, as written, else empty.
    pub severity: String,
    /// The label that the setting `team_label` names, else empty.
    pub team: String,
    /// Annotation `message`, else `summary`, else `description`, else empty.
    pub message: String,
}

/// One webhook body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookPayload {
    /// Alertmanager's receiver name, regexp-quoted as older versions send it; may be empty.
    pub receiver: String,
    /// The group's status; speaks of no single alert.
    pub status: Option<Status>,
    /// Which sender this is; may be empty.
    pub external_url: String,
    /// The format's version as text; may be empty.
    pub version: String,
    /// Opaque; may be empty. An integer (version "3") is kept as its digits.
    pub group_key: String,
    /// The labels the group is made by.
    pub group_labels: Labels,
    /// How many alerts the sender left out. They were not seen, and are not resolved.
    pub truncated_alerts: u64,
    /// The alerts that could be read, in the order sent.
    pub alerts: Vec<ReceivedAlert>,
    /// The alerts that could not.
    pub rejected: Vec<RejectedAlert>,
    /// How many entries `alerts` had on the wire: the readable and the rejected ones.
    pub total: usize,
}

/// An alert of a body that could not be read; its neighbours were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedAlert {
    /// Its place in the body's `alerts`, from 0.
    pub index: usize,
    /// What is wrong, for a person; names the field.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_in_any_case_and_nothing_else_is() {
        assert_eq!("firing".parse(), Ok(Status::Firing));
        assert_eq!("Resolved".parse(), Ok(Status::Resolved));
        for text in ["", "alerting", "firing ", "ok"] {
            assert_eq!(text.parse::<Status>(), Err(InvalidStatus), "{text}");
        }
        assert_eq!(Status::Firing.to_string(), "firing");
    }
}
