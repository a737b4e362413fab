//! Held notifications: they wait because they may report the stale copy of a peer under the
//! same name. They are withdrawn if they do, sent at once when any other update of the
//! incident is received, and otherwise sent when they are due.
//!
//! A notification is held if it is queued for later and has no attempt yet; a retry has
//! one.

use std::collections::HashSet;

use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::enums::{Coded, NotificationState};
use crate::{StorageError, Tx, query};

/// The notifications held for an incident.
async fn find_held(tx: &Tx, incident: i64, now: Timestamp) -> Result<Vec<i64>, StorageError> {
    let sql = "SELECT DISTINCT n.id AS n FROM notification_events e \
               JOIN notifications n ON n.id = e.notification_id \
               WHERE e.incident_id = ? AND n.state = ? AND n.tries = 0 AND n.next_attempt_at > ?";
    let values = vec![
        incident.into(),
        NotificationState::Queued.code().into(),
        now.as_micros().into(),
    ];
    query::numbers(tx, sql, values).await
}

/// Withdraws the notifications held for incidents that turned out to be copies, and returns
/// the incidents that had any. A notification about other incidents as well is sent without
/// these.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn withdraw_held(
    tx: &Tx,
    incidents: &[i64],
    now: Timestamp,
) -> Result<HashSet<i64>, StorageError> {
    let mut withdrawn = HashSet::new();
    for &incident in incidents {
        for notification in find_held(tx, incident, now).await? {
            withdrawn.insert(incident);
            let others = "SELECT COUNT(*) AS n FROM notification_events \
                          WHERE notification_id = ? AND incident_id <> ?";
            let both = vec![notification.into(), incident.into()];
            if query::numbers(tx, others, both.clone()).await?.first() == Some(&0) {
                cancel(tx, notification, now).await?;
            } else {
                let sql = "DELETE FROM notification_events \
                           WHERE notification_id = ? AND incident_id = ?";
                tx.execute(sql, both).await?;
            }
        }
    }
    Ok(withdrawn)
}

async fn cancel(tx: &Tx, notification: i64, now: Timestamp) -> Result<(), StorageError> {
    let state = NotificationState::Canceled;
    let sql = "UPDATE notifications SET state = ?, next_attempt_at = NULL WHERE id = ?";
    tx.execute(sql, vec![state.code().into(), notification.into()])
        .await?;
    changes::insert(tx, notification, &Change::Notification { state }, now).await
}

/// Makes the notifications held for updated incidents due now, and returns whether there
/// were any.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn release_held(
    tx: &Tx,
    incidents: &[i64],
    now: Timestamp,
) -> Result<bool, StorageError> {
    let mut released = false;
    for &incident in incidents {
        for notification in find_held(tx, incident, now).await? {
            released = true;
            let sql = "UPDATE notifications SET next_attempt_at = ? WHERE id = ?";
            tx.execute(sql, vec![now.as_micros().into(), notification.into()])
                .await?;
        }
    }
    Ok(released)
}
