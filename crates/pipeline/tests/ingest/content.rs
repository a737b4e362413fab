//! Alert content: the first version is stored with the alert, later ones only if they
//! differ.

use tocsin_storage::alert_log;
use tocsin_storage::incidents;

use crate::{ALERT, AlertReport, Ingest};

crate::on_both!(
    new_alert_is_three_rows,
    changed_content_is_stored_once_per_version,
    content_change_within_the_window_is_shown_immediately,
    different_labels_with_one_fingerprint_are_stored_separately,
    duplicates_within_one_batch_are_detected,
);

/// Returns the message of the incident and those of its log entries, oldest first.
async fn messages_of(ingest: &Ingest, incident: i64) -> (String, Vec<String>) {
    let db = ingest.db();
    let stale_after = std::time::Duration::from_secs(32_400);
    let shown = incidents::get(db, incident, ingest.pipeline.now(), stale_after);
    let shown = shown.await.unwrap().unwrap().content.fields.message.clone();
    let mut messages = Vec::new();
    for id in 1..=ingest.number("SELECT MAX(id) FROM log_entries").await {
        if let Some(entry) = alert_log::get(db, id).await.unwrap()
            && entry.incident_id == incident
        {
            messages.push(entry.content.fields.message.clone());
        }
    }
    (shown, messages)
}

async fn new_alert_is_three_rows(ingest: &Ingest) {
    let instances: Vec<String> = (0..50).map(|n| format!("host-{n}")).collect();
    let reports: Vec<AlertReport<'_>> = instances
        .iter()
        .map(|instance| AlertReport { instance, ..ALERT })
        .collect();
    assert_eq!(ingest.deliver(&reports).await.opened, 50);
    for (table, rows) in [
        ("series", 50),
        ("incidents", 50),
        ("log_entries", 50),
        ("tellings", 0),
        ("incident_events", 0),
        ("deliveries", 1),
        ("delivery_bodies", 1),
        ("changes", 1),
        // One row for the statistics, one for the search index.
        ("backlog", 2),
    ] {
        let found = ingest
            .number(&format!("SELECT COUNT(*) FROM {table}"))
            .await;
        assert_eq!(found, rows, "{table}");
    }
    assert_eq!(ingest.deliver(&reports).await.seen_again, 50);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM log_entries").await, 50);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM incidents").await, 50);
}

async fn changed_content_is_stored_once_per_version(ingest: &Ingest) {
    for message in ["90 %", "95 %", "95 %", "90 %", "90 %"] {
        ingest.deliver(&[AlertReport { message, ..ALERT }]).await;
        ingest.minutes_pass(6);
    }
    let expected = ["90 %", "95 %", "95 %", "90 %", "90 %"].map(str::to_owned);
    let (shown, messages) = messages_of(ingest, 1).await;
    assert_eq!((shown.as_str(), messages), ("90 %", expected.to_vec()));
    assert_eq!(ingest.number("SELECT COUNT(*) FROM tellings").await, 1);
    // The labels equal those of the alert and are not stored twice.
    let with_labels = "SELECT COUNT(*) FROM tellings WHERE labels IS NOT NULL OR team IS NOT NULL";
    assert_eq!(ingest.number(with_labels).await, 0);
}

async fn content_change_within_the_window_is_shown_immediately(ingest: &Ingest) {
    let report = |message| AlertReport { message, ..ALERT };
    ingest.deliver(&[report("91 %")]).await;
    assert_eq!(ingest.deliver(&[report("92 %")]).await.updated, 1);
    assert_eq!(messages_of(ingest, 1).await.0, "92 %");
    // At most one log entry per minute, but the shown message is updated.
    assert_eq!(ingest.deliver(&[report("93 %")]).await.seen_again, 1);
    assert_eq!(messages_of(ingest, 1).await.0, "93 %");
    assert_eq!(ingest.deliver(&[report("93 %")]).await.seen_again, 1);
    ingest.minutes_pass(1);
    assert_eq!(ingest.deliver(&[report("97 %")]).await.updated, 1);
    let (shown, messages) = messages_of(ingest, 1).await;
    assert_eq!(shown, "97 %");
    assert_eq!(messages, ["91 %", "92 %", "97 %"]);
    let times_received = "SELECT occurrences FROM incidents";
    assert_eq!(ingest.number(times_received).await, 1);
}

async fn different_labels_with_one_fingerprint_are_stored_separately(ingest: &Ingest) {
    let first = AlertReport {
        fingerprint: "00000000000000aa",
        ..ALERT
    };
    let other = AlertReport {
        severity: "critical",
        ..first
    };
    ingest.deliver(&[first]).await;
    ingest.minutes_pass(6);
    ingest.deliver(&[other]).await;
    ingest.minutes_pass(6);
    ingest.deliver(&[first]).await;
    assert_eq!(ingest.number("SELECT COUNT(*) FROM series").await, 1);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM incidents").await, 1);
    let mut severities = Vec::new();
    for id in 1..=3 {
        let entry = alert_log::get(ingest.db(), id).await.unwrap().unwrap();
        assert_eq!(entry.content.fingerprint, "00000000000000aa");
        assert_eq!(
            entry.content.labels["severity"],
            entry.content.fields.severity
        );
        severities.push(entry.content.fields.severity.clone());
    }
    assert_eq!(severities, ["warning", "critical", "warning"]);
}

async fn duplicates_within_one_batch_are_detected(ingest: &Ingest) {
    let changed = AlertReport {
        message: "still",
        ..ALERT
    };
    let resolved = AlertReport {
        resolved: true,
        ..changed
    };
    let report = ingest.deliver(&[ALERT, ALERT, changed, resolved]).await;
    assert_eq!(
        (
            report.opened,
            report.seen_again,
            report.updated,
            report.resolved
        ),
        (1, 1, 1, 1)
    );
    assert_eq!(ingest.number("SELECT COUNT(*) FROM incidents").await, 1);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM tellings").await, 1);
    let (shown, messages) = messages_of(ingest, 1).await;
    assert_eq!(shown, "still");
    assert_eq!(messages, ["it is full", "still", "still"]);
    // The next incident has the next sequence number.
    ingest.minutes_pass(600);
    assert_eq!(ingest.deliver(&[ALERT, ALERT]).await.opened, 1);
    let last_sequence = "SELECT MAX(episode) FROM incidents WHERE previous_id IS NOT NULL";
    assert_eq!(ingest.number(last_sequence).await, 2);
}
