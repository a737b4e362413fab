//! Queued notifications.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;

use super::count;
use crate::enums::{Coded, EventKind, Language, NotificationState};
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::{StorageError, Tx};

/// A notification for one recipient.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Database ID.
    pub id: i64,
    /// ID of the delivery that triggered it.
    pub delivery_id: i64,
    /// Recipient ID.
    pub recipient_id: i64,
    /// Recipient name.
    pub to_name: String,
    /// Recipient e-notification address.
    pub to_email: String,
    /// Recipient language.
    pub language: Language,
    /// Recipient time zone.
    pub time_zone: String,
    /// `local@domain`, the same for all attempts.
    pub message_id: String,
    /// `local@domain`, the same for all notifications of the thread.
    pub thread_id: String,
    /// Subject of the thread.
    pub subject: String,
    /// Reasons as JSON: `[{"route": …, "group": …}]`.
    pub reasons: String,
    /// Unchanged alerts of the group that are still firing.
    pub still_firing: usize,
    /// A few of their names, as a JSON list.
    pub still_firing_names: String,
    /// Alerts that the sender left out of the delivery (`truncatedAlerts`).
    pub truncated_alerts: u64,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Earliest time to send it.
    pub due_at: Timestamp,
}

/// An incident event reported by a notification.
#[derive(Clone, Copy, Debug)]
pub struct NewNotificationEvent {
    /// Notification ID.
    pub notification_id: i64,
    /// Log entry ID.
    pub entry_id: i64,
    /// Kind of event.
    pub kind: EventKind,
    /// Incident ID.
    pub incident_id: i64,
    /// Recipient ID.
    pub recipient_id: i64,
}

#[derive(FromQueryResult)]
struct ThreadRow {
    thread_id: String,
    subject: String,
}

/// Returns the subjects of the threads that have notifications.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn thread_subjects(
    tx: &Tx,
    threads: &[String],
) -> Result<HashMap<String, String>, StorageError> {
    let keys: Vec<Value> = threads.iter().map(|thread| thread.clone().into()).collect();
    let head = "SELECT DISTINCT thread_id, subject FROM notifications WHERE thread_id";
    let rows: Vec<ThreadRow> = bulk::select_in(tx, head, Type::Text, keys, "").await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.thread_id, row.subject))
        .collect())
}

#[derive(FromQueryResult)]
struct IncidentThreadRow {
    incident_id: i64,
    recipient_id: i64,
    thread_id: String,
}

/// Returns the thread in which a recipient was first notified of an incident, by (incident
/// ID, recipient ID).
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn incident_threads(
    tx: &Tx,
    incidents: Vec<i64>,
) -> Result<HashMap<(i64, i64), String>, StorageError> {
    let keys = incidents.into_iter().map(Value::from).collect();
    let head = "SELECT e.incident_id, e.recipient_id, n.thread_id FROM notification_events e \
                JOIN notifications n ON n.id = e.notification_id WHERE e.incident_id";
    let tail = "ORDER BY n.created_at, n.id";
    let rows: Vec<IncidentThreadRow> = bulk::select_in(tx, head, Type::Big, keys, tail).await?;
    let mut threads = HashMap::new();
    for row in rows {
        let key = (row.incident_id, row.recipient_id);
        threads.entry(key).or_insert(row.thread_id);
    }
    Ok(threads)
}

const NOTIFICATIONS: Columns = &[
    ("id", Type::Big),
    ("state", Type::Small),
    ("delivery_id", Type::Big),
    ("recipient_id", Type::Big),
    ("to_name", Type::Text),
    ("to_email", Type::Text),
    ("language", Type::Small),
    ("time_zone", Type::Text),
    ("message_id", Type::Text),
    ("thread_id", Type::Text),
    ("subject", Type::Text),
    ("reasons", Type::Text),
    ("still_firing", Type::Big),
    ("still_firing_names", Type::Text),
    ("truncated_alerts", Type::Big),
    ("created_at", Type::Big),
    ("next_attempt_at", Type::Big),
    ("tries", Type::Big),
];

const EVENTS: Columns = &[
    ("notification_id", Type::Big),
    ("entry_id", Type::Big),
    ("kind", Type::Small),
    ("incident_id", Type::Big),
    ("recipient_id", Type::Big),
    ("resend", Type::Bool),
];

/// Queues notifications.
///
/// # Errors
/// [`StorageError::Conflict`] if a recipient already has a notification of one of the
/// events.
pub async fn insert_notifications(
    tx: &Tx,
    notifications: Vec<NewNotification>,
    events: &[NewNotificationEvent],
) -> Result<(), StorageError> {
    let mut rows = Rows::new(NOTIFICATIONS, notifications.len());
    for notification in notifications {
        rows.push([
            notification.id.into(),
            NotificationState::Queued.code().into(),
            notification.delivery_id.into(),
            notification.recipient_id.into(),
            notification.to_name.into(),
            notification.to_email.into(),
            notification.language.code().into(),
            notification.time_zone.into(),
            notification.message_id.into(),
            notification.thread_id.into(),
            notification.subject.into(),
            notification.reasons.into(),
            count(notification.still_firing),
            notification.still_firing_names.into(),
            i64::try_from(notification.truncated_alerts)
                .unwrap_or(i64::MAX)
                .into(),
            notification.created_at.as_micros().into(),
            notification.due_at.as_micros().into(),
            0i64.into(),
        ]);
    }
    bulk::insert(tx, "notifications", "", rows).await?;
    let mut rows = Rows::new(EVENTS, events.len());
    for event in events {
        rows.push([
            event.notification_id.into(),
            event.entry_id.into(),
            event.kind.code().into(),
            event.incident_id.into(),
            event.recipient_id.into(),
            false.into(),
        ]);
    }
    bulk::insert(tx, "notification_events", "", rows).await
}
