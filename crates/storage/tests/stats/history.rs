//! A random history, stored as ingest would, and its in-memory model.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tocsin_core::alert::{Labels, Status};
use tocsin_core::stats::{Delta, HOUR, StatsKey};
use tocsin_core::time::Timestamp;
use tocsin_storage::{projection_queue, search};

use crate::common::{TestDb, Value};

/// Start of histories, in hours since the epoch: in the middle of a day and of every wider
/// bucket.
pub(crate) const BEGIN: i64 = 489_005;

/// The counted fields of an alert: source, severity, team, alertname, instance.
pub(crate) type Fields = [&'static str; 5];

/// Gap between the IDs of entries and of deliveries, so that even a few rows span more IDs
/// than are counted at once.
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
    /// Index of its delivery.
    pub(crate) delivery: usize,
    pub(crate) status: Status,
    /// Stored code: 0 opened, 1 resolved, 2 repeated, 3 out of order.
    pub(crate) kind: i16,
}

#[derive(Clone, Debug)]
pub(crate) struct Incident {
    pub(crate) series: usize,
    pub(crate) started: i64,
    pub(crate) seen: i64,
    pub(crate) ended: Option<i64>,
    /// ID of the entry after which it expired.
    pub(crate) expired_by: Option<i64>,
    /// Whether it is a stale copy.
    pub(crate) is_copy: bool,
    pub(crate) known: bool,
}

/// The labels of an alert, without empty ones.
pub(crate) fn labels(fields: &Fields) -> Labels {
    let [_, severity, team, alertname, instance] = *fields;
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

/// Everything received so far, and the resulting state.
#[derive(Clone)]
pub(crate) struct History {
    random: StdRng,
    pub(crate) series: Vec<Fields>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) incidents: Vec<Incident>,
    /// Accepted deliveries: receive time and source.
    pub(crate) deliveries: Vec<(i64, &'static str)>,
    /// The open incident of each alert.
    open: Vec<Option<usize>>,
    /// Numbers of rows already stored.
    stored: [usize; 4],
    /// Whether some incidents turn out to be copies.
    pub(crate) with_copies: bool,
}

impl History {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let series: Vec<Fields> = (0..30)
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

    /// A time within the `hours` of the history, often exactly on the hour.
    pub(crate) fn time(&mut self, hours: i64) -> i64 {
        let hour = (BEGIN + self.random.random_range(-2..hours + 2)) * HOUR;
        match self.random.random_range(0..3) {
            0 => hour,
            1 => hour + self.random.random_range(-1..=1),
            _ => hour + self.random.random_range(0..HOUR),
        }
    }

    /// Adds a batch of a few deliveries at `at`. Returns its statistics.
    pub(crate) fn batch(&mut self, at: i64) -> Delta {
        let mut delta = Delta::default();
        let deliveries = self.random.random_range(1..4);
        for _ in 0..deliveries {
            let source = SOURCES[self.random.random_range(0..SOURCES.len())];
            self.deliveries.push((at, source));
            delta.delivery(Timestamp::from_micros(at), source);
        }
        for _ in 0..self.random.random_range(0..12) {
            let delivery = self.deliveries.len() - 1 - self.below(deliveries);
            self.alert(at, delivery, &mut delta);
        }
        delta
    }

    fn alert(&mut self, at: i64, delivery: usize, delta: &mut Delta) {
        let series = self.random.random_range(0..self.series.len());
        let [source, severity, team, alertname, instance] = self.series[series];
        let key = StatsKey {
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
                started: at,
                seen: at,
                ended,
                expired_by: None,
                is_copy: false,
                known: history.random.random_bool(0.3),
            });
            history.incidents.len() - 1
        };
        let id = (self.entries.len() as i64 + 1) * APART;
        let (incident, status, kind) = match (self.open[series], self.random.random_range(0..5)) {
            // Only its resolution was received.
            (None, 0) => {
                delta.opened(time, &key);
                delta.ended(time, &key);
                (begins(self, Some(at)), Status::Resolved, 1)
            }
            (None, _) => {
                delta.opened(time, &key);
                (begins(self, None), Status::Firing, 0)
            }
            (Some(open), 0 | 1) => {
                let started = self.incidents[open].started;
                if self.random.random_bool(0.2) && self.with_copies {
                    delta.copy(Timestamp::from_micros(started), &key);
                    self.incidents[open].is_copy = true;
                } else {
                    delta.ended(time, &key);
                }
                self.incidents[open].ended = Some(at);
                (open, Status::Resolved, 1)
            }
            // It fired again, and its resolution was never received.
            (Some(open), 2) => {
                delta.ended(time, &key);
                delta.opened(time, &key);
                self.incidents[open].ended = Some(at);
                self.incidents[open].expired_by = Some(id);
                (begins(self, None), Status::Firing, 0)
            }
            (Some(open), 3) => (open, Status::Firing, 2),
            (Some(open), _) => (open, Status::Resolved, 3),
        };
        delta.entry(time, &key, status);
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

    /// Stores new rows, but not the statistics.
    pub(crate) async fn store_rows(&mut self, test: &TestDb) {
        let [series, incidents, entries, deliveries] = self.stored;
        let mut rows = Rows::default();
        for (id, fields) in self.series.iter().enumerate().skip(series) {
            let mut values = vec![(id as i64 + 1).into(), fields[0].into()];
            values.push((id as u64).to_be_bytes().to_vec().into());
            values.push(serde_json::to_string(&labels(fields)).unwrap().into());
            values.extend([fields[3], fields[4], fields[1], fields[2]].map(Value::from));
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

    /// Rewrites all incidents, because they change.
    async fn store_incidents(&self, test: &TestDb, _stored: usize) {
        test.run("DELETE FROM incidents", vec![]).await;
        test.run("DELETE FROM incident_events", vec![]).await;
        let mut rows = Rows::default();
        let mut expired = Rows::default();
        for (id, one) in (1i64..).zip(&self.incidents) {
            let state: i16 = match (one.ended, one.expired_by) {
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
                    one.started.into(),
                    one.seen.into(),
                    one.known.then_some(one.started).into(),
                ],
            );
            if let (Some(entry), Some(at)) = (one.expired_by, one.ended) {
                expired.add("(?, 3, ?, ?)", vec![id.into(), at.into(), entry.into()]);
            }
        }
        rows.insert(
            test,
            "incidents (id, series_id, episode, state, closed_at, end_reason, starts_at, \
             first_seen_at, last_seen_at, \
             last_entry_at, occurrences, senders, known_at, content, told)",
        )
        .await;
        expired
            .insert(test, "incident_events (incident_id, kind, at, entry_id)")
            .await;
    }

    /// Stores new rows and the statistics of a batch, as ingest does.
    pub(crate) async fn store(&mut self, test: &TestDb, delta: &Delta) {
        self.store_rows(test).await;
        let tx = test.db.begin().await.unwrap();
        projection_queue::enqueue_stats(&tx, delta).await.unwrap();
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
