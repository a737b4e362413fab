//! A few hundred rows, the same in every run, and an in-memory model that filters them with
//! a loop.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tocsin_core::alert::{AlertFields, Labels, Status};
use tocsin_core::search;
use tocsin_core::time::Timestamp;
use tocsin_storage::enums::IncidentState;
use tocsin_storage::incidents::IncidentSort;
use tocsin_storage::{AlertCriteria, AlertFilter, IncidentFilter, TimeRange};

use crate::common::rows::{Entry, Incident, alertname, label, labels};
use crate::common::{TestDb, at};

pub(crate) const NAMES: [&str; 5] = ["DiskFull", "CPUHigh", "内存不足", r"Odd%_\Name", ""];
pub(crate) const INSTANCES: [&str; 5] = ["web-1:9100", "web-2:9100", "DB-1:5432", "Straße", ""];
pub(crate) const SEVERITIES: [&str; 4] = ["critical", "warning", "Warning", ""];
pub(crate) const TEAMS: [&str; 4] = ["infra", "数据库", "it's \"me\"", ""];
const JOBS: [&str; 4] = ["api", "api-gateway", "node", ""];
pub(crate) const SOURCES: [&str; 3] = ["alertmanager", "eu", "us"];
const MESSAGES: [&str; 5] = [
    "disk 90% full",
    "100_percent",
    r"back\slash",
    "ÜBER Last",
    "",
];

pub(crate) const NOW: i64 = 2_000;
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(500);

pub(crate) struct World {
    pub(crate) random: StdRng,
    pub(crate) incidents: Vec<Incident>,
    /// Each with its content, which can differ from that of its incident.
    pub(crate) entries: Vec<(Entry, Incident)>,
}

/// Content of an alert: first or later.
struct Content {
    content_id: Option<i64>,
    labels: Labels,
    message: String,
}

impl World {
    /// Uses few distinct times, so that many rows have the same one. Half of the alerts are in
    /// the search index, the others are queued.
    pub(crate) async fn put(test: &TestDb) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let mut world = (Vec::new(), Vec::new());
        let mut content_count = 0;
        for alert_id in 1..=60 {
            let source = *SOURCES.choose(&mut random).unwrap();
            let first = some_labels(&mut random);
            let message = *MESSAGES.choose(&mut random).unwrap();
            test.put_alert(alert_id, source, &first, message).await;
            let mut contents = vec![Content {
                content_id: None,
                labels: first,
                message: message.to_owned(),
            }];
            for _ in 0..random.random_range(0..3) {
                content_count += 1;
                let other = random.random_bool(0.4).then(|| some_labels(&mut random));
                let message = *MESSAGES.choose(&mut random).unwrap();
                test.put_content(content_count, alert_id, other.as_ref(), message)
                    .await;
                contents.push(Content {
                    content_id: Some(content_count),
                    labels: other.unwrap_or_else(|| contents[0].labels.clone()),
                    message: message.to_owned(),
                });
            }
            if alert_id == 30 {
                enqueue(test, 1, 1..=30).await;
                enqueue(test, 4, 1..=content_count).await;
                let tx = test.db.begin().await.unwrap();
                project_all(&tx).await;
                tx.commit().await.unwrap();
            }
            put_incidents(test, &mut random, alert_id, source, &contents, &mut world).await;
        }
        enqueue(test, 1, 31..=60).await;
        let indexed = test.number(
            "SELECT COUNT(*) FROM tellings WHERE series_id <= 30",
            vec![],
        );
        enqueue(test, 4, indexed.await + 1..=content_count).await;
        let (incidents, entries) = world;
        Self {
            random,
            incidents,
            entries,
        }
    }

    /// IDs of the entries that match a filter, oldest first.
    pub(crate) fn alerts(&self, filter: &AlertFilter) -> Vec<i64> {
        let mut found: Vec<&(Entry, Incident)> = self
            .entries
            .iter()
            .filter(|(entry, reported)| {
                let incident = &self.incidents[entry.incident];
                (filter.status.is_empty() || filter.status.contains(&entry.status))
                    && within(filter.received, Some(entry.received_at))
                    && (filter.about.known).is_none_or(|is| is == is_known(incident))
                    && meets(&filter.about, reported, entry.starts_at, entry.ends_at)
            })
            .collect();
        found.sort_by_key(|(entry, _)| (entry.received_at, entry.id));
        found.into_iter().map(|(entry, _)| entry.id).collect()
    }

    /// IDs of the incidents that match a filter, in ascending order of the sort key.
    pub(crate) fn incidents(&self, filter: &IncidentFilter, sort: IncidentSort) -> Vec<i64> {
        let status = |incident: &Incident| match incident.state {
            IncidentState::Open => Status::Firing,
            IncidentState::Resolved | IncidentState::Expired | IncidentState::Closed => {
                Status::Resolved
            }
        };
        let mut found: Vec<&Incident> = self
            .incidents
            .iter()
            .filter(|incident| {
                (filter.state.is_empty() || filter.state.contains(&incident.state))
                    && (filter.status.is_empty() || filter.status.contains(&status(incident)))
                    && filter.stale.is_none_or(|is| is == stale(incident))
                    && was_active(incident, filter.active)
                    && (filter.about.known).is_none_or(|is| is == is_known(incident))
                    && meets(
                        &filter.about,
                        incident,
                        incident.starts_at,
                        incident.ends_at,
                    )
            })
            .collect();
        found.sort_by_key(|incident| match (sort, incident.ends_at) {
            (IncidentSort::LastSeenAt, _) => (incident.last_seen_at.as_micros(), incident.id),
            (IncidentSort::StartsAt, _) => (incident.starts_at.as_micros(), incident.id),
            (IncidentSort::Occurrences, _) => (incident.occurrences, incident.id),
            (IncidentSort::Duration, Some(end)) => (
                end.as_micros() - incident.starts_at.as_micros(),
                incident.id,
            ),
            (IncidentSort::Duration, None) => (
                at(NOW).as_micros() - incident.starts_at.as_micros(),
                -incident.id,
            ),
        });
        found.into_iter().map(|incident| incident.id).collect()
    }
}

