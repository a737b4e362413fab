//! Sending a mail again by hand.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::enums::{Coded, NotificationState};
use crate::query;
use crate::{Backend, StorageError, Tx};

/// Which mail is sent again, and as what.
#[derive(Clone, Copy, Debug)]
pub struct Resend<'a> {
    /// The mail.
    pub id: i64,
    /// The new mail's Message-ID, without angle brackets; no other mail's.
    pub message_id: &'a str,
    /// When it is asked for; the new mail is due at once.
    pub now: Timestamp,
}

/// What became of a request to send a mail again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resent {
    /// The new mail's number.
    Queued(i64),
    /// The mail is in this state: it is under way by itself.
    NotYet(NotificationState),
}

/// Queues a copy of a mail that is done: to the same recipient, as that
/// recipient is written to now, in the same thread, about the same events.
/// `None`: there is no such mail.
///
/// # Errors
/// Whatever the database answers.
pub async fn resend(tx: &Tx, wanted: &Resend<'_>) -> Result<Option<Resent>, StorageError> {
    #[derive(FromQueryResult)]
    struct Original {
        state: i16,
    }
    // Locked, so that a worker does not finish the mail between the look and
    // the copy.
    let lock = match tx.backend {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE",
    };
    let original: Option<Original> = query::first(
        tx,
        &format!("SELECT state FROM notifications WHERE id = ?{lock}"),
        vec![wanted.id.into()],
    )
    .await?;
    let Some(original) = original else {
        return Ok(None);
    };
    let state = NotificationState::read(original.state, "notifications", "state", wanted.id)?;
    match state {
        NotificationState::Queued | NotificationState::Sending => {
            return Ok(Some(Resent::NotYet(state)));
        }
        NotificationState::Sent
        | NotificationState::Failed
        | NotificationState::Written
        | NotificationState::Canceled => {}
    }
    let id = copy(tx, wanted).await?;
    tx.execute(
        "INSERT INTO notification_events (notification_id, entry_id, kind, incident_id, \
         recipient_id, resend) \
         SELECT CAST(? AS BIGINT), entry_id, kind, incident_id, recipient_id, TRUE \
         FROM notification_events WHERE notification_id = ?",
        vec![id.into(), wanted.id.into()],
    )
    .await?;
    let change = Change::Notification {
        state: NotificationState::Queued,
    };
    changes::insert(tx, id, &change, wanted.now).await?;
    Ok(Some(Resent::Queued(id)))
}

async fn copy(tx: &Tx, wanted: &Resend<'_>) -> Result<i64, StorageError> {
    let new = query::numbers(
        tx,
        "INSERT INTO notifications (state, delivery_id, recipient_id, to_name, to_email, \
         language, time_zone, message_id, thread_id, subject, reasons, still_firing, \
         still_firing_names, truncated_alerts, created_at, next_attempt_at, tries, resend_of) \
         SELECT CAST(? AS SMALLINT), n.delivery_id, n.recipient_id, \
         COALESCE(r.name, n.to_name), COALESCE(r.email, n.to_email), \
         COALESCE(r.language, n.language), COALESCE(r.time_zone, n.time_zone), \
         CAST(? AS TEXT), n.thread_id, n.subject, n.reasons, n.still_firing, \
         n.still_firing_names, n.truncated_alerts, CAST(? AS BIGINT), CAST(? AS BIGINT), 0, n.id \
         FROM notifications n LEFT JOIN recipients r ON r.id = n.recipient_id \
         WHERE n.id = ? RETURNING id AS n",
        vec![
            NotificationState::Queued.code().into(),
            query::text(wanted.message_id),
            wanted.now.as_micros().into(),
            wanted.now.as_micros().into(),
            wanted.id.into(),
        ],
    )
    .await?;
    new.first().copied().ok_or(StorageError::Stale("mail"))
}
