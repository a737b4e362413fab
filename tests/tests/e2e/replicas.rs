//! Replicas on one PostgreSQL database reach the same result as one program: the same
//! incidents, the same log, one notification for each recipient and event, and events in
//! the streams of all replicas.
//!
//! `TOCSIN_TEST_SEED` repeats a failed scenario; `TOCSIN_TEST_STORIES` sets the number
//! of scenarios.

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

/// Number of scenarios of each test.
const SCENARIOS: u64 = 16;

/// Number of concurrent scenarios.
const CONCURRENT: usize = 8;

fn env_number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seeds of this run's scenarios.
fn seeds() -> Vec<u64> {
    if let Some(seed) = env_number("TOCSIN_TEST_SEED") {
        return vec![seed];
    }
    let first: u64 = rand::random_range(0..1 << 40);
    let count = env_number("TOCSIN_TEST_STORIES").unwrap_or(SCENARIOS);
    (first..first + count).collect()
}

/// A window so long that no alert is repeated because of a slow run.
fn options(database: Database) -> Options {
    Options::on(database).set("incidents.window", "2h")
}

/// One program on SQLite, and two on one PostgreSQL database; each notifies two
/// recipients.
async fn single_and_replicas() -> (Tocsin, [Tocsin; 2]) {
    let alone = Tocsin::start(options(Database::sqlite())).await;
    let shared = options(Database::postgres().await);
    // Concurrently, on a database without a schema.
    let (one, two) = tokio::join!(Tocsin::start(shared.clone()), Tocsin::start(shared.clone()));
    for tocsin in [&alone, &one] {
        let group = team(tocsin, "infra").await.group;
        let input = json!({"name": "Bo", "email": "bo@example.com", "groupIds": [group.id]});
        tocsin.create_recipient(&input).await;
    }
    (alone, [one, two])
}

/// Delivers as a sender does: retries after a 503.
async fn deliver(tocsin: &Tocsin, source: &str, webhook: &Webhook) -> IngestReport {
    let path = format!("/api/v1/webhooks/alertmanager?source={source}");
    for _ in 0..20 {
        let reply = tocsin.deliver(&path, webhook.bytes()).await;
        if reply.status != 503 {
            return reply.json();
        }
    }
    panic!("the delivery is not accepted");
}

async fn send(tocsins: &[&Tocsin], next: &AtomicUsize, source: &str, step: &ScenarioStep) {
    let next_tocsin = || tocsins[next.fetch_add(1, Ordering::Relaxed) % tocsins.len()];
    let webhook = &step.webhook;
    for time in 0..step.times {
        if step.concurrent && time == 0 {
            tokio::join!(
                deliver(next_tocsin(), source, webhook),
                deliver(next_tocsin(), source, webhook)
            );
        } else {
            deliver(next_tocsin(), source, webhook).await;
        }
    }
}

/// The fields of an incident that do not depend on the order of deliveries.
type StableIncident = (String, i64, Option<i64>, IncidentState);

fn stable_incidents(all: &[Incident]) -> Vec<StableIncident> {
    let mut stable: Vec<StableIncident> = all
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
    stable.sort_by(|a, b| format!("{a:?}").cmp(&format!("{b:?}")));
    stable
}

/// The log without out-of-order entries, in whole seconds to ignore the skew of peers.
fn stable_entries(log: &[Alert]) -> Vec<String> {
    let mut lines: Vec<String> = log
        .iter()
        .filter(|entry| entry.kind != EntryKind::Late)
        .map(line)
        .collect();
    lines.sort();
    lines
}

fn line(entry: &Alert) -> String {
    let ends = entry.ends_at.map(|at| at.timestamp());
    let (kind, status, starts) = (entry.kind, entry.status, entry.starts_at.timestamp());
    format!(
        "{} {kind:?} {status:?} {starts} {ends:?}",
        entry.fingerprint
    )
}

/// All data of a source.
struct Record {
    incidents: Vec<Incident>,
    log: Vec<Alert>,
    notifications: Vec<Notification>,
}

async fn record(tocsin: &Tocsin, source: &str, notifications: &[Notification]) -> Record {
    let incidents: Vec<Incident> = tocsin.all(&format!("incidents?source={source}")).await;
    let log: Vec<Alert> = tocsin.all(&format!("alerts?source={source}")).await;
    let of_source = |notification: &&Notification| {
        let ids = &notification.incident_ids;
        incidents.iter().any(|incident| ids.contains(&incident.id))
    };
    Record {
        notifications: notifications.iter().filter(of_source).cloned().collect(),
        incidents,
        log,
    }
}

/// Each notification with its incidents, without IDs, which differ between databases.
fn notification_lines(record: &Record) -> Vec<String> {
    let incident = |id: &i64| {
        let incident = record.incidents.iter().find(|incident| incident.id == *id);
        let incident = incident.unwrap();
        let ends = incident.ends_at.map(|at| at.timestamp_micros());
        format!("{} {} {ends:?}", incident.fingerprint, incident.starts_at)
    };
    let mut lines: Vec<String> = record
        .notifications
        .iter()
        .map(|notification| {
            let mut incidents: Vec<String> =
                notification.incident_ids.iter().map(incident).collect();
            incidents.sort();
            let events = notification.events.iter();
            let mut events: Vec<String> = events.map(|kind| format!("{kind:?}")).collect();
            events.sort();
            // The subject ends with the thread ID, which differs between databases.
            let (subject, _) = notification.subject.split_once(" #").unwrap();
            let recipient = &notification.recipient_email;
            format!("{recipient} {subject:?} {events:?} {incidents:?}")
        })
        .collect();
    lines.sort();
    lines
}

