//! Resends a notification on request of a user.

use serde_json::json;
use tocsin_core::visibility::Visibility;
use tocsin_storage::notifications::{self, NotificationView, Resend, Resent};
use tocsin_storage::{Db, StorageError};

use crate::change::ChangeError;
use crate::idempotency::{self, Created, IdempotentRequest};
use crate::{Actor, AuditEntry};

/// Queues a copy of a notification in the same thread, with the Message-ID that the
/// caller generated. A retried request does not queue it twice. The caller wakes the
/// outbox worker.
///
/// # Errors
/// [`ChangeError::NotFound`]; [`ChangeError::InvalidState`] while the notification is
/// waiting or being sent; [`ChangeError::KeyReused`].
pub(crate) async fn resend(
    db: &Db,
    actor: &Actor,
    idempotent: Option<&IdempotentRequest>,
    request: Resend<'_>,
) -> Result<Created<NotificationView>, ChangeError> {
    let tx = db.begin().await?;
    if let Some(new) = idempotency::begin(&tx, idempotent, request.now).await? {
        let object = notifications::get(&tx, new, &Visibility::everything()).await?;
        return idempotency::replay(object, "notification", new);
    }
    let id = request.id;
    let new = match notifications::resend(&tx, &request).await? {
        None => {
            return Err(ChangeError::NotFound {
                what: "notification",
                id,
            });
        }
        Some(Resent::NotYet(_)) => {
            return Err(ChangeError::InvalidState(format!(
                "Notification {id} is still waiting or being sent; it can be resent once it \
                 is sent, written or failed."
            )));
        }
        Some(Resent::Queued(new)) => new,
    };
    let view = notifications::get(&tx, new, &Visibility::everything()).await?;
    let view = view.ok_or(StorageError::Stale("notification"))?;
    let entry = AuditEntry {
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
    actor.record(&tx, &entry, request.now).await?;
    idempotency::finish(&tx, idempotent, new).await?;
    tx.commit().await?;
    Ok(Created::now(view))
}
