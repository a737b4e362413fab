//! Sending a mail again by hand.

use serde_json::json;
use tocsin_core::visibility::Visibility;
use tocsin_storage::notifications::{self, NotificationView, Resend, Resent};
use tocsin_storage::{Db, StorageError};

use crate::change::ChangeError;
use crate::idempotency::{self, Created, IdempotentRequest};
use crate::{Actor, AuditEntry};

/// Queues a mail once more, with a Message-ID of its own (`local@domain`, by
/// the caller, whose randomness it is) and in the same thread; once, however
/// often the request is sent. Whoever calls this wakes the worker then.
///
/// # Errors
/// [`ChangeError::NotFound`]; [`ChangeError::NotNow`] while the mail is still
/// on its way; [`ChangeError::KeyReused`].
pub(crate) async fn resend(
    db: &Db,
    actor: &Actor,
    once: Option<&IdempotentRequest>,
    wanted: Resend<'_>,
) -> Result<Created<NotificationView>, ChangeError> {
    let tx = db.begin().await?;
    if let Some(new) = idempotency::begin(&tx, once, wanted.now).await? {
        let object = notifications::get(&tx, new, &Visibility::everything()).await?;
        return idempotency::made_before(object, "notification", new);
    }
    let id = wanted.id;
    let new = match notifications::resend(&tx, &wanted).await? {
        None => {
            return Err(ChangeError::NotFound {
                what: "notification",
                id,
            });
        }
        Some(Resent::NotYet(_)) => {
            return Err(ChangeError::InvalidState(format!(
                "Notification {id} is still on its way; it can be resent once it is sent, \
                 written or failed."
            )));
        }
        Some(Resent::Queued(new)) => new,
    };
    let view = notifications::get(&tx, new, &Visibility::everything()).await?;
    let view = view.ok_or(StorageError::Stale("notification"))?;
    let deed = AuditEntry {
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
    actor.record(&tx, &deed, wanted.now).await?;
    idempotency::finish(&tx, once, new).await?;
    tx.commit().await?;
    Ok(Created::now(view))
}
