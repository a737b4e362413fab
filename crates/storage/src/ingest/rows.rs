//! The rows that a batch writes.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::{RejectedAlert, Status};
use tocsin_core::judge::Episode;
use tocsin_core::time::Timestamp;

use super::bulk;
use crate::changes::{self, Change};
use crate::codes::{Coded, DeliveryOutcome, EntryKind, EventKind, Language};
use crate::{StorageError, Tx};

/// An incident as a batch leaves it.
#[derive(Clone, Debug)]
pub struct IncidentRow {
    /// What judging moves.
    pub episode: Episode,
    /// Whose episode it is.
    pub series_id: i64,
    /// The label set that it was last told with.
    pub label_set_id: i64,
    /// The annotations that it was last told with.
    pub annotation_set_id: i64,
}

/// Stores changed incidents, then new ones, so that an episode has ended
/// before the next one of its series opens.
///
/// # Errors
/// [`StorageError::Conflict`] where a series would have two open incidents.
pub async fn put_incidents(
    tx: &Tx,
    changed: &[IncidentRow],
    new: &[IncidentRow],
) -> Result<(), StorageError> {
    bulk::insert(
        tx,
        "WITH now_is (id, series_id, state, starts_at, ends_at, not_before, first_seen_at, \
         last_seen_at, last_entry_at, occurrences, senders, previous_id, label_set_id, \
         annotation_set_id) AS (VALUES ",
        INCIDENT_COLUMNS,
        ") UPDATE incidents SET state = now_is.state, starts_at = now_is.starts_at, \
         ends_at = now_is.ends_at, last_seen_at = now_is.last_seen_at, \
         last_entry_at = now_is.last_entry_at, occurrences = now_is.occurrences, \
         senders = now_is.senders, label_set_id = now_is.label_set_id, \
         annotation_set_id = now_is.annotation_set_id \
         FROM now_is WHERE incidents.id = now_is.id",
        incident_values(changed),
    )
    .await?;
    bulk::insert(
        tx,
        "INSERT INTO incidents (id, series_id, state, starts_at, ends_at, not_before, \
         first_seen_at, last_seen_at, last_entry_at, occurrences, senders, previous_id, \
         label_set_id, annotation_set_id) VALUES ",
        INCIDENT_COLUMNS,
        "",
        incident_values(new),
    )
    .await
}

const INCIDENT_COLUMNS: usize = 14;

fn incident_values(rows: &[IncidentRow]) -> Vec<Value> {
    let mut values = Vec::with_capacity(rows.len() * INCIDENT_COLUMNS);
    for row in rows {
        let episode = &row.episode;
        values.extend([
            episode.id.into(),
            row.series_id.into(),
            episode.state.code().into(),
            episode.starts_at.as_micros().into(),
            micros(episode.ends_at),
            micros(episode.not_before),
            episode.first_seen_at.as_micros().into(),
            episode.last_seen_at.as_micros().into(),
            episode.last_entry_at.as_micros().into(),
            episode.occurrences.into(),
            episode.senders.into(),
            episode.previous.into(),
            row.label_set_id.into(),
            row.annotation_set_id.into(),
        ]);
    }
    values
}

/// A log entry.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its number.
    pub id: i64,
    /// The delivery that told it.
    pub delivery_id: i64,
    /// The incident that it is filed under.
    pub incident_id: i64,
    /// The alert's labels.
    pub label_set_id: i64,
    /// The alert's annotations.
    pub annotation_set_id: i64,
    /// When the delivery arrived.
    pub received_at: Timestamp,
    /// What was said.
    pub status: Status,
    /// What it did to the incident.
    pub kind: EntryKind,
    /// The start as told, or the arrival where none was.
    pub starts_at: Timestamp,
    /// The end as told.
    pub ends_at: Option<Timestamp>,
}

/// Stores log entries.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_entries(tx: &Tx, entries: &[NewEntry]) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(entries.len() * 10);
    for entry in entries {
        values.extend([
            entry.id.into(),
            entry.delivery_id.into(),
            entry.incident_id.into(),
            entry.label_set_id.into(),
            entry.annotation_set_id.into(),
            entry.received_at.as_micros().into(),
            entry.status.code().into(),
            entry.kind.code().into(),
            entry.starts_at.as_micros().into(),
            micros(entry.ends_at),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO log_entries (id, delivery_id, incident_id, label_set_id, annotation_set_id, \
         received_at, status, kind, starts_at, ends_at) VALUES ",
        10,
        "",
        values,
    )
    .await
}

/// What happened to an incident.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its number.
    pub id: i64,
    /// Whose event it is.
    pub incident_id: i64,
    /// What happened.
    pub kind: EventKind,
    /// When we heard of it.
    pub at: Timestamp,
    /// The delivery that told it.
    pub delivery_id: i64,
    /// The log entry that told it.
    pub entry_id: i64,
}

