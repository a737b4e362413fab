//! What a mail says, as plain data.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Address;

/// The language a recipient reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl Language {
    /// Every language there are words for.
    pub const ALL: [Language; 2] = [Language::En, Language::Zh];

    /// The BCP 47 tag for the HTML `lang` attribute.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Zh => "zh-CN",
        }
    }

    /// The name of its folder and word list under `templates/email`: `en` or `zh`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::Zh => "zh",
        }
    }
}

/// What happened to an incident that makes a mail owed.
///
/// A type of this crate, because acknowledging is an incident event too and never a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// It began to fire.
    Opened,
    /// It still fires, and Alertmanager repeated it.
    Refreshed,
    /// Its resolution came.
    Resolved,
    /// It ended without a resolution ever coming.
    Expired,
    /// A person closed it.
    Closed,
}

impl EventKind {
    /// Whether the alert fires after this event.
    #[must_use]
    pub fn is_firing(self) -> bool {
        matches!(self, EventKind::Opened | EventKind::Refreshed)
    }

    /// The name templates see: `opened`, `refreshed`, `resolved`, `expired` or `closed`.
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

/// One incident event, with what was known of its alert then.
///
/// All texts are as they were received: anything may be empty, absurdly long, or hold HTML, line
/// breaks and control characters. Rendering makes them harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifiedAlert {
    /// What happened.
    pub event: EventKind,
    /// The incident, for the link to it.
    pub incident_id: i64,
    /// Normalized `alertname`.
    pub alertname: String,
    /// Normalized `instance`; empty when the label is missing.
    pub instance: String,
    /// Normalized `severity`; empty when the label is missing.
    pub severity: String,
    /// Normalized `team`; empty when the label is missing.
    pub team: String,
    /// Annotation `message`, else `summary`, else `description`, else empty.
    pub message: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// All annotations.
    pub annotations: BTreeMap<String, String>,
    /// Prometheus' link to the graph; linked only when it is http or https.
    pub generator_url: String,
    /// When the episode began.
    pub starts_at: DateTime<Utc>,
    /// When it ended; `None` while it fires.
    pub ends_at: Option<DateTime<Utc>>,
    /// How many times it was heard of, one at least.
    pub occurrences: i64,
}

/// One reason why this recipient gets this mail.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The route's name; `None` when no route decided (the group named like the team, or the
    /// default group).
    pub route: Option<String>,
    /// The group the recipient is in.
    pub group: String,
}

/// Everything one mail is made of.
///
/// Rendering reads nothing else: no clock, no setting, no database. What is stored with the
/// outbox row and what the recipient's row says now are put together by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailContent {
    /// Who it is from.
    pub from: Address,
    /// Who it is for. One mail has one recipient, so that a bad address spoils only its own mail.
    pub to: Address,
    /// The language to write in.
    pub language: Language,
    /// The zone in which times are written.
    pub time_zone: chrono_tz::Tz,
    /// `local@domain`, without angle brackets. The same for every attempt; a resend by hand has
    /// its own.
    pub message_id: String,
    /// `local@domain` of the thread's root. Virtual: no mail with this id is ever sent, every
    /// mail of the thread refers to it. So the first mail that arrives, whichever it is, starts
    /// the thread.
    pub thread_id: String,
    /// The subject of every mail in this thread, chosen when the group's firing period began
    /// (see [`subject_stem`](crate::subject_stem)).
    pub subject_stem: String,
    /// The base of all links, with its path prefix; without one the mail has no links to Tocsin.
    pub public_url: Option<url::Url>,
    /// The source the delivery came from.
    pub source: String,
    /// Alertmanager's receiver.
    pub receiver: String,
    /// What happened, one at least.
    pub events: Vec<NotifiedAlert>,
    /// How many alerts of the group fire unchanged and are not in `events`.
    pub still_firing: usize,
    /// A few of them, as `alertname instance`.
    pub still_firing_names: Vec<String>,
    /// How many alerts Alertmanager left out of the delivery (`max_alerts`).
    pub truncated_alerts: u64,
    /// Why this recipient gets it.
    pub reasons: Vec<Reason>,
    /// The mail's `Date`: when it became owed, not when an attempt was made.
    pub date: DateTime<Utc>,
    /// A person asked for it to be sent again.
    pub resend: bool,
}
