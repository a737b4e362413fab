//! Any number of replicas on one PostgreSQL tell the story of one program: the
//! same incidents, the same log, one mail for each recipient and event, news
//! for the browsers of all.
//!
//! `TOCSIN_TEST_SEED` tells a failed story again, and `TOCSIN_TEST_STORIES` says
//! how many are told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{
    Alert, ChangeEvent, EntryKind, EventKind, Incident, IncidentState, IngestReport, Notification,
    Status,
};
use tocsin_tests::{Database, Options, Scenario, ScenarioStep, Tocsin, Webhook, firing, team};

/// Told one after another, and told at the same time.
const STORIES: u64 = 16;

/// Stories that are told at the same time.
const AT_ONCE: usize = 8;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seeds of this run's stories.
fn seeds() -> Vec<u64> {
    if let Some(seed) = number("TOCSIN_TEST_SEED") {
        return vec![seed];
    }
    let first: u64 = rand::random_range(0..1 << 40);
    let stories = number("TOCSIN_TEST_STORIES").unwrap_or(STORIES);
    (first..first + stories).collect()
}

/// Nothing is repeated only because a run took long.
fn options(database: Database) -> Options {
    Options::on(database).set("incidents.window", "2h")
}

/// One program on SQLite, and two on one PostgreSQL; two people are mailed.
async fn worlds() -> (Tocsin, [Tocsin; 2]) {
    let alone = Tocsin::start(options(Database::sqlite())).await;
    let shared = options(Database::postgres().await);
    // At the same time, on a database without a schema.
    let (one, two) = tokio::join!(Tocsin::start(shared.clone()), Tocsin::start(shared.clone()));
    for tocsin in [&alone, &one] {
        let group = team(tocsin, "infra").await.group;
        let input = json!({"name": "Bo", "email": "bo@example.com", "groupIds": [group.id]});
        tocsin.create_recipient(&input).await;
    }
    (alone, [one, two])
}

/// Delivers as a sender does: again where it is told to come back.
async fn deliver(tocsin: &Tocsin, source: &str, webhook: &Webhook) -> IngestReport {
    let path = format!("/api/v1/webhooks/alertmanager?source={source}");
    for _ in 0..20 {
        let reply = tocsin.deliver(&path, webhook.bytes()).await;
        if reply.status != 503 {
            return reply.json();
        }
    }
    panic!("a delivery is never taken");
}

async fn tell(tocsins: &[&Tocsin], next: &AtomicUsize, source: &str, telling: &ScenarioStep) {
    let some = || tocsins[next.fetch_add(1, Ordering::Relaxed) % tocsins.len()];
    let webhook = &telling.webhook;
    for time in 0..telling.times {
        if telling.twice_at_once && time == 0 {
            tokio::join!(
                deliver(some(), source, webhook),
                deliver(some(), source, webhook)
            );
        } else {
            deliver(some(), source, webhook).await;
        }
    }
}

/// An incident as far as no interleaving may change it.
type Told = (String, i64, Option<i64>, IncidentState);

fn incidents(all: &[Incident]) -> Vec<Told> {
    let mut told: Vec<Told> = all
        .iter()
        .map(|incident| {
            let fingerprint = incident.fingerprint.clone();
            let ends = incident.ends_at.map(|at| at.timestamp());
            (
                fingerprint,
                incident.starts_at.timestamp(),
                ends,
                incident.state,
            )
        })
        .collect();
    told.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    told
}

/// The log without what only says that it came too late to matter. The skew of
/// peers is rounded away.
fn news(log: &[Alert]) -> Vec<String> {
    let mut told: Vec<String> = log
        .iter()
        .filter(|entry| entry.kind != EntryKind::Late)
        .map(line)
        .collect();
    told.sort();
    told
}

fn line(entry: &Alert) -> String {
    let ends = entry.ends_at.map(|at| at.timestamp());
    let (kind, status, starts) = (entry.kind, entry.status, entry.starts_at.timestamp());
    format!(
        "{} {kind:?} {status:?} {starts} {ends:?}",
        entry.fingerprint
    )
}

