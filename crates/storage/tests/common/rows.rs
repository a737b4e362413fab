//! Rows put in past the functions under test.

use tocsin_core::alert::{Labels, Status};
use tocsin_core::search;
use tocsin_core::time::Timestamp;
use tocsin_storage::codes::{Coded, DeliveryOutcome, EntryKind, IncidentState};

use super::{TestDb, at};

/// A label set as tests write it: `labels(&[("job", "api")])`.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A label's value, or empty.
pub(crate) fn label<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).map_or("", String::as_str)
}

/// An incident as a fixture.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) id: i64,
    pub(crate) series_id: i64,
    pub(crate) source: String,
    pub(crate) label_set_id: i64,
    pub(crate) annotation_set_id: i64,
    pub(crate) labels: Labels,
    pub(crate) message: String,
    pub(crate) state: IncidentState,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) occurrences: i64,
    pub(crate) known_by: Option<String>,
}

/// A log entry as a fixture.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    /// Its place in the fixture's incidents.
    pub(crate) incident: usize,
    pub(crate) received_at: Timestamp,
    pub(crate) status: Status,
    pub(crate) starts_at: Timestamp,
    pub(crate) ends_at: Option<Timestamp>,
}

impl TestDb {
    /// A label set and its labels.
    pub(crate) async fn put_label_set(&self, id: i64, labels: &Labels) {
        let alertname = match label(labels, "alertname") {
            "" => "(none)",
            name => name,
        };
        let instance = label(labels, "instance");
        self.run(
            "INSERT INTO label_sets (id, digest, labels, alertname, instance, severity, team, \
             search) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                id.into(),
                id.to_be_bytes().to_vec().into(),
                serde_json::to_string(labels).unwrap().into(),
                alertname.into(),
                instance.into(),
                label(labels, "severity").into(),
                label(labels, "team").into(),
                search::subject(alertname, instance).into(),
            ],
        )
        .await;
        for (name, value) in labels {
            let digest = format!("{}:{name}{value}", name.len()).into_bytes();
            self.run(
                "INSERT INTO labels (digest, name, value) VALUES (?, ?, ?) \
                 ON CONFLICT (digest) DO NOTHING",
                vec![
                    digest.clone().into(),
                    name.as_str().into(),
                    value.as_str().into(),
                ],
            )
            .await;
            self.run(
                "INSERT INTO label_set_labels (label_id, label_set_id) \
                 SELECT id, CAST(? AS BIGINT) FROM labels WHERE digest = ?",
                vec![id.into(), digest.into()],
            )
            .await;
        }
    }

    /// An annotation set that says `message`.
    pub(crate) async fn put_annotation_set(&self, id: i64, message: &str) {
        let annotations = labels(&[("message", message)]);
        self.run(
            "INSERT INTO annotation_sets (id, digest, annotations, generator_url, message, \
             search) VALUES (?, ?, ?, ?, ?, ?)",
            vec![
                id.into(),
                id.to_be_bytes().to_vec().into(),
                serde_json::to_string(&annotations).unwrap().into(),
                "http://prometheus.example/graph".into(),
                message.into(),
                search::fold(message).into(),
            ],
        )
        .await;
    }

    /// A series.
    pub(crate) async fn put_series(&self, id: i64, source: &str) {
        self.run(
            "INSERT INTO series (id, source, fingerprint) VALUES (?, ?, ?)",
            vec![id.into(), source.into(), format!("{id:016x}").into()],
        )
        .await;
    }

    /// An incident; its series and sets are there already.
    pub(crate) async fn put_incident(&self, incident: &Incident) {
        self.run(
            "INSERT INTO incidents (id, series_id, state, starts_at, ends_at, first_seen_at, \
             last_seen_at, last_entry_at, occurrences, senders, label_set_id, \
             annotation_set_id, known_at, known_by) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)",
            vec![
                incident.id.into(),
                incident.series_id.into(),
                incident.state.code().into(),
                incident.starts_at.as_micros().into(),
                incident.ends_at.map(Timestamp::as_micros).into(),
                incident.starts_at.as_micros().into(),
                incident.last_seen_at.as_micros().into(),
                incident.last_seen_at.as_micros().into(),
                incident.occurrences.into(),
                incident.label_set_id.into(),
                incident.annotation_set_id.into(),
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

    /// A log entry of `incident`, told by delivery 1.
    pub(crate) async fn put_entry(&self, entry: &Entry, incident: &Incident) {
        self.run(
            "INSERT INTO log_entries (id, delivery_id, incident_id, label_set_id, \
             annotation_set_id, received_at, status, kind, starts_at, ends_at) \
             VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?)",
            vec![
                entry.id.into(),
                incident.id.into(),
                incident.label_set_id.into(),
                incident.annotation_set_id.into(),
                entry.received_at.as_micros().into(),
                entry.status.code().into(),
                EntryKind::Refreshed.code().into(),
                entry.starts_at.as_micros().into(),
                entry.ends_at.map(Timestamp::as_micros).into(),
            ],
        )
        .await;
    }

    /// A delivery.
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

    /// `count` open incidents of one source, numbered from 1, each with a
    /// series, a label set and an entry of its own.
    pub(crate) async fn put_incidents(&self, count: i64) -> Vec<Incident> {
        self.put_annotation_set(1, "it is full").await;
        let mut incidents = Vec::new();
        for id in 1..=count {
            let instance = format!("host-{id}:9100");
            let labels = labels(&[("alertname", "DiskFull"), ("instance", &instance)]);
            self.put_label_set(id, &labels).await;
            self.put_series(id, "alertmanager").await;
            let incident = Incident {
                id,
                series_id: id,
                source: "alertmanager".to_owned(),
                label_set_id: id,
                annotation_set_id: 1,
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
