//! Every captured body, each with its expected outcome.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tocsin_api_types::{Alert, Delivery, DeliveryOutcome, Incident, IngestReport, Status};
use tocsin_tests::{Database, Options, Tocsin, fixture, on_both, workspace};

on_both!(
    every_captured_body_gives_what_its_index_says,
    the_whole_corpus_may_come_twice
);

/// What becomes of a body.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Refused, for a reason in which these words occur.
    Refused(&'static str),
    /// Alerts: opened, resolved, seen again; refreshed and late none.
    Stored(usize, usize, usize),
}

use Outcome::{Refused, Stored};

/// Each file, the source it is posted to, and what comes of it. Those of one
/// source tell of one another, in this order.
const EXPECTED: &[(&str, &str, Outcome)] = &[
    (
        "alertmanager-0.25-single-1-firing",
        "single",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.25-single-2-repeat",
        "single",
        Stored(0, 0, 1),
    ),
    (
        "alertmanager-0.25-single-3-resolved",
        "single",
        Stored(0, 1, 0),
    ),
    (
        "alertmanager-0.25-watchdog-group-by-all",
        "one",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.25-no-annotations-no-severity",
        "bare",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.25-annotations-appear",
        "bare",
        Stored(0, 1, 0),
    ),
    (
        "alertmanager-0.25-no-instance-1-firing",
        "refire",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.25-no-instance-2-resolved",
        "refire",
        Stored(0, 1, 0),
    ),
    (
        "alertmanager-0.25-refire-1-firing",
        "refire",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.25-refire-2-resolved",
        "refire",
        Stored(0, 1, 0),
    ),
    (
        "alertmanager-0.25-truncated-1-firing",
        "one",
        Stored(5, 0, 0),
    ),
    ("alertmanager-0.25-two-receivers-a", "two", Stored(2, 0, 0)),
    (
        "alertmanager-0.25-two-receivers-b-1",
        "two",
        Stored(0, 0, 1),
    ),
    (
        "alertmanager-0.25-two-receivers-b-2",
        "two",
        Stored(0, 0, 1),
    ),
    ("alertmanager-0.25-basic-auth", "one", Stored(1, 0, 0)),
    ("alertmanager-0.25-bearer-auth", "one", Stored(1, 0, 0)),
    ("alertmanager-0.25-big-410", "one", Stored(410, 0, 0)),
    (
        "alertmanager-0.25-chinese-from-prometheus",
        "one",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.25-prometheus-63-instances",
        "one",
        Stored(63, 0, 0),
    ),
    (
        "alertmanager-0.25-nan-value-no-instance",
        "one",
        Stored(1, 0, 0),
    ),
    (
        "prometheus-2.42-post-alerts-firing",
        "one",
        Refused("api/v2/alerts"),
    ),
    (
        "alertmanager-0.25-offset-times-1-firing",
        "one",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.25-offset-times-2-resolved",
        "one",
        Stored(0, 1, 0),
    ),
    ("alertmanager-0.25-whole-second", "one", Stored(1, 0, 0)),
    ("alertmanager-0.25-many-labels", "one", Stored(1, 0, 0)),
    (
        "alertmanager-0.32-reason-1-first",
        "reason",
        Stored(1, 0, 0),
    ),
    (
        "alertmanager-0.32-reason-2-repeat",
        "reason",
        Stored(0, 0, 1),
    ),
    (
        "alertmanager-0.34-route-labels",
        "route-labels",
        Stored(1, 0, 0),
    ),
    ("grafana-12-1-firing", "grafana", Stored(1, 0, 0)),
    ("grafana-12-2-resolved", "grafana", Stored(0, 1, 0)),
    ("invalid-empty-object", "one", Refused("alerts")),
    ("invalid-empty-body", "one", Refused("empty")),
    ("empty-alerts-list", "one", Stored(0, 0, 0)),
    ("null-maps", "null-maps", Stored(1, 0, 0)),
    ("version-5", "version-5", Stored(1, 0, 0)),
];

