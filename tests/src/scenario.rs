//! Alerts as they truly happened, and how senders tell of them: made up at
//! random from a seed, so that a failure can be told again.

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
    /// How often it is sent: more than once where an answer was lost.
    pub times: usize,
    /// Whether two programs get it at the same moment.
    pub twice_at_once: bool,
}

/// What happened to some alerts of one source, told by one to three peers, each
/// in its order.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The source's name.
    pub source: String,
    /// What each sender tells.
    pub senders: Vec<Vec<ScenarioStep>>,
}

/// One thing to be said of one alert.
type Claim = (usize, TestAlert);

/// An episode as it truly happened: its start, and its end if it has one.
type Truth = (DateTime<Utc>, Option<DateTime<Utc>>);

impl Scenario {
    /// A story of that seed. Where `apart`, each alert is a group of its own, so
    /// that a mail tells of one alert.
    #[must_use]
    pub fn of(seed: u64, apart: bool) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let alerts = random.random_range(1..=4);
        let scripts: Vec<Vec<Truth>> = (0..alerts).map(|_| truths(&mut random)).collect();
        let senders = (0..random.random_range(1..=3))
            .map(|sender| {
                let scripts = scripts
                    .iter()
                    .enumerate()
                    .map(|(alert, truths)| claims(alert, sender, truths))
                    .collect();
                tell(&mut random, sender, scripts, apart)
            })
            .collect();
        Self {
            source: format!("story-{seed}"),
            senders,
        }
    }

    /// All of it in one order, in which each sender's own is kept.
    #[must_use]
    pub fn interleaved(&self, seed: u64) -> Vec<&ScenarioStep> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut turns: Vec<usize> = self
            .senders
            .iter()
            .enumerate()
            .flat_map(|(sender, told)| std::iter::repeat_n(sender, told.len()))
            .collect();
        turns.shuffle(&mut random);
        let mut rest: Vec<_> = self.senders.iter().map(|told| told.iter()).collect();
        turns
            .into_iter()
            .filter_map(|sender| rest[sender].next())
            .collect()
    }
}

/// Up to four episodes, long over but for the last, which may still be open.
/// Each begins after the one before ended, or with the start of that one, as
/// where an alert fires again between two evaluations of its sender.
fn truths(random: &mut StdRng) -> Vec<Truth> {
    let episodes = random.random_range(1..=4);
    let is_open = random.random_bool(0.5);
    let second = |at: DateTime<Utc>| DateTime::from_timestamp(at.timestamp(), 0).expect("a time");
    let mut time = second(ago(6_000));
    let mut start = time;
    (0..episodes)
        .map(|episode| {
            let gap = TimeDelta::seconds(random.random_range(2..200));
            if episode == 0 || random.random_bool(0.7) {
                start = time + gap;
            }
            time += gap + TimeDelta::seconds(random.random_range(2..200));
            let is_over = episode + 1 < episodes || !is_open;
            (start, is_over.then_some(time))
        })
        .collect()
}

/// What a sender says of an alert, in its order. Peers tell the ends with a
/// skew.
fn claims(alert: usize, sender: i64, truths: &[Truth]) -> Vec<TestAlert> {
    let said = firing("Story")
        .instance(&format!("host-{alert}"))
        .team("infra")
        .summary(&format!("Host {alert} is in trouble"));
    truths
        .iter()
        .flat_map(|(start, end)| {
            let said = said.clone().starts(*start);
            let over = end.map(|end| said.clone().ends(end + TimeDelta::milliseconds(sender)));
            std::iter::once(said).chain(over)
        })
        .collect()
}

/// One sender's deliveries: its claims in batches, with what it said of others
/// before, sent again now and then, also for another receiver.
fn tell(
    random: &mut StdRng,
    sender: i64,
    scripts: Vec<Vec<TestAlert>>,
    apart: bool,
) -> Vec<ScenarioStep> {
    let peer = ["a", "b", "c"][usize::try_from(sender).expect("a small number")];
    let mut rest: Vec<_> = scripts.into_iter().map(Vec::into_iter).collect();
    let mut said: Vec<Option<TestAlert>> = vec![None; rest.len()];
    let mut tellings = Vec::new();
    loop {
        let mut open: Vec<usize> = (0..rest.len()).filter(|n| rest[*n].len() > 0).collect();
        if open.is_empty() {
            return tellings;
        }
        open.shuffle(random);
        open.truncate(if apart { 1 } else { random.random_range(1..=3) });
        let mut news: Vec<Claim> = Vec::new();
        for alert in open {
            if let Some(claim) = rest[alert].next() {
                said[alert] = Some(claim.clone());
                news.push((alert, claim));
            }
        }
        let group = if apart {
            format!("{{}}:{{alert=\"{}\"}}", news[0].0)
        } else {
            "{}:{}".to_owned()
        };
        if !apart {
            for (alert, claim) in said.iter().enumerate() {
                let is_new = news.iter().any(|(other, _)| *other == alert);
                if let Some(claim) = claim.as_ref().filter(|_| !is_new)
                    && random.random_bool(0.5)
                {
                    news.push((alert, claim.clone()));
                }
            }
        }
        news.shuffle(random);
        let webhook = Webhook::of(news.into_iter().map(|(_, claim)| claim))
            .peer(peer)
            .group(&group);
        let times = *[1, 1, 1, 2, 3].choose(random).expect("a choice");
        let telling = |webhook: Webhook, times, twice_at_once| ScenarioStep {
            webhook,
            times,
            twice_at_once,
        };
        if random.random_bool(0.2) {
            tellings.push(telling(webhook.clone().receiver("copies"), 1, false));
        }
        tellings.push(telling(webhook, times, random.random_bool(0.3)));
    }
}