/// Stores incident events.
///
/// # Errors
/// [`StorageError::Conflict`] for a second opening or end of an incident.
pub async fn put_events(tx: &Tx, events: &[NewEvent]) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(events.len() * 6);
    for event in events {
        values.extend([
            event.id.into(),
            event.incident_id.into(),
            event.kind.code().into(),
            event.at.as_micros().into(),
            event.delivery_id.into(),
            event.entry_id.into(),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO incident_events (id, incident_id, kind, at, delivery_id, entry_id) VALUES ",
        6,
        "",
        values,
    )
    .await
}

/// A delivery with its compressed raw body.
#[derive(Clone, Debug, Default)]
pub struct NewDelivery {
    /// Its number.
    pub id: i64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The source that it is counted to.
    pub source: String,
    /// The sender; `None` for a refused one.
    pub sender_id: Option<i64>,
    /// Why it was refused; `None` for an accepted one.
    pub refused: Option<String>,
    /// The receiver's name.
    pub receiver: String,
    /// The sender's key of the group.
    pub group_key: String,
    /// The group's status.
    pub status: Option<Status>,
    /// The body's version.
    pub version: String,
    /// Alerts in the body.
    pub alerts: usize,
    /// Alerts that the sender left out.
    pub truncated_alerts: u64,
    /// Alerts that opened an incident.
    pub opened: usize,
    /// Alerts that closed one.
    pub resolved: usize,
    /// Alerts that repeated a known state after the window.
    pub refreshed: usize,
    /// Alerts that repeated a known state within the window.
    pub seen_again: usize,
    /// Alerts that told an overtaken state.
    pub late: usize,
    /// Alerts that could not be read.
    pub rejected: Vec<RejectedAlert>,
    /// Alerts that owed mail and reached nobody.
    pub unrouted: usize,
    /// The raw body's size before compression, in bytes.
    pub body_bytes: usize,
    /// The raw body, compressed with zstd; `None` where it is not kept.
    pub body: Option<Vec<u8>>,
}

/// Stores accepted deliveries.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_deliveries(tx: &Tx, deliveries: Vec<NewDelivery>) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(deliveries.len() * 20);
    let mut bodies = Vec::with_capacity(deliveries.len() * 4);
    for delivery in deliveries {
        let outcome = match delivery.refused {
            None => DeliveryOutcome::Accepted,
            Some(_) => DeliveryOutcome::Refused,
        };
        if let Some(body) = delivery.body {
            bodies.extend([
                delivery.id.into(),
                delivery.received_at.as_micros().into(),
                delivery.refused.is_some().into(),
                body.into(),
            ]);
        }
        values.extend([
            delivery.id.into(),
            delivery.received_at.as_micros().into(),
            delivery.source.into(),
            delivery.sender_id.into(),
            outcome.code().into(),
            delivery.refused.into(),
            delivery.receiver.into(),
            delivery.group_key.into(),
            delivery.status.map(Coded::code).into(),
            delivery.version.into(),
            count(delivery.alerts),
            i64::try_from(delivery.truncated_alerts)
                .unwrap_or(i64::MAX)
                .into(),
            count(delivery.opened),
            count(delivery.resolved),
            count(delivery.refreshed),
            count(delivery.seen_again),
            count(delivery.late),
            rejected_json(&delivery.rejected).into(),
            count(delivery.unrouted),
            count(delivery.body_bytes),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO deliveries (id, received_at, source, sender_id, outcome, reason, receiver, \
         group_key, status, version, alerts, truncated_alerts, opened, resolved, refreshed, \
         seen_again, late, rejected, unrouted, body_bytes) VALUES ",
        20,
        "",
        values,
    )
    .await?;
    bulk::insert(
        tx,
        "INSERT INTO delivery_bodies (delivery_id, received_at, refused, body) VALUES ",
        4,
        "",
        bodies,
    )
    .await
}

/// What is kept of refused requests.
const MOST_REFUSED: i64 = 10_000;

/// Stores a refused request and drops the oldest ones, so that at most 10,000
/// of them, and `body_bytes` of their compressed bodies, are kept.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_refused(
    tx: &Tx,
    refused: NewDelivery,
    body_bytes: u64,
) -> Result<(), StorageError> {
    put_deliveries(tx, vec![refused]).await?;
    tx.execute(
        // By time, because numbers of several writers are not in its order.
        "DELETE FROM delivery_bodies WHERE refused AND delivery_id NOT IN (\
         SELECT delivery_id FROM (SELECT delivery_id, SUM(LENGTH(body)) OVER \
         (ORDER BY received_at DESC, delivery_id DESC) AS kept \
         FROM delivery_bodies WHERE refused) AS newest WHERE kept <= ?)",
        vec![i64::try_from(body_bytes).unwrap_or(i64::MAX).into()],
    )
    .await?;
    tx.execute(
        "DELETE FROM deliveries WHERE outcome = 1 AND (received_at, id) <= (\
         SELECT received_at, id FROM deliveries WHERE outcome = 1 \
         ORDER BY received_at DESC, id DESC LIMIT 1 OFFSET ?)",
        vec![MOST_REFUSED.into()],
    )
    .await?;
    tx.execute(
        "DELETE FROM delivery_bodies WHERE refused AND NOT EXISTS (\
         SELECT 1 FROM deliveries WHERE deliveries.id = delivery_bodies.delivery_id)",
        vec![],
    )
    .await?;
    Ok(())
}

/// A mail that is owed to one recipient.
#[derive(Clone, Debug)]
pub struct MailRow {
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
}

/// An incident event that a mail tells.
#[derive(Clone, Copy, Debug)]
pub struct OwedEvent {
    /// The mail.
    pub mail_id: i64,
    /// The event.
    pub event_id: i64,
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
    let head = "SELECT DISTINCT thread_id, subject FROM notifications WHERE thread_id IN ";
    let rows: Vec<ThreadRow> = bulk::select_in(tx, head, &[], &keys, "").await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.thread_id, row.subject))
        .collect())
}

