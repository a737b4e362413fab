//! The outbox as its workers see it: they lease notifications, try to send them, and record
//! the result.
//!
//! A lease is longer than the longest attempt, and only the worker that holds the lease can
//! record a result. So a notification is never sent by two workers at once, and a killed
//! worker loses nothing.

mod material;

use sea_orm::FromQueryResult;
use serde::Deserialize;
use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::enums::{Coded, Language, NotificationState};
use crate::{Backend, Db, StorageError, Tx, query};

pub use material::{NotificationData, NotifiedEvent, notification_data};

/// A notification leased by a worker.
#[derive(Clone, Debug)]
pub struct LeasedNotification {
    /// Database ID.
    pub id: i64,
    /// ID of the current attempt.
    pub attempt_id: i64,
    /// Number of the current attempt, from 1.
    pub tries: i64,
    /// ID of the delivery that triggered it.
    pub delivery_id: i64,
    /// Recipient name.
    pub to_name: String,
    /// Recipient e-mail address.
    pub to_email: String,
    /// Recipient language.
    pub language: Language,
    /// Recipient time zone.
    pub time_zone: String,
    /// Message-ID, `local@domain`.
    pub message_id: String,
    /// Message-ID of the thread's root, `local@domain`.
    pub thread_id: String,
    /// Subject of the thread.
    pub subject: String,
    /// Why the recipient is notified.
    pub reasons: Vec<NotificationReason>,
    /// Unchanged alerts of the group that are still firing.
    pub still_firing: i64,
    /// A few of their names.
    pub still_firing_names: Vec<String>,
    /// Alerts that the sender left out of the delivery (`truncatedAlerts`).
    pub truncated_alerts: i64,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Whether a person requested it by resending.
    pub resend: bool,
}

/// Why a recipient is notified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NotificationReason {
    /// Name of the route that matched, if one did.
    pub route: Option<String>,
    /// Group name.
    pub group: String,
}

/// Result of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// Final: `Sent`, `Written` or `Failed`.
    Done {
        /// The final state.
        state: NotificationState,
        /// Error message, if it failed.
        error: Option<String>,
    },
    /// To be retried.
    Later {
        /// Earliest time of the next attempt.
        at: Timestamp,
        /// Error message.
        error: String,
    },
}

/// A worker's claim on notifications.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'a> {
    /// Unique token of this lease.
    pub token: &'a str,
    /// Current time.
    pub now: Timestamp,
    /// Expiry of the lease.
    pub until: Timestamp,
    /// Maximum number of notifications.
    pub limit: u32,
}

/// Leases notifications that are due or whose lease expired, the longest due first. Each
/// gets an attempt row, which the caller commits before it sends.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn lease(tx: &Tx, lease: Lease<'_>) -> Result<Vec<LeasedNotification>, StorageError> {
    let skip = match tx.backend {
        Backend::Sqlite => "",
        Backend::Postgres => "FOR UPDATE SKIP LOCKED",
    };
    let sql = format!(
        "UPDATE notifications SET state = 1, lease_token = ?, lease_until = ?, tries = tries + 1 \
         WHERE id IN (SELECT id FROM notifications \
         WHERE (state = 0 AND next_attempt_at <= ?) OR (state = 1 AND lease_until < ?) \
         ORDER BY next_attempt_at, id LIMIT ? {skip}) \
         RETURNING id, tries, delivery_id, to_name, to_email, language, time_zone, message_id, \
         thread_id, subject, reasons, still_firing, still_firing_names, truncated_alerts, \
         created_at, resend_of"
    );
    let now = lease.now.as_micros();
    let values = vec![
        lease.token.into(),
        lease.until.as_micros().into(),
        now.into(),
        now.into(),
        i64::from(lease.limit).into(),
    ];
    let mut rows: Vec<LeasedRow> = query::all(tx, &sql, values).await?;
    rows.sort_unstable_by_key(|row| row.id);
    let mut notifications = Vec::with_capacity(rows.len());
    for row in rows {
        let attempts = query::numbers(
            tx,
            "INSERT INTO attempts (notification_id, started_at) VALUES (?, ?) RETURNING id AS n",
            vec![row.id.into(), now.into()],
        )
        .await?;
        notifications.push(row.read(attempts.first().copied().unwrap_or_default())?);
    }
    Ok(notifications)
}

/// Records the result of an attempt, if the lease still holds.
///
/// # Errors
/// [`StorageError::Stale`] if it does not: another worker has leased the notification.
pub async fn record_result(
    tx: &Tx,
    notification: &LeasedNotification,
    token: &str,
    result: &AttemptResult,
    now: Timestamp,
) -> Result<(), StorageError> {
    let (state, next, error) = match result {
        AttemptResult::Done { state, error } => (*state, None, error.as_deref()),
        AttemptResult::Later { at, error } => (
            NotificationState::Queued,
            Some(at.as_micros()),
            Some(error.as_str()),
        ),
    };
    let updated = tx
        .execute(
            "UPDATE notifications SET state = ?, next_attempt_at = ?, lease_token = NULL, \
             lease_until = NULL WHERE id = ? AND lease_token = ?",
            vec![
                state.code().into(),
                next.into(),
                notification.id.into(),
                token.into(),
            ],
        )
        .await?;
    if updated != 1 {
        return Err(StorageError::Stale("notification"));
    }
    tx.execute(
        "UPDATE attempts SET finished_at = ?, error = ? WHERE id = ?",
        vec![
            now.as_micros().into(),
            error.map(query::without_nul).into(),
            notification.attempt_id.into(),
        ],
    )
    .await?;
    changes::insert(tx, notification.id, &Change::Notification { state }, now).await
}

