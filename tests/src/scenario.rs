//! Random alerts and the deliveries of their senders, generated from a seed so that
//! a failure can be reproduced.

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use crate::{TestAlert, Webhook, ago, firing};

/// One delivery, by one sender.
#[derive(Clone, Debug)]
pub struct ScenarioStep {
    /// The body.
    pub webhook: Webhook,
    /// How often it is sent: more than once simulates a lost response.
    pub times: usize,
    /// Whether two replicas receive it at the same time.
    pub concurrent: bool,
}

/// The alerts of one source, reported by one to three senders, each in its own order.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Source name.
    pub source: String,
    /// Deliveries of each sender.
    pub senders: Vec<Vec<ScenarioStep>>,
}

/// A report of the alert with this index.
type Report = (usize, TestAlert);

/// The true start and end of an incident.
type Period = (DateTime<Utc>, Option<DateTime<Utc>>);

impl Scenario {
    /// Generates the scenario of a seed. With `separate_groups`, each alert is in its
    /// own group, so that an e-mail contains one alert.
    #[must_use]
    pub fn of(seed: u64, separate_groups: bool) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let alerts = random.random_range(1..=4);
        let periods: Vec<Vec<Period>> = (0..alerts).map(|_| periods(&mut random)).collect();
        let senders = (0..random.random_range(1..=3))
            .map(|sender| {
                let reports = periods
                    .iter()
                    .enumerate()
                    .map(|(alert, periods)| reports(alert, sender, periods))
                    .collect();
                deliveries(&mut random, sender, reports, separate_groups)
            })
            .collect();
        Self {
            source: format!("scenario-{seed}"),
            senders,
        }
    }

    /// All deliveries in one random order that keeps the order of each sender.
    #[must_use]
    pub fn interleaved(&self, seed: u64) -> Vec<&ScenarioStep> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut turns: Vec<usize> = self
            .senders
            .iter()
            .enumerate()
            .flat_map(|(sender, steps)| std::iter::repeat_n(sender, steps.len()))
            .collect();
        turns.shuffle(&mut random);
        let mut rest: Vec<_> = self.senders.iter().map(|steps| steps.iter()).collect();
        turns
            .into_iter()
            .filter_map(|sender| rest[sender].next())
            .collect()
    }
}

/// Up to four incidents, of which only the last may be open. Each starts after the
/// end of the previous one, or keeps its start, as where an alert fires again between
/// two evaluations of its sender.
fn periods(random: &mut StdRng) -> Vec<Period> {
    let incidents = random.random_range(1..=4);
    let is_open = random.random_bool(0.5);
    let second = |at: DateTime<Utc>| DateTime::from_timestamp(at.timestamp(), 0).expect("a time");
    let mut time = second(ago(6_000));
    let mut start = time;
    (0..incidents)
        .map(|incident| {
            let gap = TimeDelta::seconds(random.random_range(2..200));
            if incident == 0 || random.random_bool(0.7) {
                start = time + gap;
            }
            time += gap + TimeDelta::seconds(random.random_range(2..200));
            let is_over = incident + 1 < incidents || !is_open;
            (start, is_over.then_some(time))
        })
        .collect()
}

/// A sender's reports of an alert, in order. Senders report ends with a skew.
fn reports(alert: usize, sender: i64, periods: &[Period]) -> Vec<TestAlert> {
    let base = firing("Scenario")
        .instance(&format!("host-{alert}"))
        .team("infra")
        .summary(&format!("Host {alert} is in trouble"));
    periods
        .iter()
        .flat_map(|(start, end)| {
            let firing = base.clone().starts(*start);
            let resolved =
                end.map(|end| firing.clone().ends(end + TimeDelta::milliseconds(sender)));
            std::iter::once(firing).chain(resolved)
        })
        .collect()
}

/// One sender's deliveries: its reports in batches, mixed with earlier reports of
/// other alerts, sometimes repeated or copied to another receiver.
fn deliveries(
    random: &mut StdRng,
    sender: i64,
    reports: Vec<Vec<TestAlert>>,
    separate_groups: bool,
) -> Vec<ScenarioStep> {
    let peer = ["a", "b", "c"][usize::try_from(sender).expect("a small number")];
    let mut rest: Vec<_> = reports.into_iter().map(Vec::into_iter).collect();
    let mut latest: Vec<Option<TestAlert>> = vec![None; rest.len()];
    let mut steps = Vec::new();
    loop {
        let mut open: Vec<usize> = (0..rest.len()).filter(|n| rest[*n].len() > 0).collect();
        if open.is_empty() {
            return steps;
        }
        open.shuffle(random);
        open.truncate(if separate_groups {
            1
        } else {
            random.random_range(1..=3)
        });
        let mut batch: Vec<Report> = Vec::new();
        for alert in open {
            if let Some(report) = rest[alert].next() {
                latest[alert] = Some(report.clone());
                batch.push((alert, report));
            }
        }
        let group = if separate_groups {
            format!("{{}}:{{alert=\"{}\"}}", batch[0].0)
        } else {
            "{}:{}".to_owned()
        };
        if !separate_groups {
            for (alert, report) in latest.iter().enumerate() {
                let is_new = batch.iter().any(|(other, _)| *other == alert);
                if let Some(report) = report.as_ref().filter(|_| !is_new)
                    && random.random_bool(0.5)
                {
                    batch.push((alert, report.clone()));
                }
            }
        }
        batch.shuffle(random);
        let webhook = Webhook::of(batch.into_iter().map(|(_, report)| report))
            .peer(peer)
            .group(&group);
        let times = *[1, 1, 1, 2, 3].choose(random).expect("a choice");
        let step = |webhook: Webhook, times, concurrent| ScenarioStep {
            webhook,
            times,
            concurrent,
        };
        if random.random_bool(0.2) {
            steps.push(step(webhook.clone().receiver("copies"), 1, false));
        }
        steps.push(step(webhook, times, random.random_bool(0.3)));
    }
}