pub(crate) fn stale(incident: &Incident) -> bool {
    incident.state == IncidentState::Open && incident.last_seen_at < at(NOW - 500)
}

/// Queues rows as ingest does: kind 1 for alerts, 4 for contents.
async fn enqueue(test: &TestDb, kind: i16, ids: std::ops::RangeInclusive<i64>) {
    let list = serde_json::to_vec(&ids.collect::<Vec<i64>>()).unwrap();
    let values = vec![kind.into(), list.into()];
    test.run("INSERT INTO backlog (kind, data) VALUES (?, ?)", values)
        .await;
}

async fn project_all(tx: &tocsin_storage::Tx) {
    while tocsin_storage::search::project(tx, 100).await.unwrap() > 0 {}
}

fn some_labels(random: &mut StdRng) -> Labels {
    let mut set = Labels::new();
    for (name, values) in [
        ("alertname", NAMES.as_slice()),
        ("instance", &INSTANCES),
        ("severity", &SEVERITIES),
        ("team", &TEAMS),
        ("job", &JOBS),
    ] {
        // An empty label is equivalent to a missing one.
        let value = *values.choose(random).unwrap();
        if !value.is_empty() || random.random_bool(0.3) {
            set.extend(labels(&[(name, value)]));
        }
    }
    set
}

async fn put_incidents(
    test: &TestDb,
    random: &mut StdRng,
    alert_id: i64,
    source: &str,
    contents: &[Content],
    (incidents, entries): &mut (Vec<Incident>, Vec<(Entry, Incident)>),
) {
    let count = random.random_range(1..=3);
    for number in 1..=count {
        let state = match (number == count, random.random_range(0..4)) {
            (true, 0 | 1) => IncidentState::Open,
            (_, 0) => IncidentState::Expired,
            (_, 1) => IncidentState::Closed,
            (_, _) => IncidentState::Resolved,
        };
        let starts = random.random_range(0..10) * 100;
        let last = contents.choose(random).unwrap();
        let incident = Incident {
            id: incidents.len() as i64 + 1,
            alert_id,
            source: source.to_owned(),
            content_id: last.content_id,
            labels: last.labels.clone(),
            message: last.message.clone(),
            state,
            starts_at: at(starts),
            ends_at: (state != IncidentState::Open)
                .then(|| at(starts + random.random_range(0..5) * 100)),
            last_seen_at: at(random.random_range(10..20) * 100),
            occurrences: random.random_range(1..4),
            known_by: random.random_bool(0.3).then(|| "Kim".to_owned()),
        };
        test.put_incident(&incident).await;
        incidents.push(incident.clone());
        for _ in 0..random.random_range(0..6) {
            let of = contents.choose(random).unwrap();
            let reported = Incident {
                content_id: of.content_id,
                labels: of.labels.clone(),
                message: of.message.clone(),
                ..incident.clone()
            };
            let entry = Entry {
                id: entries.len() as i64 + 1,
                incident: incidents.len() - 1,
                received_at: at(random.random_range(0..20) * 100),
                status: *[Status::Firing, Status::Resolved].choose(random).unwrap(),
                starts_at: at(random.random_range(0..10) * 100),
                ends_at: random
                    .random_bool(0.5)
                    .then(|| at(random.random_range(0..10) * 100)),
            };
            test.put_entry(&entry, &reported).await;
            entries.push((entry, reported));
        }
    }
}

fn within(range: TimeRange, time: Option<Timestamp>) -> bool {
    let none = range == TimeRange::default();
    time.map_or(none, |time| {
        range.from.is_none_or(|from| time >= from) && range.to.is_none_or(|to| time < to)
    })
}

fn was_active(incident: &Incident, range: TimeRange) -> bool {
    range.to.is_none_or(|to| incident.starts_at < to)
        && range
            .from
            .zip(incident.ends_at)
            .is_none_or(|(from, ended)| ended >= from)
}

fn any(wanted: &[String], value: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|w| w == value)
}

fn is_known(incident: &Incident) -> bool {
    incident.known_by.is_some() || incident.state != IncidentState::Open
}

/// Evaluates the criteria independently of the code under test.
fn meets(
    criteria: &AlertCriteria,
    incident: &Incident,
    starts_at: Timestamp,
    ends_at: Option<Timestamp>,
) -> bool {
    let labels = &incident.labels;
    let name = alertname(labels);
    let subject = search::subject(name, label(labels, "instance"));
    let message = search::fold(&incident.message);
    let met = any(&criteria.severity, label(labels, "severity"))
        && any(&criteria.team, label(labels, "team"))
        && any(&criteria.alertname, name)
        && any(&criteria.instance, label(labels, "instance"))
        && any(&criteria.source, &incident.source)
        && criteria
            .matchers
            .iter()
            .all(|matcher| matcher.matches(labels))
        && criteria
            .words
            .iter()
            .all(|w| subject.contains(w) || message.contains(w));
    let fields = AlertFields {
        alertname: name.to_owned(),
        instance: label(labels, "instance").to_owned(),
        severity: label(labels, "severity").to_owned(),
        team: label(labels, "team").to_owned(),
        message: incident.message.clone(),
    };
    assert_eq!(criteria.matches(&incident.source, labels, &fields), met);
    met && within(criteria.starts, Some(starts_at)) && within(criteria.ends, ends_at)
}
