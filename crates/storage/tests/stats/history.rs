//! A random history as ingest would store it, and what is known of it.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tocsin_core::alert::{Labels, Status};
use tocsin_core::stats::{Delta, HOUR, StatsKey};
use tocsin_core::time::Timestamp;
use tocsin_storage::{projection_queue, search};

use crate::common::{TestDb, Value};

/// Hours since the epoch at which histories begin: in the middle of a day and
/// of every wider bucket.
pub(crate) const BEGIN: i64 = 489_005;

/// What a series is counted under: source, severity, team, alertname, instance.
pub(crate) type Facts = [&'static str; 5];

/// Between the numbers of entries and of deliveries, so that those of few span
/// more than is counted at once.
const APART: i64 = 10;

const SOURCES: [&str; 2] = ["eu", "us"];
const SEVERITIES: [&str; 4] = ["critical", "warning", "", "info"];
const TEAMS: [&str; 3] = ["web", "", "数据库"];
const NAMES: [&str; 5] = ["Down", "DiskFull", "Slow", "(none)", "Flapping"];
const INSTANCES: [&str; 7] = ["a:1", "a:10", "a:100", "b", "", "a:1\u{1}", "中"];

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) series: usize,
    pub(crate) incident: usize,
    pub(crate) at: i64,
    /// The place of its delivery among them all.
    pub(crate) delivery: usize,
    pub(crate) status: Status,
    /// As stored: 0 opened, 1 resolved, 2 refreshed, 3 late.
    pub(crate) kind: i16,
}

#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) series: usize,
    pub(crate) began: i64,
    pub(crate) seen: i64,
    pub(crate) ended: Option<i64>,
    /// The entry that told that it was lost.
    pub(crate) lost_by: Option<i64>,
    /// Whether it turned out to be a stale copy.
    pub(crate) is_copy: bool,
    pub(crate) known: bool,
}

