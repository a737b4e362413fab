//! Resending a notification on request.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::enums::{Coded, NotificationState};
use crate::query;
use crate::{Backend, StorageError, Tx};

/// A request to resend a notification.
#[derive(Clone, Copy, Debug)]
pub struct Resend<'a> {
    /// ID of the notification.
    pub id: i64,
    /// Message-ID of the new notification, without angle brackets; unique.
    pub message_id: &'a str,
    /// Time of the request; the new notification is due at once.
    pub now: Timestamp,
}

/// Result of a request to resend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resent {
    /// ID of the new notification.
    Queued(i64),
    /// The notification is in this state and still to be sent.
    NotYet(NotificationState),
}

/// Queues a copy of a finished notification: to the same recipient with their current
/// settings, in the same thread, about the same events. Returns `None` if the notification
/// does not exist.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn resend(tx: &Tx, request: &Resend<'_>) -> Result<Option<Resent>, StorageError> {
    #[derive(FromQueryResult)]
    struct Original {
        state: i16,
    }
    // Locked, so that no worker finishes the notification between the check and the copy.
    let lock = match tx.backend {
        Backend::Sqlite => "",
        Backend::Postgres => " FOR UPDATE",
    };
    let original: Option<Original> = query::first(
        tx,
        &format!("SELECT state FROM notifications WHERE id = ?{lock}"),
        vec![request.id.into()],
    )
    .await?;
    let Some(original) = original else {
        return Ok(None);
    };
    let state = NotificationState::read(original.state, "notifications", "state", request.id)?;
    match state {
        NotificationState::Queued | NotificationState::Sending => {
            return Ok(Some(Resent::NotYet(state)));
        }
        NotificationState::Sent
        | NotificationState::Failed
        | NotificationState::Written
        | NotificationState::Canceled => {}
    }
    let id = copy(tx, request).await?;
    tx.execute(
        "INSERT INTO notification_events (notification_id, entry_id, kind, incident_id, \
         recipient_id, resend) \
         SELECT CAST(? AS BIGINT), entry_id, kind, incident_id, recipient_id, TRUE \
         FROM notification_events WHERE notification_id = ?",
        vec![id.into(), request.id.into()],
    )
    .await?;
    let change = Change::Notification {
        state: NotificationState::Queued,
    };
    changes::insert(tx, id, &change, request.now).await?;
    Ok(Some(Resent::Queued(id)))
}

async fn copy(tx: &Tx, request: &Resend<'_>) -> Result<i64, StorageError> {
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
            query::text(request.message_id),
            request.now.as_micros().into(),
            request.now.as_micros().into(),
            request.id.into(),
        ],
    )
    .await?;
    new.first()
        .copied()
        .ok_or(StorageError::Stale("notification"))
}
