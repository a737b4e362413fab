//! A few hundred rows, the same in every run, and a model of them in memory:
//! what a loop over all rows finds.

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
    /// Each with what it was told with, which may be other than its incident's.
    pub(crate) entries: Vec<(Entry, Incident)>,
}

/// What a series was told with: at first, then later.
struct Told {
    telling_id: Option<i64>,
    labels: Labels,
    message: String,
}

impl World {
    /// Times are few, so that many rows share one. Half of the series are in the
    /// search index, the others wait for that.
    pub(crate) async fn put(test: &TestDb) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let mut world = (Vec::new(), Vec::new());
        let mut tellings = 0;
        for series_id in 1..=60 {
            let source = *SOURCES.choose(&mut random).unwrap();
            let first = some_labels(&mut random);
            let message = *MESSAGES.choose(&mut random).unwrap();
            test.put_series(series_id, source, &first, message).await;
            let mut told = vec![Told {
                telling_id: None,
                labels: first,
                message: message.to_owned(),
            }];
            for _ in 0..random.random_range(0..3) {
                tellings += 1;
                let other = random.random_bool(0.4).then(|| some_labels(&mut random));
                let message = *MESSAGES.choose(&mut random).unwrap();
                test.put_telling(tellings, series_id, other.as_ref(), message)
                    .await;
                told.push(Told {
                    telling_id: Some(tellings),
                    labels: other.unwrap_or_else(|| told[0].labels.clone()),
                    message: message.to_owned(),
                });
            }
            if series_id == 30 {
                to_index(test, 1, 1..=30).await;
                to_index(test, 4, 1..=tellings).await;
                let tx = test.db.begin().await.unwrap();
                search_fold(&tx).await;
                tx.commit().await.unwrap();
            }
            put_episodes(test, &mut random, series_id, source, &told, &mut world).await;
        }
        to_index(test, 1, 31..=60).await;
        let indexed = test.number(
            "SELECT COUNT(*) FROM tellings WHERE series_id <= 30",
            vec![],
        );
        to_index(test, 4, indexed.await + 1..=tellings).await;
        let (incidents, entries) = world;
        Self {
            random,
            incidents,
            entries,
        }
    }

    /// The numbers of the entries that a filter finds, oldest first.
    pub(crate) fn alerts(&self, filter: &AlertFilter) -> Vec<i64> {
        let mut found: Vec<&(Entry, Incident)> = self
            .entries
            .iter()
            .filter(|(entry, told)| {
                let incident = &self.incidents[entry.incident];
                (filter.status.is_empty() || filter.status.contains(&entry.status))
                    && within(filter.received, Some(entry.received_at))
                    && (filter.about.known).is_none_or(|is| is == known(incident))
                    && meets(&filter.about, told, entry.starts_at, entry.ends_at)
            })
            .collect();
        found.sort_by_key(|(entry, _)| (entry.received_at, entry.id));
        found.into_iter().map(|(entry, _)| entry.id).collect()
    }

    /// The numbers of the incidents that a filter finds, the least first.
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
                    && (filter.about.known).is_none_or(|is| is == known(incident))
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

/// What ingest leaves in the backlog: 1 for series, 4 for tellings.
async fn to_index(test: &TestDb, kind: i16, ids: std::ops::RangeInclusive<i64>) {
    let list = serde_json::to_vec(&ids.collect::<Vec<i64>>()).unwrap();
    let values = vec![kind.into(), list.into()];
    test.run("INSERT INTO backlog (kind, data) VALUES (?, ?)", values)
        .await;
}

async fn search_fold(tx: &tocsin_storage::Tx) {
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
        // Empty and left out are two ways to say the same.
        let value = *values.choose(random).unwrap();
        if !value.is_empty() || random.random_bool(0.3) {
            set.extend(labels(&[(name, value)]));
        }
    }
    set
}

async fn put_episodes(
    test: &TestDb,
    random: &mut StdRng,
    series_id: i64,
    source: &str,
    told: &[Told],
    (incidents, entries): &mut (Vec<Incident>, Vec<(Entry, Incident)>),
) {
    let episodes = random.random_range(1..=3);
    for episode in 1..=episodes {
        let state = match (episode == episodes, random.random_range(0..4)) {
            (true, 0 | 1) => IncidentState::Open,
            (_, 0) => IncidentState::Expired,
            (_, 1) => IncidentState::Closed,
            (_, _) => IncidentState::Resolved,
        };
        let starts = random.random_range(0..10) * 100;
        let last = told.choose(random).unwrap();
        let incident = Incident {
            id: incidents.len() as i64 + 1,
            series_id,
            source: source.to_owned(),
            telling_id: last.telling_id,
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
            let of = told.choose(random).unwrap();
            let told = Incident {
                telling_id: of.telling_id,
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
            test.put_entry(&entry, &told).await;
            entries.push((entry, told));
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

fn known(incident: &Incident) -> bool {
    incident.known_by.is_some() || incident.state != IncidentState::Open
}

/// What is asked, by other means than the program's own.
fn meets(
    criteria: &AlertCriteria,
    told: &Incident,
    starts_at: Timestamp,
    ends_at: Option<Timestamp>,
) -> bool {
    let labels = &told.labels;
    let name = alertname(labels);
    let subject = search::subject(name, label(labels, "instance"));
    let message = search::fold(&told.message);
    let met = any(&criteria.severity, label(labels, "severity"))
        && any(&criteria.team, label(labels, "team"))
        && any(&criteria.alertname, name)
        && any(&criteria.instance, label(labels, "instance"))
        && any(&criteria.source, &told.source)
        && criteria
            .matchers
            .iter()
            .all(|matcher| matcher.matches(labels))
        && criteria
            .words
            .iter()
            .all(|w| subject.contains(w) || message.contains(w));
    let facts = AlertFields {
        alertname: name.to_owned(),
        instance: label(labels, "instance").to_owned(),
        severity: label(labels, "severity").to_owned(),
        team: label(labels, "team").to_owned(),
        message: told.message.clone(),
    };
    assert_eq!(criteria.matches(&told.source, labels, &facts), met);
    met && within(criteria.starts, Some(starts_at)) && within(criteria.ends, ends_at)
}
