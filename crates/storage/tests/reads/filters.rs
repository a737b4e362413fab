//! Filters and pages against a model in memory: what the database finds is
//! what a loop over all rows finds, in the same order, page by page.

use std::time::Duration;

use crate::common::rows::{Entry, Incident, label, labels};
use crate::common::{TestDb, at};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tocsin_core::alert::{Labels, Status};
use tocsin_core::time::Timestamp;
use tocsin_core::{matcher, search};
use tocsin_storage::alerts::{self, ByReceived};
use tocsin_storage::codes::IncidentState;
use tocsin_storage::incidents::{self, IncidentSort};
use tocsin_storage::{AlertCriteria, AlertFilter, IncidentFilter, Order, PageRequest, TimeRange};

crate::on_both!(
    the_log_is_filtered_as_a_loop_would,
    incidents_are_filtered_as_a_loop_would
);

const NAMES: [&str; 5] = ["DiskFull", "CPUHigh", "内存不足", r"Odd%_\Name", ""];
const INSTANCES: [&str; 5] = ["web-1:9100", "web-2:9100", "DB-1:5432", "Straße", ""];
const SEVERITIES: [&str; 4] = ["critical", "warning", "Warning", ""];
const TEAMS: [&str; 4] = ["infra", "数据库", "it's \"me\"", ""];
const JOBS: [&str; 4] = ["api", "api-gateway", "node", ""];
const SOURCES: [&str; 3] = ["alertmanager", "eu", "us"];
const MESSAGES: [&str; 5] = [
    "disk 90% full",
    "100_percent",
    r"back\slash",
    "ÜBER Last",
    "",
];
const MATCHERS: [&str; 14] = [
    r#"job="api""#,
    r#"job!="api""#,
    r#"job=~"api.*""#,
    r#"job!~"api.*""#,
    r#"job="""#,
    r#"job!="""#,
    r#"job=~".*""#,
    r#"job=~".+""#,
    r#"job=~"api|""#,
    r#"instance=~"web-[12]:.*""#,
    r#"severity=~"(?i)warning""#,
    r#"team!~"infra|数据库""#,
    r#"missing="""#,
    r#"missing=~"x""#,
];
const WORDS: [&str; 12] = [
    "disk", "%", "_", r"\", "内存", "über", "WEB-1", "9100", "straße", "odd%", "full", "nowhere",
];
const NOW: i64 = 2_000;
const STALE_AFTER: Duration = Duration::from_secs(500);

struct World {
    random: StdRng,
    incidents: Vec<Incident>,
    entries: Vec<Entry>,
}

/// A few hundred rows, the same in every run. Times are few, so that many rows
/// share one.
async fn world(test: &TestDb) -> World {
    let mut random = StdRng::seed_from_u64(7);
    for (id, message) in (1..).zip(MESSAGES) {
        test.put_annotation_set(id, message).await;
    }
    let mut sets: Vec<Labels> = Vec::new();
    while sets.len() < 40 {
        let mut set = Labels::new();
        for (name, values) in [
            ("alertname", NAMES.as_slice()),
            ("instance", &INSTANCES),
            ("severity", &SEVERITIES),
            ("team", &TEAMS),
            ("job", &JOBS),
        ] {
            // Empty and left out are two ways to say the same.
            let value = *values.choose(&mut random).unwrap();
            if !value.is_empty() || random.random_bool(0.3) {
                set.extend(labels(&[(name, value)]));
            }
        }
        if !sets.contains(&set) {
            test.put_label_set(sets.len() as i64 + 1, &set).await;
            sets.push(set);
        }
    }
    let (mut incidents, mut entries) = (Vec::new(), Vec::new());
    for series_id in 1..=60 {
        let source = *SOURCES.choose(&mut random).unwrap();
        test.put_series(series_id, source).await;
        let set = random.random_range(0..sets.len());
        let episodes = random.random_range(1..=3);
        for episode in 1..=episodes {
            let state = match (episode == episodes, random.random_bool(0.5)) {
                (true, true) => IncidentState::Open,
                (_, true) => IncidentState::Lost,
                (_, false) => IncidentState::Resolved,
            };
            let starts = random.random_range(0..10) * 100;
            let message = random.random_range(0..MESSAGES.len());
            let incident = Incident {
                id: incidents.len() as i64 + 1,
                series_id,
                source: source.to_owned(),
                label_set_id: set as i64 + 1,
                annotation_set_id: message as i64 + 1,
                labels: sets[set].clone(),
                message: MESSAGES[message].to_owned(),
                state,
                starts_at: at(starts),
                ends_at: (state != IncidentState::Open)
                    .then(|| at(starts + random.random_range(0..5) * 100)),
                last_seen_at: at(random.random_range(10..20) * 100),
                occurrences: random.random_range(1..4),
                known_by: random.random_bool(0.3).then(|| "Kim".to_owned()),
            };
            test.put_incident(&incident).await;
            incidents.push(incident);
        }
    }
    for id in 1..=300 {
        let incident = random.random_range(0..incidents.len());
        let entry = Entry {
            id,
            incident,
            received_at: at(random.random_range(0..20) * 100),
            status: *[Status::Firing, Status::Resolved]
                .choose(&mut random)
                .unwrap(),
            starts_at: at(random.random_range(0..10) * 100),
            ends_at: random
                .random_bool(0.5)
                .then(|| at(random.random_range(0..10) * 100)),
        };
        test.put_entry(&entry, &incidents[incident]).await;
        entries.push(entry);
    }
    World {
        random,
        incidents,
        entries,
    }
}

