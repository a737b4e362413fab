//! Every captured body, each with its expected outcome.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tocsin_api_types::{Alert, Delivery, DeliveryOutcome, Incident, IngestReport, Status};
use tocsin_tests::{Database, Options, Tocsin, fixture, on_both, workspace};

on_both!(
    captured_bodies_have_their_expected_results,
    repeated_corpus_opens_no_incidents
);

/// The expected result of a body.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Rejected with a reason that contains these words.
    Rejected(&'static str),
    /// Number of alerts: opened, resolved, duplicates. None are repeated or out of order.
    Stored(usize, usize, usize),
}

use Outcome::{Rejected, Stored};

/// Each file, the source it is posted to, and its result. Files of one source are
/// deliveries about the same alerts, in this order.
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
        Rejected("api/v2/alerts"),
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
    ("invalid-empty-object", "one", Rejected("alerts")),
    ("invalid-empty-body", "one", Rejected("empty")),
    ("empty-alerts-list", "one", Stored(0, 0, 0)),
    ("null-maps", "null-maps", Stored(1, 0, 0)),
    ("version-5", "version-5", Stored(1, 0, 0)),
];

/// The log entries of an alert: status, alertname, instance, severity, team, message,
/// start, end; oldest first.
const EXPECTED_ENTRIES: &[(&str, &str, &[&str])] = &[
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

async fn captured_bodies_have_their_expected_results(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let mut stored = Vec::new();
    for (name, source, outcome) in EXPECTED {
        let path = format!("/api/v1/webhooks/alertmanager?source={source}");
        let reply = tocsin.deliver(&path, fixture(name)).await;
        match outcome {
            Rejected(words) => {
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
        assert_stored_completely(&tocsin, name, &report, &entries).await;
        assert_eq!(
            entries.is_empty(),
            seen_again || report.alerts == 0,
            "{name}"
        );
    }
    for (source, fingerprint, lines) in EXPECTED_ENTRIES {
        let entries: Vec<Alert> = tocsin
            .all(&format!("alerts?order=asc&source={source}"))
            .await;
        let entries = entries
            .iter()
            .filter(|entry| entry.fingerprint == *fingerprint);
        let found: Vec<String> = entries.map(line).collect();
        assert_eq!(found, *lines, "{source} {fingerprint}");
    }
    assert_rejected_deliveries_are_listed(&tocsin).await;
    assert_incidents_are_linked(&tocsin).await;
    tocsin.assert_stats_match_log().await;
}

/// Asserts that the log has all labels, annotations and times of the body.
async fn assert_stored_completely(
    tocsin: &Tocsin,
    name: &str,
    report: &IngestReport,
    entries: &[&Alert],
) {
    let id = report.delivery_id;
    let raw = tocsin
        .get_reply(&format!("/api/v1/deliveries/{id}/raw"))
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

    let alerts = body["alerts"].as_array().unwrap();
    assert_eq!(entries.len() + report.seen_again, alerts.len(), "{name}");
    for (entry, alert) in entries.iter().zip(alerts) {
        assert_eq!(
            serde_json::to_value(entry.status).unwrap(),
            alert["status"],
            "{name}"
        );
        assert_eq!(
            entry.fingerprint,
            alert["fingerprint"].as_str().unwrap(),
            "{name}"
        );
        assert_eq!(
            serde_json::to_value(&entry.labels).unwrap(),
            alert["labels"],
            "{name}"
        );
        let annotations = if alert["annotations"].is_null() {
            &Value::Object(Default::default())
        } else {
            &alert["annotations"]
        };
        assert_eq!(
            serde_json::to_value(&entry.annotations).unwrap(),
            *annotations,
            "{name}"
        );
        assert_eq!(entry.starts_at, time(&alert["startsAt"]).unwrap(), "{name}");
        assert_eq!(entry.ends_at, time(&alert["endsAt"]), "{name}");
        assert_eq!(
            entry.generator_url,
            alert["generatorURL"].as_str().unwrap_or_default(),
            "{name}"
        );
    }
}

/// A time in the body; `None` for the zero time.
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

async fn assert_rejected_deliveries_are_listed(tocsin: &Tocsin) {
    let rejected: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert_eq!(rejected.len(), 3);
    for delivery in &rejected {
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
    let array = &rejected[2];
    assert!(array.raw_available);
    let raw = tocsin
        .get_reply(&format!("/api/v1/deliveries/{}/raw", array.id))
        .await
        .expect(200);
    assert_eq!(raw.body, fixture("prometheus-2.42-post-alerts-firing"));
}

async fn assert_incidents_are_linked(tocsin: &Tocsin) {
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

/// Posts all files to one source, and the firing ones again: the second round neither
/// opens nor ends an incident.
async fn repeated_corpus_opens_no_incidents(database: Database) {
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
fn every_body_has_an_expected_result() {
    let folder = workspace().join("tests/fixtures/payloads");
    let names = std::fs::read_dir(folder).unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".json").map(str::to_owned)
    });
    let listed: BTreeSet<String> = EXPECTED
        .iter()
        .map(|(name, _, _)| (*name).to_owned())
        .collect();
    assert_eq!(names.collect::<BTreeSet<_>>(), listed);
}