/// A fingerprint's entries: status, alertname, instance, severity, team,
/// message, start, end; oldest first.
const SAID: &[(&str, &str, &[&str])] = &[
    (
        "single",
        "36fe1c274ed2eb87",
        &[
            "firing|InstanceDown|node-1.example.com:9100|critical|infra|Instance node-1.example.com:9100 down|2026-11-22T17:06:08.941Z|-",
            "resolved|InstanceDown|node-1.example.com:9100|critical|infra|Instance node-1.example.com:9100 down|2026-11-22T17:06:08.941Z|2026-11-22T17:06:54.538Z",
        ],
    ),
    (
        "bare",
        "05a0f4269f38443d",
        &[
            "firing|BareAlert|bare:1||||2026-11-22T17:06:08.997Z|-",
            "resolved|BareAlert|bare:1|||annotation appeared later|2026-11-22T17:06:08.997Z|2026-11-22T17:11:43.531Z",
        ],
    ),
    (
        "one",
        "b035c79564d07f23",
        &[
            "firing|OffsetTimes|tz:1|info||startsAt with +08:00 and microseconds|2026-11-22T17:05:09.003864Z|-",
            "resolved|OffsetTimes|tz:1|info||startsAt with +08:00 and microseconds|2026-11-22T17:05:09.003864Z|2026-11-22T17:11:39.003Z",
        ],
    ),
    (
        "one",
        "8bfd4501a663cc97",
        &[
            "firing|内存使用率过高|上海-web-03:9100|紧急|运维|实例 上海-web-03:9100 内存使用率 97.2%|2026-11-22T17:10:37.376Z|-",
        ],
    ),
    (
        "one",
        "002c6a69ba1f1e23",
        &["firing|WholeSecond|ws:1|info||startsAt without fraction|2026-11-22T16:00:00Z|-"],
    ),
    (
        "grafana",
        "3154466cb546f217",
        &[
            "firing|CPU high|web-1|critical|payments|CPU 93 %|2026-11-20T08:00:00Z|-",
            "resolved|CPU high|web-1|critical|payments|CPU 93 %|2026-11-20T08:00:00Z|2026-11-20T08:20:00Z",
        ],
    ),
];

async fn every_captured_body_gives_what_its_index_says(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let mut stored = Vec::new();
    for (name, source, outcome) in EXPECTED {
        let path = format!("/api/v1/webhooks/alertmanager?source={source}");
        let reply = tocsin.deliver(&path, fixture(name)).await;
        match outcome {
            Refused(words) => {
                let problem = reply.problem(400);
                assert!(problem.detail.contains(words), "{name}: {}", problem.detail);
            }
            Stored(opened, resolved, seen_again) => {
                let report: IngestReport = reply.json();
                let expected = IngestReport {
                    delivery_id: report.delivery_id,
                    alerts: opened + resolved + seen_again,
                    opened: *opened,
                    resolved: *resolved,
                    refreshed: 0,
                    seen_again: *seen_again,
                    updated: 0,
                    late: 0,
                    rejected: vec![],
                };
                assert_eq!(report, expected, "{name}");
                stored.push((*name, *seen_again > 0, report));
            }
        }
    }
    let log: Vec<Alert> = tocsin.all("alerts?order=asc").await;
    for (name, seen_again, report) in stored {
        let entries = log
            .iter()
            .filter(|entry| entry.delivery_id == report.delivery_id);
        let entries: Vec<&Alert> = entries.collect();
        the_delivery_is_kept_whole(&tocsin, name, &report, &entries).await;
        assert_eq!(
            entries.is_empty(),
            seen_again || report.alerts == 0,
            "{name}"
        );
    }
    for (source, fingerprint, lines) in SAID {
        let entries: Vec<Alert> = tocsin
            .all(&format!("alerts?order=asc&source={source}"))
            .await;
        let entries = entries
            .iter()
            .filter(|entry| entry.fingerprint == *fingerprint);
        let found: Vec<String> = entries.map(line).collect();
        assert_eq!(found, *lines, "{source} {fingerprint}");
    }
    refused_bodies_are_listed(&tocsin).await;
    episodes_are_linked(&tocsin).await;
    tocsin.numbers_are_those_of_the_log().await;
}

/// The log repeats the body: all labels and annotations, the very times.
async fn the_delivery_is_kept_whole(
    tocsin: &Tocsin,
    name: &str,
    report: &IngestReport,
    entries: &[&Alert],
) {
    let id = report.delivery_id;
    let raw = tocsin
        .look(&format!("/api/v1/deliveries/{id}/raw"))
        .await
        .expect(200);
    assert_eq!(raw.body, fixture(name), "{name}");
    let body: Value = serde_json::from_slice(&raw.body).unwrap();
    let delivery: Delivery = tocsin.get(&format!("/api/v1/deliveries/{id}")).await;
    assert_eq!(delivery.outcome, DeliveryOutcome::Accepted);
    assert_eq!(
        delivery.sender,
        body["externalURL"].as_str().unwrap(),
        "{name}"
    );
    assert_eq!(
        delivery.receiver,
        body["receiver"].as_str().unwrap(),
        "{name}"
    );
    assert_eq!(
        delivery.version,
        body["version"].as_str().unwrap(),
        "{name}"
    );
    assert_eq!(
        delivery.truncated_alerts,
        body["truncatedAlerts"].as_i64().unwrap_or(0),
        "{name}"
    );
    assert_eq!(delivery.alerts as usize, report.alerts, "{name}");

    let told = body["alerts"].as_array().unwrap();
    assert_eq!(entries.len() + report.seen_again, told.len(), "{name}");
    for (entry, told) in entries.iter().zip(told) {
        assert_eq!(
            serde_json::to_value(entry.status).unwrap(),
            told["status"],
            "{name}"
        );
        assert_eq!(
            entry.fingerprint,
            told["fingerprint"].as_str().unwrap(),
            "{name}"
        );
        assert_eq!(
            serde_json::to_value(&entry.labels).unwrap(),
            told["labels"],
            "{name}"
        );
        let annotations = if told["annotations"].is_null() {
            &Value::Object(Default::default())
        } else {
            &told["annotations"]
        };
        assert_eq!(
            serde_json::to_value(&entry.annotations).unwrap(),
            *annotations,
            "{name}"
        );
        assert_eq!(entry.starts_at, time(&told["startsAt"]).unwrap(), "{name}");
        assert_eq!(entry.ends_at, time(&told["endsAt"]), "{name}");
        assert_eq!(
            entry.generator_url,
            told["generatorURL"].as_str().unwrap_or_default(),
            "{name}"
        );
    }
}

