//! Notifications that wait because what they say may be the stale copy of a peer
//! under the same name: withdrawn if it is, due at once when anything else is
//! received about the incident, and else when their time has come.
//!
//! Held is what is queued for later and was never tried: a retry was.

use std::collections::HashSet;

use tocsin_core::time::Timestamp;

use crate::changes::{self, Change};
use crate::enums::{Coded, NotificationState};
use crate::{StorageError, Tx, query};

/// The notifications held for an incident.
async fn held(tx: &Tx, incident: i64, now: Timestamp) -> Result<Vec<i64>, StorageError> {
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

/// Withdraws what is held for incidents that turned out to be copies, and answers for
/// which of them anything was. A notification that speaks of others as well goes on
/// without them.
///
/// # Errors
/// Whatever the database answers.
pub async fn withdraw_held(
    tx: &Tx,
    incidents: &[i64],
    now: Timestamp,
) -> Result<HashSet<i64>, StorageError> {
    let mut withdrawn = HashSet::new();
    for &incident in incidents {
        for notification in held(tx, incident, now).await? {
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

/// Makes due what is held for incidents that were reported again, and answers whether
/// anything was.
///
/// # Errors
/// Whatever the database answers.
pub async fn release_held(
    tx: &Tx,
    incidents: &[i64],
    now: Timestamp,
) -> Result<bool, StorageError> {
    let mut released = false;
    for &incident in incidents {
        for notification in held(tx, incident, now).await? {
            released = true;
            let sql = "UPDATE notifications SET next_attempt_at = ? WHERE id = ?";
            tx.execute(sql, vec![now.as_micros().into(), notification.into()])
                .await?;
        }
    }
    Ok(released)
}