/// In one order, with every second delivery to the other replica: caches must not hide
/// changes of the other replica, so log and notifications are exactly equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alternating_deliveries_to_two_replicas_equal_one_program() {
    let (single, [one, two]) = single_and_replicas().await;
    let next = AtomicUsize::new(0);
    let scenarios: Vec<(u64, Scenario)> = seeds()
        .into_iter()
        .map(|seed| (seed, Scenario::of(seed, seed % 2 == 0)))
        .collect();
    for (seed, scenario) in &scenarios {
        for step in scenario.interleaved(*seed) {
            let mut step = step.clone();
            step.concurrent = false;
            send(&[&single], &next, &scenario.source, &step).await;
            send(&[&one, &two], &next, &scenario.source, &step).await;
        }
    }
    let (by_single, by_replicas) = tokio::join!(
        single.wait_for_notifications(),
        two.wait_for_notifications()
    );
    for (seed, scenario) in &scenarios {
        let expected = record(&single, &scenario.source, &by_single).await;
        let found = record(&two, &scenario.source, &by_replicas).await;
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
            // Both lists are newest first, and deliveries had one order.
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
            notification_lines(&expected),
            notification_lines(&found),
            "TOCSIN_TEST_SEED={seed}"
        );
    }
    for tocsin in [&single, &one, &two] {
        tocsin.assert_stats_match_log().await;
    }
}

/// All senders of several scenarios concurrently, each in its own order. The same body
/// is sometimes sent to both replicas at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_deliveries_to_two_replicas_equal_one_program() {
    let (single, [one, two]) = single_and_replicas().await;
    let next = AtomicUsize::new(0);
    let scenarios: Vec<(u64, Scenario)> = seeds()
        .into_iter()
        .map(|seed| (seed, Scenario::of(seed, true)))
        .collect();
    for together in scenarios.chunks(CONCURRENT) {
        let (replicas, next) = ([&one, &two], &next);
        let senders = together.iter().flat_map(|(_, scenario)| {
            scenario.senders.iter().map(move |steps| async move {
                for step in steps {
                    send(&replicas, next, &scenario.source, step).await;
                }
            })
        });
        let one_by_one = async {
            for (seed, scenario) in together {
                for step in scenario.interleaved(*seed) {
                    send(&[&single], next, &scenario.source, step).await;
                }
            }
        };
        tokio::join!(join_all(senders), one_by_one);
    }
    let (by_single, by_replicas) = tokio::join!(
        single.wait_for_notifications(),
        one.wait_for_notifications()
    );
    for (seed, scenario) in &scenarios {
        let expected = record(&single, &scenario.source, &by_single).await;
        let found = record(&one, &scenario.source, &by_replicas).await;
        assert_eq!(
            stable_incidents(&expected.incidents),
            stable_incidents(&found.incidents),
            "TOCSIN_TEST_SEED={seed}"
        );
        assert_eq!(
            stable_entries(&expected.log),
            stable_entries(&found.log),
            "TOCSIN_TEST_SEED={seed}"
        );
        assert_eq!(
            stable_incidents(&record(&two, &scenario.source, &[]).await.incidents),
            stable_incidents(&found.incidents),
            "the other replica, TOCSIN_TEST_SEED={seed}"
        );
        assert_one_notification_per_event(*seed, &expected);
        assert_one_notification_per_event(*seed, &found);
    }
    for tocsin in [&single, &one, &two] {
        tocsin.assert_stats_match_log().await;
    }
}

/// Asserts one notification for each recipient and event, in scenarios with separate
/// groups, where a notification has one incident.
fn assert_one_notification_per_event(seed: u64, record: &Record) {
    let mut found: BTreeMap<(String, i64, String), usize> = BTreeMap::new();
    for notification in &record.notifications {
        let [incident] = notification.incident_ids[..] else {
            panic!("TOCSIN_TEST_SEED={seed}: several incidents: {notification:?}");
        };
        for kind in &notification.events {
            let recipient = notification.recipient_email.clone();
            let event = (recipient, incident, format!("{kind:?}"));
            *found.entry(event).or_default() += 1;
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
    assert_eq!(found, expected, "TOCSIN_TEST_SEED={seed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_reach_the_streams_of_every_replica() {
    let one = Tocsin::start(Options::on(Database::postgres().await)).await;
    let two = one.replica().await;
    let mut streams = [one.open_stream(None).await, two.open_stream(None).await];
    for (n, tocsin) in [&one, &two, &one].into_iter().enumerate() {
        let webhook = Webhook::of([firing("Live").instance(&n.to_string())]);
        let report = tocsin.post(&webhook).await;
        for stream in &mut streams {
            let is_report = |change: &ChangeEvent| matches!(change, ChangeEvent::Delivery(delivery) if delivery.id == report.delivery_id);
            stream.until(is_report).await;
        }
    }
    // Changes by users are streamed too.
    let id = one.all::<Incident>("incidents").await[0].id;
    let body = json!({"known": true, "by": "Ann"});
    two.send(Method::PATCH, &format!("/api/v1/incidents/{id}"), &body)
        .await
        .expect(200);
    for stream in &mut streams {
        let is_acknowledged = |change: &ChangeEvent| {
            matches!(change, ChangeEvent::Incident(incident)
                if incident.id == id && incident.event == EventKind::Acknowledged)
        };
        stream.until(is_acknowledged).await;
    }
    let log: Vec<Alert> = two.all("alerts").await;
    assert!(log.iter().all(|entry| entry.status == Status::Firing));
}