/// Puts mails into the outbox.
///
/// # Errors
/// [`StorageError::Conflict`] where an event is owed to a recipient already.
pub async fn put_mails(
    tx: &Tx,
    mails: Vec<MailRow>,
    events: &[OwedEvent],
) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(mails.len() * 18);
    for mail in mails {
        values.extend([
            mail.id.into(),
            0i16.into(),
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
            mail.created_at.as_micros().into(),
            0i64.into(),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO notifications (id, state, delivery_id, recipient_id, to_name, to_email, \
         language, time_zone, message_id, thread_id, subject, reasons, still_firing, \
         still_firing_names, truncated_alerts, created_at, next_attempt_at, tries) VALUES ",
        18,
        "",
        values,
    )
    .await?;
    let mut values = Vec::with_capacity(events.len() * 4);
    for event in events {
        values.extend([
            event.mail_id.into(),
            event.event_id.into(),
            event.recipient_id.into(),
            false.into(),
        ]);
    }
    bulk::insert(
        tx,
        "INSERT INTO notification_events (notification_id, event_id, recipient_id, resend) VALUES ",
        4,
        "",
        values,
    )
    .await
}

/// Enters changes of objects into the feed.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_changes(
    tx: &Tx,
    now: Timestamp,
    changes: &[(i64, Change)],
) -> Result<(), StorageError> {
    let mut values = Vec::with_capacity(changes.len() * 4);
    for (object_id, change) in changes {
        values.extend([
            now.as_micros().into(),
            change.kind().code().into(),
            (*object_id).into(),
            change.to_json().into(),
        ]);
    }
    let head = "WITH happened (at, kind, object_id, data) AS (VALUES ";
    let tail = format!(
        ") INSERT INTO changes (transaction_id, at, kind, object_id, data) \
         SELECT {}, at, kind, object_id, data FROM happened",
        changes::transaction_id(tx.backend)
    );
    bulk::insert(tx, head, 4, &tail, values).await
}

fn micros(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::as_micros).into()
}

fn count(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

fn rejected_json(rejected: &[RejectedAlert]) -> String {
    let list: Vec<serde_json::Value> = rejected
        .iter()
        .map(|alert| serde_json::json!({"index": alert.index, "reason": alert.reason}))
        .collect();
    serde_json::Value::from(list).to_string()
}
