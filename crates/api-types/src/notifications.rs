use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// State of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum NotificationState {
    /// Waiting for the first or next attempt.
    Queued,
    /// Being sent.
    Sending,
    /// Accepted by the SMTP server.
    Sent,
    /// Permanently rejected by the SMTP server. It can be resent manually.
    Failed,
    /// Written to a file, because no SMTP server is configured.
    Written,
    /// Canceled before the first attempt, because the event that triggered it turned
    /// out to be wrong.
    Canceled,
}

/// Type of an incident event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The incident was opened.
    Opened,
    /// The alert was received again after the deduplication window.
    Refreshed,
    /// The sender reported the alert as resolved.
    Resolved,
    /// The incident ended without a resolution.
    Expired,
    /// The incident was acknowledged.
    Acknowledged,
    /// The incident was unacknowledged.
    Unacknowledged,
    /// The incident was closed by a user or token.
    Closed,
}

/// Reason why a recipient is notified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Name of the matching route. Null if the team route or the default group was
    /// used.
    pub route: Option<String>,
    /// Name of the group.
    pub group: String,
}

/// An attempt to send a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Time at which the attempt started.
    pub started_at: DateTime<Utc>,
    /// Time at which the attempt finished. Null while it is running, or if the process
    /// was killed.
    pub finished_at: Option<DateTime<Utc>>,
    /// Error message. Null if the attempt succeeded.
    pub error: Option<String>,
}

/// A notification to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// ID of the notification.
    pub id: i64,
    /// State of the notification.
    pub state: NotificationState,
    /// ID of the delivery that triggered the notification.
    pub delivery_id: i64,
    /// ID of the recipient. Null if the recipient was deleted.
    pub recipient_id: Option<i64>,
    /// Name of the recipient at that time.
    pub recipient_name: String,
    /// E-mail address that the notification is sent to.
    pub recipient_email: String,
    /// Subject line.
    pub subject: String,
    /// IDs of the incidents in the notification. At most 100.
    pub incident_ids: Vec<i64>,
    /// Types of the incident events in the notification.
    pub events: Vec<EventKind>,
    /// Reasons why this recipient is notified.
    pub reasons: Vec<Reason>,
    /// Time at which the notification was queued.
    pub created_at: DateTime<Utc>,
    /// Time of the next attempt. Null if none is scheduled.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// All attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// ID of the notification that this one resends. Null if it is not a resend.
    pub resend_of: Option<i64>,
}