/// Releases the leases of notifications that were not tried, at shutdown, and deletes their
/// attempts.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn release(
    tx: &Tx,
    token: &str,
    notifications: &[LeasedNotification],
) -> Result<(), StorageError> {
    let mut attempts = Vec::new();
    for notification in notifications {
        let released = tx
            .execute(
                "UPDATE notifications SET state = 0, lease_token = NULL, lease_until = NULL, \
                 tries = tries - 1 WHERE id = ? AND lease_token = ?",
                vec![notification.id.into(), token.into()],
            )
            .await?;
        if released == 1 {
            attempts.push(notification.attempt_id);
        }
    }
    let list = query::id_list(tx.backend);
    let sql = format!("DELETE FROM attempts WHERE id IN ({list})");
    tx.execute(&sql, vec![query::ids(&attempts)]).await?;
    Ok(())
}

/// Releases all leases, at the start of a program with exclusive use of the database: their
/// holders no longer run.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn release_all(tx: &Tx) -> Result<u64, StorageError> {
    tx.execute(
        "UPDATE notifications SET state = 0, lease_token = NULL, lease_until = NULL \
         WHERE state = 1",
        vec![],
    )
    .await
}

/// Number of waiting notifications and the age of the oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Notifications that are queued or being sent.
    pub waiting: i64,
    /// When the oldest of them was queued.
    pub oldest: Option<Timestamp>,
}

/// Counts the waiting notifications.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn depth(db: &Db) -> Result<OutboxDepth, StorageError> {
    let sql = "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM notifications \
               WHERE state IN (0, 1)";
    let row: Option<DepthRow> = query::first(db, sql, vec![]).await?;
    Ok(row.map_or_else(OutboxDepth::default, |row| OutboxDepth {
        waiting: row.waiting,
        oldest: row.oldest.map(query::time),
    }))
}

/// Returns the due time of the next queued notification, if there is one.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, StorageError> {
    let sql = "SELECT MIN(next_attempt_at) AS oldest, COUNT(*) AS waiting FROM notifications \
               WHERE state = 0";
    let row: Option<DepthRow> = query::first(db, sql, vec![]).await?;
    Ok(row.and_then(|row| row.oldest).map(query::time))
}

/// Whether a notification is due at `now` or is being sent.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn are_any_due(db: &Db, now: Timestamp) -> Result<bool, StorageError> {
    let sql = "SELECT COUNT(*) AS n FROM notifications \
               WHERE state = ? OR (state = ? AND next_attempt_at <= ?)";
    let values = vec![
        NotificationState::Sending.code().into(),
        NotificationState::Queued.code().into(),
        now.as_micros().into(),
    ];
    Ok(query::numbers(db, sql, values).await?.first() != Some(&0))
}

#[derive(FromQueryResult)]
struct DepthRow {
    waiting: i64,
    oldest: Option<i64>,
}

#[derive(FromQueryResult)]
struct LeasedRow {
    id: i64,
    tries: i64,
    delivery_id: i64,
    to_name: String,
    to_email: String,
    language: i16,
    time_zone: String,
    message_id: String,
    thread_id: String,
    subject: String,
    reasons: String,
    still_firing: i64,
    still_firing_names: String,
    truncated_alerts: i64,
    created_at: i64,
    resend_of: Option<i64>,
}

impl LeasedRow {
    fn read(self, attempt_id: i64) -> Result<LeasedNotification, StorageError> {
        let corrupt = |column| StorageError::Corrupt {
            table: "notifications",
            column,
            id: self.id,
        };
        Ok(LeasedNotification {
            id: self.id,
            attempt_id,
            tries: self.tries,
            delivery_id: self.delivery_id,
            language: Language::read(self.language, "notifications", "language", self.id)?,
            reasons: serde_json::from_str(&self.reasons).map_err(|_| corrupt("reasons"))?,
            still_firing_names: serde_json::from_str(&self.still_firing_names)
                .map_err(|_| corrupt("still_firing_names"))?,
            to_name: self.to_name,
            to_email: self.to_email,
            time_zone: self.time_zone,
            message_id: self.message_id,
            thread_id: self.thread_id,
            subject: self.subject,
            still_firing: self.still_firing,
            truncated_alerts: self.truncated_alerts,
            created_at: query::time(self.created_at),
            resend: self.resend_of.is_some(),
        })
    }
}
