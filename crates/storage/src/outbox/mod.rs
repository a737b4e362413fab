//! The outbox as its workers see it: mails are leased, tried, and settled.
//!
//! A lease is longer than the longest attempt, and a result is only taken from
//! the worker that holds the lease; so one mail is under way once, and a worker
//! that was killed loses nothing.

mod material;

use sea_orm::FromQueryResult;
use serde::Deserialize;
use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::enums::{Coded, Language, NotificationState};
use crate::{Backend, Db, StorageError, Tx, query};

pub use material::{NotificationData, NotifiedEvent, notification_data};

/// A mail that a worker has taken.
#[derive(Clone, Debug)]
pub struct LeasedNotification {
    /// Its number.
    pub id: i64,
    /// The row of the attempt that has begun.
    pub attempt_id: i64,
    /// Which attempt this is, from 1.
    pub tries: i64,
    /// The delivery that owed it.
    pub delivery_id: i64,
    /// The recipient's name.
    pub to_name: String,
    /// The recipient's address.
    pub to_email: String,
    /// The recipient's language.
    pub language: Language,
    /// The recipient's zone.
    pub time_zone: String,
    /// `local@domain`
    pub message_id: String,
    /// `local@domain`
    pub thread_id: String,
    /// The thread's subject.
    pub subject: String,
    /// Why this recipient gets it.
    pub reasons: Vec<NotificationReason>,
    /// Unchanged neighbours that go on firing.
    pub still_firing: i64,
    /// A few of their names.
    pub still_firing_names: Vec<String>,
    /// Alerts that the sender left out of the delivery.
    pub truncated_alerts: i64,
    /// When it was owed.
    pub created_at: Timestamp,
    /// Whether a person asked for it to be sent again.
    pub resend: bool,
}

/// Why a recipient gets a mail.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NotificationReason {
    /// The route's name, if one decided.
    pub route: Option<String>,
    /// The group's name.
    pub group: String,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The mail is out of the box: `Sent`, `Written` or `Failed`.
    Done {
        /// Which of them.
        state: NotificationState,
        /// Why it failed.
        error: Option<String>,
    },
    /// It is tried again.
    Later {
        /// Not before this.
        at: Timestamp,
        /// Why it failed now.
        error: String,
    },
}

/// A worker's hold on mails.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'a> {
    /// Names the worker's turn; nobody else has the same.
    pub token: &'a str,
    /// The present.
    pub now: Timestamp,
    /// When the lease ends by itself.
    pub until: Timestamp,
    /// Mails at most.
    pub limit: u32,
}

/// Takes mails that are due, and those whose lease ran out, the longest due
/// first; each gets the row of an attempt, which the caller commits before it
/// sends.
///
/// # Errors
/// Whatever the database answers.
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
    let mut mails = Vec::with_capacity(rows.len());
    for row in rows {
        let attempts = query::numbers(
            tx,
            "INSERT INTO attempts (notification_id, started_at) VALUES (?, ?) RETURNING id AS n",
            vec![row.id.into(), now.into()],
        )
        .await?;
        mails.push(row.read(attempts.first().copied().unwrap_or_default())?);
    }
    Ok(mails)
}

/// Notes the result of an attempt, if the lease still holds.
///
/// # Errors
/// [`StorageError::Stale`] where it does not: the mail is somebody else's now.
pub async fn record_result(
    tx: &Tx,
    mail: &LeasedNotification,
    token: &str,
    settlement: &AttemptResult,
    now: Timestamp,
) -> Result<(), StorageError> {
    let (state, next, error) = match settlement {
        AttemptResult::Done { state, error } => (*state, None, error.as_deref()),
        AttemptResult::Later { at, error } => (
            NotificationState::Queued,
            Some(at.as_micros()),
            Some(error.as_str()),
        ),
    };
    let settled = tx
        .execute(
            "UPDATE notifications SET state = ?, next_attempt_at = ?, lease_token = NULL, \
             lease_until = NULL WHERE id = ? AND lease_token = ?",
            vec![
                state.code().into(),
                next.into(),
                mail.id.into(),
                token.into(),
            ],
        )
        .await?;
    if settled != 1 {
        return Err(StorageError::Stale("the mail"));
    }
    tx.execute(
        "UPDATE attempts SET finished_at = ?, error = ? WHERE id = ?",
        vec![
            now.as_micros().into(),
            error.map(query::without_nul).into(),
            mail.attempt_id.into(),
        ],
    )
    .await?;
    changes::insert(tx, mail.id, &Change::Notification { state }, now).await
}

/// Gives leases back whose mails were not tried, at the end of a program; their
/// attempts never were.
///
/// # Errors
/// Whatever the database answers.
pub async fn release(
    tx: &Tx,
    token: &str,
    mails: &[LeasedNotification],
) -> Result<(), StorageError> {
    let mut attempts = Vec::new();
    for mail in mails {
        let released = tx
            .execute(
                "UPDATE notifications SET state = 0, lease_token = NULL, lease_until = NULL, \
                 tries = tries - 1 WHERE id = ? AND lease_token = ?",
                vec![mail.id.into(), token.into()],
            )
            .await?;
        if released == 1 {
            attempts.push(mail.attempt_id);
        }
    }
    let list = query::id_list(tx.backend);
    let sql = format!("DELETE FROM attempts WHERE id IN ({list})");
    tx.execute(&sql, vec![query::ids(&attempts)]).await?;
    Ok(())
}

/// Gives all leases back, at the start of a program that has the database to
/// itself: whoever held them is gone.
///
/// # Errors
/// Whatever the database answers.
pub async fn release_all(tx: &Tx) -> Result<u64, StorageError> {
    tx.execute(
        "UPDATE notifications SET state = 0, lease_token = NULL, lease_until = NULL \
         WHERE state = 1",
        vec![],
    )
    .await
}

/// How much mail waits, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Mails that are not out of the box.
    pub waiting: i64,
    /// When the oldest of them was owed.
    pub oldest: Option<Timestamp>,
}

/// How much mail waits.
///
/// # Errors
/// Whatever the database answers.
pub async fn depth(db: &Db) -> Result<OutboxDepth, StorageError> {
    let sql = "SELECT COUNT(*) AS waiting, MIN(created_at) AS oldest FROM notifications \
               WHERE state IN (0, 1)";
    let row: Option<DepthRow> = query::first(db, sql, vec![]).await?;
    Ok(row.map_or_else(OutboxDepth::default, |row| OutboxDepth {
        waiting: row.waiting,
        oldest: row.oldest.map(query::time),
    }))
}

/// When the next queued mail is due, if one waits.
///
/// # Errors
/// Whatever the database answers.
pub async fn next_due(db: &Db) -> Result<Option<Timestamp>, StorageError> {
    let sql = "SELECT MIN(next_attempt_at) AS oldest, COUNT(*) AS waiting FROM notifications \
               WHERE state = 0";
    let row: Option<DepthRow> = query::first(db, sql, vec![]).await?;
    Ok(row.and_then(|row| row.oldest).map(query::time))
}

/// Whether any mail is to be sent at `now`, or is being sent.
///
/// # Errors
/// Whatever the database answers.
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