/// The labels of a series; what is empty is missing.
pub(crate) fn labels(facts: &Facts) -> Labels {
    let [_, severity, team, alertname, instance] = *facts;
    [
        ("severity", severity),
        ("team", team),
        ("alertname", alertname),
        ("instance", instance),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// Everything that was told, and where it stands.
#[derive(Clone)]
pub(crate) struct History {
    random: StdRng,
    pub(crate) series: Vec<Facts>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) incidents: Vec<Incident>,
    /// Accepted deliveries: when, and from where.
    pub(crate) deliveries: Vec<(i64, &'static str)>,
    /// The open incident of each series.
    open: Vec<Option<usize>>,
    /// What is in the database already.
    stored: [usize; 4],
    /// Whether some incidents turn out to be copies.
    pub(crate) with_copies: bool,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let series: Vec<Facts> = (0..30)
            .map(|_| {
                [
                    SOURCES[random.random_range(0..SOURCES.len())],
                    SEVERITIES[random.random_range(0..SEVERITIES.len())],
                    TEAMS[random.random_range(0..TEAMS.len())],
                    NAMES[random.random_range(0..NAMES.len())],
                    INSTANCES[random.random_range(0..INSTANCES.len())],
                ]
            })
            .collect();
        Self {
            random,
            open: vec![None; series.len()],
            series,
            entries: vec![],
            incidents: vec![],
            deliveries: vec![],
            stored: [0; 4],
            with_copies: true,
        }
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    /// A time within the `hours` of the history; often at the very hour.
    pub(crate) fn time(&mut self, hours: i64) -> i64 {
        let hour = (BEGIN + self.random.random_range(-2..hours + 2)) * HOUR;
        match self.random.random_range(0..3) {
            0 => hour,
            1 => hour + self.random.random_range(-1..=1),
            _ => hour + self.random.random_range(0..HOUR),
        }
    }

    /// One batch of a few deliveries at `at`, and its tallies.
    pub(crate) fn batch(&mut self, at: i64) -> Delta {
        let mut tallies = Delta::default();
        let deliveries = self.random.random_range(1..4);
        for _ in 0..deliveries {
            let source = SOURCES[self.random.random_range(0..SOURCES.len())];
            self.deliveries.push((at, source));
            tallies.delivery(Timestamp::from_micros(at), source);
        }
        for _ in 0..self.random.random_range(0..12) {
            let delivery = self.deliveries.len() - 1 - self.below(deliveries);
            self.alert(at, delivery, &mut tallies);
        }
        tallies
    }

    fn alert(&mut self, at: i64, delivery: usize, tallies: &mut Delta) {
        let series = self.random.random_range(0..self.series.len());
        let [source, severity, team, alertname, instance] = self.series[series];
        let of = StatsKey {
            source,
            severity,
            team,
            alertname,
            instance,
        };
        let time = Timestamp::from_micros(at);
        let begins = |history: &mut Self, ended: Option<i64>| {
            history.incidents.push(Incident {
                series,
                began: at,
                seen: at,
                ended,
                lost_by: None,
                is_copy: false,
                known: history.random.random_bool(0.3),
            });
            history.incidents.len() - 1
        };
        let id = (self.entries.len() as i64 + 1) * APART;
        let (incident, status, kind) = match (self.open[series], self.random.random_range(0..5)) {
            // Only its resolution told of it.
            (None, 0) => {
                tallies.opened(time, &of);
                tallies.ended(time, &of);
                (begins(self, Some(at)), Status::Resolved, 1)
            }
            (None, _) => {
                tallies.opened(time, &of);
                (begins(self, None), Status::Firing, 0)
            }
            (Some(open), 0 | 1) => {
                let began = self.incidents[open].began;
                if self.random.random_bool(0.2) && self.with_copies {
                    tallies.copy(Timestamp::from_micros(began), &of);
                    self.incidents[open].is_copy = true;
                } else {
                    tallies.ended(time, &of);
                }
                self.incidents[open].ended = Some(at);
                (open, Status::Resolved, 1)
            }
            // It fired anew, and its end was never told.
            (Some(open), 2) => {
                tallies.ended(time, &of);
                tallies.opened(time, &of);
                self.incidents[open].ended = Some(at);
                self.incidents[open].lost_by = Some(id);
                (begins(self, None), Status::Firing, 0)
            }
            (Some(open), 3) => (open, Status::Firing, 2),
            (Some(open), _) => (open, Status::Resolved, 3),
        };
        tallies.entry(time, &of, status);
        self.incidents[incident].seen = at;
        self.open[series] = self.incidents[incident].ended.is_none().then_some(incident);
        self.entries.push(Entry {
            id,
            series,
            incident,
            at,
            delivery,
            status,
            kind,
        });
    }

    /// Stores what is new, without what is to be folded.
    pub(crate) async fn store_rows(&mut self, test: &TestDb) {
        let [series, incidents, entries, deliveries] = self.stored;
        let mut rows = Rows::default();
        for (id, facts) in self.series.iter().enumerate().skip(series) {
            let mut values = vec![(id as i64 + 1).into(), facts[0].into()];
            values.push((id as u64).to_be_bytes().to_vec().into());
            values.push(serde_json::to_string(&labels(facts)).unwrap().into());
            values.extend([facts[3], facts[4], facts[1], facts[2]].map(Value::from));
            rows.add("(?, ?, ?, '', ?, '{}', '', '', ?, ?, ?, ?)", values);
        }
        rows.insert(
            test,
            "series (id, source, fingerprint, content, labels, annotations, generator_url, \
             message, alertname, instance, severity, team)",
        )
        .await;
        for (id, entry) in (0..).zip(&self.entries).skip(entries) {
            let _: i64 = id;
            rows.add(
                "(?, ?, ?, ?, ?, ?, ?, 0)",
                vec![
                    entry.id.into(),
                    ((entry.delivery as i64 + 1) * APART).into(),
                    (entry.incident as i64 + 1).into(),
                    (entry.series as i64 + 1).into(),
                    entry.at.into(),
                    i16::from(entry.status == Status::Resolved).into(),
                    entry.kind.into(),
                ],
            );
        }
        rows.insert(
            test,
            "log_entries (id, delivery_id, incident_id, series_id, received_at, status, kind, \
             starts_at)",
        )
        .await;
        self.store_incidents(test, incidents).await;
        for (id, (at, source)) in self.deliveries.iter().enumerate().skip(deliveries) {
            rows.add(
                "(?, ?, ?, 0, '', '', '', 0, 0, 0, 0, 0, 0, 0, '[]', 0, 0)",
                vec![
                    ((id as i64 + 1) * APART).into(),
                    (*at).into(),
                    (*source).into(),
                ],
            );
        }
        rows.insert(
            test,
            "deliveries (id, received_at, source, outcome, receiver, group_key, version, alerts, \
             truncated_alerts, opened, resolved, refreshed, seen_again, late, rejected, unrouted, \
             body_bytes)",
        )
        .await;
        if series < self.series.len() {
            let new: Vec<i64> = (series as i64 + 1..=self.series.len() as i64).collect();
            let tx = test.db.begin().await.unwrap();
            projection_queue::enqueue_alerts(&tx, &new).await.unwrap();
            search::project(&tx, usize::MAX).await.unwrap();
            tx.commit().await.unwrap();
        }
        self.stored = [
            self.series.len(),
            self.incidents.len(),
            self.entries.len(),
            self.deliveries.len(),
        ];
    }

    /// Incidents change, so all are written again.
    async fn store_incidents(&self, test: &TestDb, _stored: usize) {
        test.run("DELETE FROM incidents", vec![]).await;
        test.run("DELETE FROM incident_events", vec![]).await;
        let mut rows = Rows::default();
        let mut lost = Rows::default();
        for (id, one) in (1i64..).zip(&self.incidents) {
            let state: i16 = match (one.ended, one.lost_by) {
                (None, _) => 0,
                (Some(_), None) => 1,
                (Some(_), Some(_)) => 2,
            };
            rows.add(
                "(?, ?, ?, ?, ?, ?, 0, ?, ?, 0, 1, 1, ?, '', '[]')",
                vec![
                    id.into(),
                    (one.series as i64 + 1).into(),
                    id.into(),
                    state.into(),
                    one.ended.into(),
                    one.ended.map(|_| if one.is_copy { 4i16 } else { 0 }).into(),
                    one.began.into(),
                    one.seen.into(),
                    one.known.then_some(one.began).into(),
                ],
            );
            if let (Some(entry), Some(at)) = (one.lost_by, one.ended) {
                lost.add("(?, 3, ?, ?)", vec![id.into(), at.into(), entry.into()]);
            }
        }
        rows.insert(
            test,
            "incidents (id, series_id, episode, state, closed_at, end_reason, starts_at, \
             first_seen_at, last_seen_at, \
             last_entry_at, occurrences, senders, known_at, content, told)",
        )
        .await;
        lost.insert(test, "incident_events (incident_id, kind, at, entry_id)")
            .await;
    }

    /// Stores a batch as ingest does.
    pub(crate) async fn store(&mut self, test: &TestDb, tallies: &Delta) {
        self.store_rows(test).await;
        let tx = test.db.begin().await.unwrap();
        projection_queue::enqueue_stats(&tx, tallies).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Rows of one table, for one statement.
#[derive(Default)]
struct Rows {
    places: Vec<&'static str>,
    values: Vec<Value>,
}

impl Rows {
    fn add(&mut self, places: &'static str, values: Vec<Value>) {
        self.places.push(places);
        self.values.extend(values);
    }

    async fn insert(&mut self, test: &TestDb, table: &str) {
        if !self.places.is_empty() {
            let places = self.places.join(", ");
            let values = std::mem::take(&mut self.values);
            test.run(&format!("INSERT INTO {table} VALUES {places}"), values)
                .await;
            self.places.clear();
        }
    }
}