/// Everything there is of a source.
struct Record {
    incidents: Vec<Incident>,
    log: Vec<Alert>,
    mails: Vec<Notification>,
}

async fn record(tocsin: &Tocsin, source: &str, mails: &[Notification]) -> Record {
    let incidents: Vec<Incident> = tocsin.all(&format!("incidents?source={source}")).await;
    let log: Vec<Alert> = tocsin.all(&format!("alerts?source={source}")).await;
    let of_source = |mail: &&Notification| {
        let told = &mail.incident_ids;
        incidents.iter().any(|incident| told.contains(&incident.id))
    };
    Record {
        mails: mails.iter().filter(of_source).cloned().collect(),
        incidents,
        log,
    }
}

/// Each mail with what it tells, by the names that both worlds share.
fn letters(record: &Record) -> Vec<String> {
    let incident = |id: &i64| {
        let incident = record.incidents.iter().find(|incident| incident.id == *id);
        let incident = incident.unwrap();
        let ends = incident.ends_at.map(|at| at.timestamp_micros());
        format!("{} {} {ends:?}", incident.fingerprint, incident.starts_at)
    };
    let mut letters: Vec<String> = record
        .mails
        .iter()
        .map(|mail| {
            let mut told: Vec<String> = mail.incident_ids.iter().map(incident).collect();
            told.sort();
            let mut events: Vec<String> =
                mail.events.iter().map(|kind| format!("{kind:?}")).collect();
            events.sort();
            // It ends in the thread's number, which is another in each world.
            let (stem, _) = mail.subject.split_once(" #").unwrap();
            format!("{} {stem:?} {events:?} {told:?}", mail.recipient_email)
        })
        .collect();
    letters.sort();
    letters
}

/// In one order, every second delivery to the other replica: what one knows must
/// not hide from the other, so all is the same to the last entry and mail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_in_turn_to_two_replicas_all_is_as_told_to_one() {
    let (alone, [one, two]) = worlds().await;
    let next = AtomicUsize::new(0);
    let stories: Vec<(u64, Scenario)> = seeds()
        .into_iter()
        .map(|seed| (seed, Scenario::of(seed, seed % 2 == 0)))
        .collect();
    for (seed, story) in &stories {
        for telling in story.interleaved(*seed) {
            let mut telling = telling.clone();
            telling.twice_at_once = false;
            tell(&[&alone], &next, &story.source, &telling).await;
            tell(&[&one, &two], &next, &story.source, &telling).await;
        }
    }
    let (mails_alone, mails_shared) = tokio::join!(alone.settled(), two.settled());
    for (seed, story) in &stories {
        let expected = record(&alone, &story.source, &mails_alone).await;
        let found = record(&two, &story.source, &mails_shared).await;
        let exact = |record: &Record| {
            let mut incidents: Vec<String> = record
                .incidents
                .iter()
                .map(|incident| {
                    let Incident { fingerprint, starts_at, ends_at, state, occurrences, senders, .. } =
                        incident;
                    let follows = incident.previous_id.is_some();
                    format!("{fingerprint} {starts_at} {ends_at:?} {state:?} {occurrences} {senders} {follows}")
                })
                .collect();
            incidents.sort();
            // Both lists are newest first, and the order of telling was one.
            let log: Vec<String> = record.log.iter().map(line).collect();
            (incidents, log)
        };
        let (expected_all, found_all) = (exact(&expected), exact(&found));
        assert_eq!(expected_all.0, found_all.0, "TOCSIN_TEST_SEED={seed}");
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        assert_eq!(
            sorted(expected_all.1),
            sorted(found_all.1),
            "TOCSIN_TEST_SEED={seed}"
        );
        assert_eq!(
            letters(&expected),
            letters(&found),
            "TOCSIN_TEST_SEED={seed}"
        );
    }
    for tocsin in [&alone, &one, &two] {
        tocsin.numbers_are_those_of_the_log().await;
    }
}

