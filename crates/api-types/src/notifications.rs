use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How far a mail has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum NotificationState {
    /// It waits for its first or next attempt.
    Queued,
    /// A worker has it.
    Sending,
    /// The SMTP server took it.
    Sent,
    /// The SMTP server refused it for good; it can be resent by hand.
    Failed,
    /// No SMTP server is configured: it was written to a file.
    Written,
    /// It was withdrawn before its first attempt: what it was to say was not so.
    Canceled,
}

/// What happened to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// It began.
    Opened,
    /// It was told again after the window.
    Refreshed,
    /// Its end was told.
    Resolved,
    /// It ended without a resolution.
    Expired,
    /// A person acknowledged it.
    Acknowledged,
    /// A person took the acknowledgement back.
    Unacknowledged,
    /// A person closed it.
    Closed,
}

/// Why a recipient gets a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The route's name; null where no route was configured and the team's
    /// group, or the default group, was used.
    pub route: Option<String>,
    /// The group's name.
    pub group: String,
}

/// One try to send a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; null while it runs, or where the process was killed.
    pub finished_at: Option<DateTime<Utc>>,
    /// What went wrong; null for a success.
    pub error: Option<String>,
}

/// One mail to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// The mail's number.
    pub id: i64,
    /// How far it has come.
    pub state: NotificationState,
    /// The delivery that owed it.
    pub delivery_id: i64,
    /// The recipient; null once that recipient is deleted.
    pub recipient_id: Option<i64>,
    /// The recipient's name at the time.
    pub recipient_name: String,
    /// The address it goes to.
    pub recipient_email: String,
    /// The subject line.
    pub subject: String,
    /// The incidents that it tells of, at most 100.
    pub incident_ids: Vec<i64>,
    /// What it tells of them.
    pub events: Vec<EventKind>,
    /// Why this recipient gets it.
    pub reasons: Vec<Reason>,
    /// When it was owed.
    pub created_at: DateTime<Utc>,
    /// When the next attempt is due; null when none is.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Every try so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// The mail that this one sends again.
    pub resend_of: Option<i64>,
}
