//! Mails that are owed.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;

use super::count;
use crate::enums::{Coded, EventKind, Language, NotificationState};
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::{StorageError, Tx};

/// A mail that is owed to one recipient.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Its number.
    pub id: i64,
    /// The delivery that owes it.
    pub delivery_id: i64,
    /// Whom it is owed to.
    pub recipient_id: i64,
    /// The recipient's name.
    pub to_name: String,
    /// The recipient's address.
    pub to_email: String,
    /// The recipient's language.
    pub language: Language,
    /// The recipient's zone.
    pub time_zone: String,
    /// `local@domain`, the same for every attempt.
    pub message_id: String,
    /// `local@domain`, the same for every mail of the thread.
    pub thread_id: String,
    /// The thread's subject.
    pub subject: String,
    /// Why this recipient, as JSON: `[{"route": …, "group": …}]`.
    pub reasons: String,
    /// Unchanged neighbours that go on firing.
    pub still_firing: usize,
    /// A few of their names, as a JSON list.
    pub still_firing_names: String,
    /// Alerts that the sender left out of the delivery.
    pub truncated_alerts: u64,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When it is sent at the earliest.
    pub due_at: Timestamp,
}

/// An incident event that a mail tells.
#[derive(Clone, Copy, Debug)]
pub struct NewNotificationEvent {
    /// The mail.
    pub notification_id: i64,
    /// The log entry that told it.
    pub entry_id: i64,
    /// What happened.
    pub kind: EventKind,
    /// To which incident.
    pub incident_id: i64,
    /// Whom the mail is owed to.
    pub recipient_id: i64,
}

#[derive(FromQueryResult)]
struct ThreadRow {
    thread_id: String,
    subject: String,
}

/// The subjects of those threads that have mails already.
///
/// # Errors
/// Whatever the database answers.
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

/// The threads in which recipients were first told of incidents, by incident and
/// recipient.
///
/// # Errors
/// Whatever the database answers.
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

const MAILS: Columns = &[
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

/// Puts mails into the outbox.
///
/// # Errors
/// [`StorageError::Conflict`] where an event is owed to a recipient already.
pub async fn insert_notifications(
    tx: &Tx,
    mails: Vec<NewNotification>,
    events: &[NewNotificationEvent],
) -> Result<(), StorageError> {
    let mut rows = Rows::new(MAILS, mails.len());
    for mail in mails {
        rows.push([
            mail.id.into(),
            NotificationState::Queued.code().into(),
            mail.delivery_id.into(),
            mail.recipient_id.into(),
            mail.to_name.into(),
            mail.to_email.into(),
            mail.language.code().into(),
            mail.time_zone.into(),
            mail.message_id.into(),
            mail.thread_id.into(),
            mail.subject.into(),
            mail.reasons.into(),
            count(mail.still_firing),
            mail.still_firing_names.into(),
            i64::try_from(mail.truncated_alerts)
                .unwrap_or(i64::MAX)
                .into(),
            mail.created_at.as_micros().into(),
            mail.due_at.as_micros().into(),
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
