//! What a mail tells: its incident events, each with its alert as the event's
//! log entry told it.

use sea_orm::FromQueryResult;
use tocsin_core::alert::Labels;
use tocsin_core::time::Timestamp;

use super::LeasedMail;
use crate::codes::{Coded, EventKind};
use crate::{Db, StorageError, query};

/// What a mail tells, as far as the recipient row does not hold it.
#[derive(Clone, Debug, Default)]
pub struct MailMaterial {
    /// The source of the delivery.
    pub source: String,
    /// The receiver that it was for.
    pub receiver: String,
    /// The events, in the order in which they happened.
    pub events: Vec<ToldEvent>,
}

/// One incident event with its alert as the event's log entry told it.
#[derive(Clone, Debug)]
pub struct ToldEvent {
    /// What happened.
    pub kind: EventKind,
    /// To which incident.
    pub incident_id: i64,
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// The team label, or empty.
    pub team: String,
    /// The message.
    pub message: String,
    /// All labels.
    pub labels: Labels,
    /// All annotations.
    pub annotations: Labels,
    /// The sender's link.
    pub generator_url: String,
    /// The incident's start.
    pub starts_at: Timestamp,
    /// The incident's end, where the event is one.
    pub ends_at: Option<Timestamp>,
    /// How often the incident was told.
    pub occurrences: i64,
}

/// Loads what a mail tells.
///
/// # Errors
/// Whatever the database answers.
pub async fn material(db: &Db, mail: &LeasedMail) -> Result<MailMaterial, StorageError> {
    let sql = "SELECT source, receiver FROM deliveries WHERE id = ?";
    let delivery: Option<DeliveryRow> =
        query::first(db, sql, vec![mail.delivery_id.into()]).await?;
    let sql = "SELECT e.kind, e.incident_id, l.id AS label_set_id, l.alertname, l.instance, \
               l.severity, l.team, a.message, l.labels, a.annotations, a.generator_url, \
               i.starts_at, i.ends_at, i.occurrences \
               FROM notification_events n \
               JOIN incident_events e ON e.id = n.event_id \
               JOIN incidents i ON i.id = e.incident_id \
               JOIN log_entries g ON g.id = e.entry_id \
               JOIN label_sets l ON l.id = g.label_set_id \
               JOIN annotation_sets a ON a.id = g.annotation_set_id \
               WHERE n.notification_id = ? ORDER BY e.id";
    let rows: Vec<EventRow> = query::all(db, sql, vec![mail.id.into()]).await?;
    let events: Result<Vec<ToldEvent>, _> = rows.into_iter().map(EventRow::read).collect();
    let delivery = delivery.unwrap_or_default();
    Ok(MailMaterial {
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
    label_set_id: i64,
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
    fn read(self) -> Result<ToldEvent, StorageError> {
        let kind = EventKind::read(self.kind, "incident_events", "kind", self.incident_id)?;
        let is_end = matches!(kind, EventKind::Resolved | EventKind::Lost);
        let set = self.label_set_id;
        Ok(ToldEvent {
            kind,
            incident_id: self.incident_id,
            labels: query::labels(&self.labels, "label_sets", "labels", set)?,
            annotations: query::labels(&self.annotations, "annotation_sets", "annotations", set)?,
            alertname: self.alertname,
            instance: self.instance,
            severity: self.severity,
            team: self.team,
            message: self.message,
            generator_url: self.generator_url,
            starts_at: query::time(self.starts_at),
            ends_at: self.ends_at.filter(|_| is_end).map(query::time),
            occurrences: self.occurrences,
        })
    }
}