/// All senders of several stories at the same time, each in its order, the same
/// body sometimes to both replicas at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn told_at_once_to_two_replicas_the_incidents_are_those_of_one() {
    let (alone, [one, two]) = worlds().await;
    let next = AtomicUsize::new(0);
    let stories: Vec<(u64, Scenario)> = seeds()
        .into_iter()
        .map(|seed| (seed, Scenario::of(seed, true)))
        .collect();
    for together in stories.chunks(AT_ONCE) {
        let (replicas, next) = ([&one, &two], &next);
        let tellers = together.iter().flat_map(|(_, story)| {
            story.senders.iter().map(move |told| async move {
                for telling in told {
                    tell(&replicas, next, &story.source, telling).await;
                }
            })
        });
        let one_by_one = async {
            for (seed, story) in together {
                for telling in story.interleaved(*seed) {
                    tell(&[&alone], next, &story.source, telling).await;
                }
            }
        };
        tokio::join!(join_all(tellers), one_by_one);
    }
    let (mails_alone, mails_shared) = tokio::join!(alone.settled(), one.settled());
    for (seed, story) in &stories {
        let expected = record(&alone, &story.source, &mails_alone).await;
        let found = record(&one, &story.source, &mails_shared).await;
        assert_eq!(
            incidents(&expected.incidents),
            incidents(&found.incidents),
            "TOCSIN_TEST_SEED={seed}"
        );
        assert_eq!(
            news(&expected.log),
            news(&found.log),
            "TOCSIN_TEST_SEED={seed}"
        );
        assert_eq!(
            incidents(&record(&two, &story.source, &[]).await.incidents),
            incidents(&found.incidents),
            "the other replica, TOCSIN_TEST_SEED={seed}"
        );
        one_mail_for_each_recipient_and_event(*seed, &expected);
        one_mail_for_each_recipient_and_event(*seed, &found);
    }
    for tocsin in [&alone, &one, &two] {
        tocsin.numbers_are_those_of_the_log().await;
    }
}

/// Of stories whose alerts are groups of their own: a mail tells of one
/// incident.
fn one_mail_for_each_recipient_and_event(seed: u64, record: &Record) {
    let mut owed: BTreeMap<(String, i64, String), usize> = BTreeMap::new();
    for mail in &record.mails {
        let [incident] = mail.incident_ids[..] else {
            panic!("TOCSIN_TEST_SEED={seed}: a mail of several: {mail:?}");
        };
        for kind in &mail.events {
            let event = (mail.recipient_email.clone(), incident, format!("{kind:?}"));
            *owed.entry(event).or_default() += 1;
        }
    }
    let mut expected = BTreeMap::new();
    for incident in &record.incidents {
        for recipient in ["infra@example.com", "bo@example.com"] {
            let mut kinds = vec![EventKind::Opened];
            if incident.state == IncidentState::Resolved {
                kinds.push(EventKind::Resolved);
            }
            for kind in kinds {
                let event = (recipient.to_owned(), incident.id, format!("{kind:?}"));
                expected.insert(event, 1);
            }
        }
    }
    assert_eq!(owed, expected, "TOCSIN_TEST_SEED={seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_reach_the_browsers_of_every_replica() {
    let one = Tocsin::start(Options::on(Database::postgres().await)).await;
    let two = one.replica().await;
    let mut browsers = [one.follow(None).await, two.follow(None).await];
    for (n, tocsin) in [&one, &two, &one].into_iter().enumerate() {
        let webhook = Webhook::of([firing("Live").instance(&n.to_string())]);
        let report = tocsin.post(&webhook).await;
        for browser in &mut browsers {
            let told = |change: &ChangeEvent| matches!(change, ChangeEvent::Delivery(delivery) if delivery.id == report.delivery_id);
            browser.until(told).await;
        }
    }
    // What people do is news as well.
    let id = one.all::<Incident>("incidents").await[0].id;
    let body = json!({"known": true, "by": "Ann"});
    two.send(Method::PATCH, &format!("/api/v1/incidents/{id}"), &body)
        .await
        .expect(200);
    for browser in &mut browsers {
        let told = |change: &ChangeEvent| {
            matches!(change, ChangeEvent::Incident(incident)
                if incident.id == id && incident.event == EventKind::Acknowledged)
        };
        browser.until(told).await;
    }
    let log: Vec<Alert> = two.all("alerts").await;
    assert!(log.iter().all(|entry| entry.status == Status::Firing));
}
