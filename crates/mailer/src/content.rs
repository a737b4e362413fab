//! Content of a mail, as plain data.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Address;

/// Language of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl Language {
    /// All supported languages.
    pub const ALL: [Language; 2] = [Language::En, Language::Zh];

    /// The BCP 47 tag for the HTML `lang` attribute.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Zh => "zh-CN",
        }
    }

    /// Name of its folder and word list under `templates/email`: `en` or `zh`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Zh => "zh",
        }
    }
}

/// The incident event that triggered the notification.
///
/// A type of this crate, because other incident events, such as acknowledging, never trigger a
/// mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The incident was opened.
    Opened,
    /// The alert is still firing, and Alertmanager repeated it.
    Refreshed,
    /// The resolution was received.
    Resolved,
    /// The incident ended without a resolution.
    Expired,
    /// A person closed the incident.
    Closed,
}

impl EventKind {
    /// Whether the alert is firing after this event.
    #[must_use]
    pub fn is_firing(self) -> bool {
        matches!(self, EventKind::Opened | EventKind::Refreshed)
    }

    /// Name for templates: `opened`, `refreshed`, `resolved`, `expired` or `closed`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Opened => "opened",
            EventKind::Refreshed => "refreshed",
            EventKind::Resolved => "resolved",
            EventKind::Expired => "expired",
            EventKind::Closed => "closed",
        }
    }
}

/// One incident event, with the alert's content at that time.
///
/// All strings are as received: they may be empty, very long, or contain HTML, line breaks and
/// control characters. Rendering sanitizes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifiedAlert {
    /// The event.
    pub event: EventKind,
    /// Incident ID, for the link.
    pub incident_id: i64,
    /// Normalized `alertname`.
    pub alertname: String,
    /// Normalized `instance`; empty if the label is missing.
    pub instance: String,
    /// Normalized `severity`; empty if the label is missing.
    pub severity: String,
    /// Normalized `team`; empty if the label is missing.
    pub team: String,
    /// Annotation `message`, else `summary`, else `description`, else empty.
    pub message: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// All annotations.
    pub annotations: BTreeMap<String, String>,
    /// Prometheus' link to the graph; linked only if it is http or https.
    pub generator_url: String,
    /// Start of the incident.
    pub starts_at: DateTime<Utc>,
    /// End of the incident; `None` while it is open.
    pub ends_at: Option<DateTime<Utc>>,
    /// Times received, at least 1.
    pub occurrences: i64,
}

/// One reason why the recipient is notified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// Name of the route; `None` for the team route and the default group.
    pub route: Option<String>,
    /// A group of the recipient.
    pub group: String,
}

/// Everything that one mail is rendered from.
///
/// Rendering reads nothing else: no clock, no setting, no database. The caller combines the stored
/// outbox row with the recipient's current row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailContent {
    /// Sender.
    pub from: Address,
    /// Recipient. A mail has one recipient, so that an invalid address affects only its own mail.
    pub to: Address,
    /// Language of the mail.
    pub language: Language,
    /// Time zone of all times in the mail.
    pub time_zone: chrono_tz::Tz,
    /// `local@domain`, without angle brackets. The same for every attempt; a manual resend has a
    /// new one.
    pub message_id: String,
    /// `local@domain` of the thread's root. No mail with this ID is ever sent, but every mail of
    /// the thread refers to it, so the first mail to arrive starts the thread, whichever it is.
    pub thread_id: String,
    /// Subject of every mail in this thread, chosen at the start of the group's firing period (see
    /// [`subject_stem`](crate::subject_stem)).
    pub subject_stem: String,
    /// Base URL of all links, with its path prefix; `None` for no links to Tocsin.
    pub public_url: Option<url::Url>,
    /// Source of the delivery.
    pub source: String,
    /// Alertmanager's receiver.
    pub receiver: String,
    /// The events, at least one.
    pub events: Vec<NotifiedAlert>,
    /// Number of alerts of the group that are still firing, unchanged and not in `events`.
    pub still_firing: usize,
    /// A few of them, as `alertname instance`.
    pub still_firing_names: Vec<String>,
    /// Number of alerts that Alertmanager left out of the delivery (`max_alerts`).
    pub truncated_alerts: u64,
    /// Why this recipient is notified.
    pub reasons: Vec<Reason>,
    /// The mail's `Date`: when the notification was triggered, not when it was sent.
    pub date: DateTime<Utc>,
    /// Whether a person requested a resend.
    pub resend: bool,
}
