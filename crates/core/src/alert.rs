//! A parsed delivery: the types that the rest of the program works with.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::fingerprint::Fingerprint;
use crate::time::Timestamp;

/// Label or annotation names and their values, in byte order of the names.
pub type Labels = BTreeMap<String, String>;

/// Alert status as reported.
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

/// The string is not a status.
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

/// One alert as received in one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedAlert {
    /// Firing or resolved.
    pub status: Status,
    /// The fingerprint as sent, or computed if none (or an invalid one) was sent.
    pub fingerprint: Fingerprint,
    /// All labels as received, including those with an empty value.
    pub labels: Labels,
    /// All annotations as received.
    pub annotations: Labels,
    /// `None` if not reported or the zero time.
    pub starts_at: Option<Timestamp>,
    /// `None` if not reported or the zero time. A firing alert may have one: "valid until".
    pub ends_at: Option<Timestamp>,
    /// The link to the graph as received: not necessarily a URL, and never to be trusted as one.
    pub generator_url: String,
    /// The fields for filters and search.
    pub fields: AlertFields,
}

/// Fields extracted from labels and annotations by [`crate::normalize`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFields {
    /// Label `alertname`, else [`crate::normalize::NO_ALERTNAME`].
    pub alertname: String,
    /// Label `instance`, else empty.
    pub instance: String,
    /// Label `severity` as received, else empty.
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
    /// Status of the group, not of any single alert.
    pub status: Option<Status>,
    /// URL of the sender; may be empty.
    pub external_url: String,
    /// Version of the format; may be empty.
    pub version: String,
    /// Opaque; may be empty. An integer (version "3") is kept as its digits.
    pub group_key: String,
    /// The labels that define the group.
    pub group_labels: Labels,
    /// Number of alerts that the sender left out. They were not received, and are not resolved.
    pub truncated_alerts: u64,
    /// The valid alerts, in the order sent.
    pub alerts: Vec<ReceivedAlert>,
    /// The alerts that could not be parsed.
    pub rejected: Vec<RejectedAlert>,
    /// Number of entries in `alerts` on the wire, valid and rejected.
    pub total: usize,
}

/// An alert that could not be parsed; the other alerts of the body are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedAlert {
    /// Index in the body's `alerts`, from 0.
    pub index: usize,
    /// The error, for a person; names the field.
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