/// A time of the wire; `None` for the zero time.
fn time(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str().unwrap();
    let time: DateTime<Utc> = DateTime::parse_from_rfc3339(text).unwrap().into();
    (!text.starts_with("0001-")).then_some(time)
}

fn line(entry: &Alert) -> String {
    let written = |time: DateTime<Utc>| {
        serde_json::to_value(time)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let status = if entry.status == Status::Firing {
        "firing"
    } else {
        "resolved"
    };
    let end = entry.ends_at.map_or_else(|| "-".to_owned(), written);
    let Alert {
        alertname,
        instance,
        severity,
        team,
        message,
        starts_at,
        ..
    } = entry;
    format!(
        "{status}|{alertname}|{instance}|{severity}|{team}|{message}|{}|{end}",
        written(*starts_at)
    )
}

async fn refused_bodies_are_listed(tocsin: &Tocsin) {
    let refused: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert_eq!(refused.len(), 3);
    for delivery in &refused {
        assert!(
            delivery
                .reason
                .as_ref()
                .is_some_and(|reason| !reason.is_empty()),
            "{delivery:?}"
        );
        assert_eq!(delivery.alerts, 0);
    }
    // Newest first: the empty body, the empty object, the bare array.
    let array = &refused[2];
    assert!(array.raw_available);
    let raw = tocsin
        .look(&format!("/api/v1/deliveries/{}/raw", array.id))
        .await
        .expect(200);
    assert_eq!(raw.body, fixture("prometheus-2.42-post-alerts-firing"));
}

async fn episodes_are_linked(tocsin: &Tocsin) {
    let incidents: Vec<Incident> = tocsin
        .all("incidents?source=refire&sort=startsAt&order=asc")
        .await;
    assert_eq!(incidents.len(), 2);
    assert_eq!(incidents[0].previous_id, None);
    assert_eq!(incidents[1].previous_id, Some(incidents[0].id));
    assert!(
        incidents
            .iter()
            .all(|incident| incident.known && incident.known_by.is_none())
    );
    let single: Vec<Incident> = tocsin.all("incidents?source=single").await;
    assert_eq!(single.len(), 1);
    assert_eq!((single[0].occurrences, single[0].senders), (1, 1));
}

/// All into one source, then all of it again: whatever it adds up to, the
/// second round adds no firing incident and loses none.
async fn the_whole_corpus_may_come_twice(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    for (name, _, _) in EXPECTED {
        tocsin.deliver("/webhook", fixture(name)).await;
    }
    let open = |incidents: &[Incident]| -> BTreeSet<String> {
        incidents
            .iter()
            .map(|incident| incident.fingerprint.clone())
            .collect()
    };
    let first: Vec<Incident> = tocsin.all("incidents?state=open").await;
    assert_eq!(
        open(&first).len(),
        first.len(),
        "at most one open incident of an alert"
    );
    for (name, _, _) in EXPECTED
        .iter()
        .filter(|(_, _, outcome)| matches!(outcome, Stored(1.., 0, 0)))
    {
        let report: IngestReport = tocsin.deliver("/webhook", fixture(name)).await.json();
        let sum =
            report.opened + report.resolved + report.refreshed + report.seen_again + report.late;
        assert_eq!(sum, report.alerts, "{name}");
    }
    let second: Vec<Incident> = tocsin.all("incidents?state=open").await;
    assert_eq!(
        open(&second).len(),
        second.len(),
        "at most one open incident of an alert"
    );
    assert!(open(&second).is_superset(&open(&first)));
}

#[test]
fn every_body_has_an_expected_outcome() {
    let folder = workspace().join("tests/fixtures/payloads");
    let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").map(str::to_owned)
    });
    let named: BTreeSet<String> = EXPECTED
        .iter()
        .map(|(name, _, _)| (*name).to_owned())
        .collect();
    assert_eq!(names.collect::<BTreeSet<_>>(), named);
}
