//! Inserts rows, bypassing the functions under test.

use tocsin_core::alert::{Labels, Status};
use tocsin_core::time::Timestamp;
use tocsin_storage::enums::{Coded, DeliveryOutcome, EntryKind, IncidentState};

use super::{TestDb, at};

/// Builds a label set: `labels(&[("job", "api")])`.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Returns the value of a label, or an empty string.
pub(crate) fn label<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).map_or("", String::as_str)
}

/// Returns the alert name of a label set.
pub(crate) fn alertname(labels: &Labels) -> &str {
    match label(labels, "alertname") {
        "" => "(none)",
        name => name,
    }
}

/// An incident as a fixture.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) id: i64,
    pub(crate) alert_id: i64,
    pub(crate) source: String,
    /// Content last received; `None`: the first content of the alert.
    pub(crate) content_id: Option<i64>,
    pub(crate) labels: Labels,
    pub(crate) message: String,
    pub(crate) state: IncidentState,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) occurrences: i64,
    pub(crate) known_by: Option<String>,
}

/// A log entry as a fixture, with the content of its incident.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    /// Index in the incidents of the fixture.
    pub(crate) incident: usize,
    pub(crate) received_at: Timestamp,
    pub(crate) status: Status,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Option<Timestamp>,
}

impl TestDb {
    /// Inserts an alert with these labels and the annotation `message` as its first content.
    /// Its fingerprint is the ID in 16 hex digits.
    pub(crate) async fn put_alert(&self, id: i64, source: &str, labels: &Labels, message: &str) {
        self.run(
            "INSERT INTO series (id, source, fingerprint, content, labels, annotations, \
             generator_url, message, alertname, instance, severity, team) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                id.into(),
                source.into(),
                id.to_be_bytes().to_vec().into(),
                Vec::<u8>::new().into(),
                serde_json::to_string(labels).unwrap().into(),
                annotations(message).into(),
                "http://prometheus.example/graph".into(),
                message.into(),
                alertname(labels).into(),
                label(labels, "instance").into(),
                label(labels, "severity").into(),
                label(labels, "team").into(),
            ],
        )
        .await;
    }

    /// Inserts later content of an alert: a message, and labels if they differ from those of
    /// the alert.
    pub(crate) async fn put_content(
        &self,
        id: i64,
        alert_id: i64,
        labels: Option<&Labels>,
        message: &str,
    ) {
        let field = |name| labels.map(|labels| label(labels, name).to_owned());
        self.run(
            "INSERT INTO tellings (id, series_id, annotations, generator_url, message, labels, \
             alertname, instance, severity, team) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                id.into(),
                alert_id.into(),
                annotations(message).into(),
                "http://prometheus.example/graph".into(),
                message.into(),
                labels
                    .map(|labels| serde_json::to_string(labels).unwrap())
                    .into(),
                labels.map(|labels| alertname(labels).to_owned()).into(),
                field("instance").into(),
                field("severity").into(),
                field("team").into(),
            ],
        )
        .await;
    }

    /// Inserts an incident, the latest so far of its alert, which must exist.
    pub(crate) async fn put_incident(&self, incident: &Incident) {
        let ended = incident.state != IncidentState::Open;
        self.run(
            "INSERT INTO incidents (id, series_id, episode, state, starts_at, ends_at, \
             closed_at, end_reason, first_seen_at, last_seen_at, last_entry_at, occurrences, \
             senders, telling_id, content, told, known_at, known_by) \
             VALUES (?, ?, (SELECT COUNT(*) + 1 FROM incidents WHERE series_id = ?), \
             ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, '[]', ?, ?)",
            vec![
                incident.id.into(),
                incident.alert_id.into(),
                incident.alert_id.into(),
                incident.state.code().into(),
                incident.starts_at.as_micros().into(),
                incident.ends_at.map(Timestamp::as_micros).into(),
                ended.then_some(incident.last_seen_at.as_micros()).into(),
                ended.then_some(0i16).into(),
                incident.starts_at.as_micros().into(),
                incident.last_seen_at.as_micros().into(),
                incident.last_seen_at.as_micros().into(),
                incident.occurrences.into(),
                incident.content_id.into(),
                Vec::<u8>::new().into(),
                incident
                    .known_by
                    .as_ref()
                    .map(|_| incident.last_seen_at.as_micros())
                    .into(),
                incident.known_by.clone().into(),
            ],
        )
        .await;
    }

    /// Inserts a log entry of `incident`, reported by delivery 1.
    pub(crate) async fn put_entry(&self, entry: &Entry, incident: &Incident) {
        self.run(
            "INSERT INTO log_entries (id, delivery_id, incident_id, series_id, telling_id, \
             received_at, status, kind, starts_at, ends_at) \
             VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                entry.id.into(),
                incident.id.into(),
                incident.alert_id.into(),
                incident.content_id.into(),
                entry.received_at.as_micros().into(),
                entry.status.code().into(),
                EntryKind::Refreshed.code().into(),
                entry.starts_at.as_micros().into(),
                entry.ends_at.map(Timestamp::as_micros).into(),
            ],
        )
        .await;
    }

    /// Inserts a delivery.
    pub(crate) async fn put_delivery(
        &self,
        id: i64,
        source: &str,
        outcome: DeliveryOutcome,
        received_at: Timestamp,
        unrouted: i64,
    ) {
        self.run(
            "INSERT INTO deliveries (id, received_at, source, outcome, receiver, group_key, \
             version, alerts, truncated_alerts, opened, resolved, refreshed, seen_again, late, \
             rejected, unrouted, body_bytes) \
             VALUES (?, ?, ?, ?, 'ops', 'key', '4', 2, 0, 1, 0, 0, 0, 0, ?, ?, 10)",
            vec![
                id.into(),
                received_at.as_micros().into(),
                source.into(),
                outcome.code().into(),
                r#"[{"index":1,"reason":"no labels"}]"#.into(),
                unrouted.into(),
            ],
        )
        .await;
    }

    /// Inserts `count` open incidents of one source, with IDs from 1, each with its own alert
    /// and log entry.
    pub(crate) async fn put_incidents(&self, count: i64) -> Vec<Incident> {
        let mut incidents = Vec::new();
        for id in 1..=count {
            let instance = format!("host-{id}:9100");
            let labels = labels(&[("alertname", "DiskFull"), ("instance", &instance)]);
            self.put_alert(id, "alertmanager", &labels, "it is full")
                .await;
            let incident = Incident {
                id,
                alert_id: id,
                source: "alertmanager".to_owned(),
                content_id: None,
                labels,
                message: "it is full".to_owned(),
                state: IncidentState::Open,
                starts_at: at(id),
                ends_at: None,
                last_seen_at: at(100 + id),
                occurrences: 1,
                known_by: None,
            };
            self.put_incident(&incident).await;
            let entry = Entry {
                id,
                incident: 0,
                received_at: at(100 + id),
                status: Status::Firing,
                starts_at: at(id),
                ends_at: None,
            };
            self.put_entry(&entry, &incident).await;
            incidents.push(incident);
        }
        incidents
    }
}

fn annotations(message: &str) -> String {
    serde_json::to_string(&labels(&[("message", message)])).unwrap()
}