impl World {
    fn some(&mut self, of: &[&str]) -> Vec<String> {
        if self.random.random_bool(0.8) {
            return Vec::new();
        }
        let count = self.random.random_range(1..=2);
        of.choose_multiple(&mut self.random, count)
            .map(|text| (*text).to_owned())
            .collect()
    }

    fn range(&mut self) -> TimeRange {
        let mut side = || {
            self.random
                .random_bool(0.15)
                .then(|| self.random.random_range(0..20))
        };
        TimeRange {
            from: side().map(|t| at(t * 100)),
            to: side().map(|t| at(t * 100)),
        }
    }

    fn criteria(&mut self) -> AlertCriteria {
        let names: Vec<&str> = NAMES
            .iter()
            .map(|n| if n.is_empty() { "(none)" } else { n })
            .collect();
        AlertCriteria {
            severity: self.some(&SEVERITIES),
            team: self.some(&TEAMS),
            alertname: self.some(&names),
            instance: self.some(&INSTANCES),
            source: self.some(&SOURCES),
            known: self
                .random
                .random_bool(0.2)
                .then(|| self.random.random_bool(0.5)),
            matchers: self
                .some(&MATCHERS)
                .iter()
                .map(|m| matcher::parse(m).unwrap())
                .collect(),
            words: search::words(&self.some(&WORDS).join(" ")).unwrap(),
            starts: self.range(),
            ends: self.range(),
        }
    }
}

fn within(range: TimeRange, time: Option<Timestamp>) -> bool {
    let none = range == TimeRange::default();
    time.map_or(none, |time| {
        range.from.is_none_or(|from| time >= from) && range.to.is_none_or(|to| time < to)
    })
}

fn any(wanted: &[String], value: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|w| w == value)
}

fn known(incident: &Incident) -> bool {
    incident.known_by.is_some() || incident.state != IncidentState::Open
}

fn meets(
    criteria: &AlertCriteria,
    incident: &Incident,
    starts_at: Timestamp,
    ends_at: Option<Timestamp>,
) -> bool {
    let labels = &incident.labels;
    let alertname = Some(label(labels, "alertname"))
        .filter(|n| !n.is_empty())
        .unwrap_or("(none)");
    let subject = search::subject(alertname, label(labels, "instance"));
    let message = search::fold(&incident.message);
    any(&criteria.severity, label(labels, "severity"))
        && any(&criteria.team, label(labels, "team"))
        && any(&criteria.alertname, alertname)
        && any(&criteria.instance, label(labels, "instance"))
        && any(&criteria.source, &incident.source)
        && criteria.known.is_none_or(|is| is == known(incident))
        && criteria
            .matchers
            .iter()
            .all(|matcher| matcher.matches(labels))
        && criteria
            .words
            .iter()
            .all(|w| subject.contains(w) || message.contains(w))
        && within(criteria.starts, Some(starts_at))
        && within(criteria.ends, ends_at)
}

