//! Content of a notification: its incident events, each with the alert as its log entry
//! reported it.

use sea_orm::FromQueryResult;
use tocsin_core::alert::Labels;
use tocsin_core::time::Timestamp;

use super::LeasedNotification;
use crate::enums::{Coded, EventKind};
use crate::{Db, StorageError, query};

/// Content of a notification that its own row does not contain.
#[derive(Clone, Debug, Default)]
pub struct NotificationData {
    /// Source of the delivery.
    pub source: String,
    /// Receiver of the delivery.
    pub receiver: String,
    /// Events in order of occurrence.
    pub events: Vec<NotifiedEvent>,
}

/// One incident event, with the alert as its log entry reported it.
#[derive(Clone, Debug)]
pub struct NotifiedEvent {
    /// Kind of event.
    pub kind: EventKind,
    /// Incident ID.
    pub incident_id: i64,
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// Value of the team label, or empty.
    pub team: String,
    /// Message.
    pub message: String,
    /// All labels.
    pub labels: Labels,
    /// All annotations.
    pub annotations: Labels,
    /// Link to the alert in the sender (`generatorURL`).
    pub generator_url: String,
    /// Start of the incident.
    pub starts_at: Timestamp,
    /// End of the incident; only for an event that ended it.
    pub ends_at: Option<Timestamp>,
    /// How often the incident's alert was received.
    pub times_received: i64,
}

/// Loads the content of a notification.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn notification_data(
    db: &Db,
    notification: &LeasedNotification,
) -> Result<NotificationData, StorageError> {
    let sql = "SELECT source, receiver FROM deliveries WHERE id = ?";
    let delivery: Option<DeliveryRow> =
        query::first(db, sql, vec![notification.delivery_id.into()]).await?;
    // If retention deleted the log entry, the incident has the same data. An expiry sorts
    // before the incident opened by the same entry.
    let sql = "SELECT n.kind, n.incident_id, s.id AS series_id, i.starts_at, i.ends_at, \
               i.occurrences, t.id AS telling_id, COALESCE(t.labels, s.labels) AS labels, \
               CASE WHEN t.labels IS NULL THEN s.alertname ELSE t.alertname END AS alertname, \
               CASE WHEN t.labels IS NULL THEN s.instance ELSE t.instance END AS instance, \
               CASE WHEN t.labels IS NULL THEN s.severity ELSE t.severity END AS severity, \
               CASE WHEN t.labels IS NULL THEN s.team ELSE t.team END AS team, \
               CASE WHEN t.id IS NULL THEN s.annotations ELSE t.annotations END AS annotations, \
               CASE WHEN t.id IS NULL THEN s.message ELSE t.message END AS message, \
               CASE WHEN t.id IS NULL THEN s.generator_url ELSE t.generator_url END \
               AS generator_url \
               FROM notification_events n \
               JOIN incidents i ON i.id = n.incident_id \
               JOIN series s ON s.id = i.series_id \
               LEFT JOIN log_entries g ON g.id = n.entry_id \
               LEFT JOIN tellings t ON t.id = \
               CASE WHEN g.id IS NULL THEN i.telling_id ELSE g.telling_id END \
               WHERE n.notification_id = ? ORDER BY n.entry_id, n.kind DESC, n.incident_id";
    let rows: Vec<EventRow> = query::all(db, sql, vec![notification.id.into()]).await?;
    let events: Result<Vec<NotifiedEvent>, _> = rows.into_iter().map(EventRow::read).collect();
    let delivery = delivery.unwrap_or_default();
    Ok(NotificationData {
        source: delivery.source,
        receiver: delivery.receiver,
        events: events?,
    })
}

#[derive(FromQueryResult, Default)]
struct DeliveryRow {
    source: String,
    receiver: String,
}

#[derive(FromQueryResult)]
struct EventRow {
    kind: i16,
    incident_id: i64,
    series_id: i64,
    telling_id: Option<i64>,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
    message: String,
    labels: String,
    annotations: String,
    generator_url: String,
    starts_at: i64,
    ends_at: Option<i64>,
    occurrences: i64,
}

impl EventRow {
    fn read(self) -> Result<NotifiedEvent, StorageError> {
        let kind = EventKind::read(self.kind, "notification_events", "kind", self.incident_id)?;
        let is_end = matches!(
            kind,
            EventKind::Resolved | EventKind::Expired | EventKind::Closed
        );
        let (table, id) = match self.telling_id {
            Some(id) => ("tellings", id),
            None => ("series", self.series_id),
        };
        Ok(NotifiedEvent {
            kind,
            incident_id: self.incident_id,
            labels: query::labels(&self.labels, table, "labels", id)?,
            annotations: query::labels(&self.annotations, table, "annotations", id)?,
            alertname: self.alertname,
            instance: self.instance,
            severity: self.severity,
            team: self.team,
            message: self.message,
            generator_url: self.generator_url,
            starts_at: query::time(self.starts_at),
            ends_at: self.ends_at.filter(|_| is_end).map(query::time),
            times_received: self.occurrences,
        })
    }
}
