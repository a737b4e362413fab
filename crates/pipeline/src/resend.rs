//! Sending a mail again by hand.

use serde_json::json;
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_storage::notifications::{self, NotificationView, Resend, Resent};
use tocsin_storage::{Db, StorageError};

use crate::change::ChangeError;
use crate::{Actor, Deed};

/// Queues a mail once more, with a Message-ID of its own (`local@domain`, by
/// the caller, whose randomness it is) and in the same thread. Whoever calls
/// this wakes the worker then.
///
/// # Errors
/// [`ChangeError::NotFound`]; [`ChangeError::NotNow`] while the mail is still
/// on its way.
pub(crate) async fn resend(
    db: &Db,
    actor: &Actor,
    id: i64,
    message_id: &str,
    now: Timestamp,
) -> Result<NotificationView, ChangeError> {
    let tx = db.begin().await?;
    let wanted = Resend {
        id,
        message_id,
        now,
    };
    let new = match notifications::resend(&tx, &wanted).await? {
        None => {
            return Err(ChangeError::NotFound {
                what: "notification",
                id,
            });
        }
        Some(Resent::NotYet(_)) => {
            return Err(ChangeError::NotNow(format!(
                "Notification {id} is still on its way; it can be resent once it is sent, \
                 written or failed."
            )));
        }
        Some(Resent::Queued(new)) => new,
    };
    let view = notifications::get(&tx, new, &Visibility::everything()).await?;
    let view = view.ok_or(StorageError::Stale("notification"))?;
    let deed = Deed {
        action: "notification.resend",
        kind: "notification",
        id: Some(id),
        name: &view.subject,
        before: None,
        after: Some(&json!({
            "id": view.id,
            "recipientName": view.to_name,
            "recipientEmail": view.to_email,
        })),
    };
    actor.record(&tx, &deed, now).await?;
    tx.commit().await?;
    Ok(view)
}