async fn the_log_is_filtered_as_a_loop_would(test: &TestDb) {
    let mut world = world(test).await;
    let mut found = 0;
    for round in 0..150 {
        let filter = AlertFilter {
            about: world.criteria(),
            status: match world.random.random_range(0..6) {
                0 => vec![Status::Firing],
                1 => vec![Status::Resolved, Status::Firing],
                _ => vec![],
            },
            received: world.range(),
        };
        let order = *[Order::Asc, Order::Desc].choose(&mut world.random).unwrap();
        let mut expected: Vec<&Entry> = world
            .entries
            .iter()
            .filter(|entry| {
                let incident = &world.incidents[entry.incident];
                (filter.status.is_empty() || filter.status.contains(&entry.status))
                    && within(filter.received, Some(entry.received_at))
                    && meets(&filter.about, incident, entry.starts_at, entry.ends_at)
            })
            .collect();
        expected.sort_by_key(|entry| (entry.received_at, entry.id));
        if order == Order::Desc {
            expected.reverse();
        }
        let expected: Vec<i64> = expected.into_iter().map(|entry| entry.id).collect();
        let mut got = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page = PageRequest::new(ByReceived, order, 17, cursor.as_deref()).unwrap();
            let page = alerts::list(&test.db, &filter, &page).await.unwrap();
            got.extend(page.items.iter().map(|alert| alert.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(got, expected, "round {round}: {filter:?}");
        found += got.len();
    }
    assert!(
        found > 3_000,
        "the filters leave too little to compare: {found}"
    );
}

async fn incidents_are_filtered_as_a_loop_would(test: &TestDb) {
    let mut world = world(test).await;
    let stale = |i: &Incident| i.state == IncidentState::Open && i.last_seen_at < at(NOW - 500);
    let mut found = 0;
    for round in 0..150 {
        let filter = IncidentFilter {
            about: world.criteria(),
            state: match world.random.random_range(0..6) {
                0 => vec![IncidentState::Open],
                1 => vec![IncidentState::Lost, IncidentState::Resolved],
                _ => vec![],
            },
            status: match world.random.random_range(0..8) {
                0 => vec![Status::Firing],
                1 => vec![Status::Resolved],
                2 => vec![Status::Resolved, Status::Firing],
                _ => vec![],
            },
            stale: world
                .random
                .random_bool(0.2)
                .then(|| world.random.random_bool(0.5)),
            last_seen: world.range(),
        };
        let order = *[Order::Asc, Order::Desc].choose(&mut world.random).unwrap();
        let sorts = [
            IncidentSort::LastSeenAt,
            IncidentSort::StartsAt,
            IncidentSort::Duration,
            IncidentSort::Occurrences,
        ];
        let sort = *sorts.choose(&mut world.random).unwrap();
        let mut expected: Vec<&Incident> = world
            .incidents
            .iter()
            .filter(|i| {
                let open = i.state == IncidentState::Open;
                let status = if open {
                    Status::Firing
                } else {
                    Status::Resolved
                };
                (filter.state.is_empty() || filter.state.contains(&i.state))
                    && (filter.status.is_empty() || filter.status.contains(&status))
                    && filter.stale.is_none_or(|is| is == stale(i))
                    && within(filter.last_seen, Some(i.last_seen_at))
                    && meets(&filter.about, i, i.starts_at, i.ends_at)
            })
            .collect();
        expected.sort_by_key(|i| {
            let key = match sort {
                IncidentSort::LastSeenAt => i.last_seen_at.as_micros(),
                IncidentSort::StartsAt => i.starts_at.as_micros(),
                IncidentSort::Duration => {
                    i.ends_at.unwrap_or(at(NOW)).as_micros() - i.starts_at.as_micros()
                }
                IncidentSort::Occurrences => i.occurrences,
            };
            (key, i.id)
        });
        if order == Order::Desc {
            expected.reverse();
        }
        let expected: Vec<i64> = expected.into_iter().map(|i| i.id).collect();
        let mut got = Vec::new();
        let mut cursor: Option<String> = None;
        // The clock runs on while pages are read; the walk does not notice.
        let mut now = NOW;
        loop {
            let page = PageRequest::new(sort, order, 9, cursor.as_deref()).unwrap();
            let page = incidents::list(&test.db, &filter, &page, at(now), STALE_AFTER)
                .await
                .unwrap();
            for incident in &page.items {
                assert_eq!(
                    incident.stale,
                    stale(&world.incidents[incident.id as usize - 1])
                );
            }
            got.extend(page.items.iter().map(|i| i.id));
            cursor = page.next;
            now += 70;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(
            got, expected,
            "round {round}: {sort:?} {order:?} {filter:?}"
        );
        let mut all = expected.clone();
        all.sort_unstable();
        let matching =
            incidents::ids_matching(&test.db, &filter, 0, 1_000, at(NOW), STALE_AFTER).await;
        assert_eq!(matching.unwrap(), all, "round {round}");
        found += got.len();
    }
    assert!(
        found > 1_000,
        "the filters leave too little to compare: {found}"
    );
}
