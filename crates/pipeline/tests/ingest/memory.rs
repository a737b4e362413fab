//! The alert cache matches the database.

use tocsin_core::visibility::Visibility;
use tocsin_pipeline::acknowledge::{ChangeContext, IncidentChange, acknowledge_one};
use tocsin_pipeline::{Actor, IngestError};

use crate::{ALERT, AlertReport, Ingest, deliver};

crate::on_both!(
    acknowledged_incident_triggers_no_notification,
    rolled_back_delivery_is_not_cached,
    forgotten_alert_is_read_again,
);

async fn acknowledge(ingest: &Ingest, id: i64, change: &IncidentChange) {
    let by = ChangeContext {
        actor: &Actor::command_line(),
        visible: &Visibility::everything(),
        now: ingest.pipeline.now(),
        message_ids: ingest.pipeline.message_ids(),
    };
    let cache = ingest.pipeline.alert_cache();
    let changed = acknowledge_one(ingest.db(), cache, &by, id, None, change).await;
    assert!(changed.unwrap());
}

async fn acknowledged_incident_triggers_no_notification(ingest: &Ingest) {
    ingest.add_recipient().await;
    let notifications = "SELECT COUNT(*) FROM notifications";
    ingest.deliver(&[ALERT]).await;
    ingest.minutes_pass(6);
    ingest.deliver(&[ALERT]).await;
    assert_eq!(
        ingest.number(notifications).await,
        2,
        "opened, and a repeat"
    );
    let change = IncidentChange {
        known: Some(true),
        memo: None,
        by: Some("Kim".to_owned()),
        close: false,
    };
    acknowledge(ingest, 1, &change).await;
    ingest.minutes_pass(6);
    assert_eq!(ingest.deliver(&[ALERT]).await.refreshed, 1);
    assert_eq!(ingest.number(notifications).await, 2, "acknowledged");
    let unacknowledge = IncidentChange {
        known: Some(false),
        ..change
    };
    acknowledge(ingest, 1, &unacknowledge).await;
    ingest.minutes_pass(6);
    ingest.deliver(&[ALERT]).await;
    assert_eq!(ingest.number(notifications).await, 3);
    // Each notification refers to the log entry that triggered it.
    let linked = "SELECT COUNT(*) FROM notification_events n JOIN log_entries e ON e.id = n.entry_id \
                AND e.incident_id = n.incident_id WHERE NOT n.resend";
    assert_eq!(ingest.number(linked).await, 3);
}

async fn rolled_back_delivery_is_not_cached(ingest: &Ingest) {
    ingest.deliver(&[ALERT]).await;
    ingest.minutes_pass(6);
    let (reject_inserts, allow_inserts) = match &ingest.raw {
        crate::Raw::Sqlite(_) => (
            "CREATE TRIGGER broken BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP TRIGGER broken",
        ),
        crate::Raw::Postgres(_) => (
            "ALTER TABLE changes ADD CONSTRAINT broken CHECK (object_id < 0) NOT VALID",
            "ALTER TABLE changes DROP CONSTRAINT broken",
        ),
    };
    ingest.run(reject_inserts).await;
    let new = AlertReport {
        instance: "b",
        ..ALERT
    };
    let result = deliver(&ingest.pipeline, &[ALERT, new]).await;
    assert!(matches!(result, Err(IngestError::Unavailable)));
    ingest.run(allow_inserts).await;
    // The same delivery again: the alerts count as repeated and opened, not as
    // duplicates.
    let report = ingest.deliver(&[ALERT, new]).await;
    assert_eq!((report.refreshed, report.opened), (1, 1), "{report:?}");
    assert_eq!(ingest.number("SELECT COUNT(*) FROM series").await, 2);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM log_entries").await, 3);
    let times_received = "SELECT MAX(occurrences) FROM incidents";
    assert_eq!(ingest.number(times_received).await, 2);
}

async fn forgotten_alert_is_read_again(ingest: &Ingest) {
    ingest.deliver(&[ALERT]).await;
    let cache = ingest.pipeline.alert_cache();
    assert_eq!(cache.len().await, 1);
    // As retention deletes an alert with all its rows.
    for table in ["log_entries", "incidents", "series"] {
        ingest.run(&format!("DELETE FROM {table}")).await;
    }
    if matches!(ingest.raw, crate::Raw::Sqlite(_)) {
        cache.forget(&[1]).await;
        assert!(cache.is_empty().await);
    }
    // On PostgreSQL locking the alert shows that it was deleted.
    let report = ingest.deliver(&[ALERT]).await;
    assert_eq!(report.opened, 1, "{report:?}");
    assert_eq!(ingest.number("SELECT COUNT(*) FROM series").await, 1);
    let orphans = "SELECT COUNT(*) FROM log_entries WHERE series_id NOT IN (SELECT id FROM series)";
    assert_eq!(ingest.number(orphans).await, 0);
    cache.forget_all().await;
    assert_eq!(ingest.deliver(&[ALERT]).await.seen_again, 1);
}

/// More alerts than the cache holds: evicted ones are read again.
#[tokio::test(flavor = "multi_thread")]
async fn alert_cache_is_bounded() {
    let ingest = Ingest::sqlite(20).await;
    let names: Vec<String> = (0..50).map(|n| format!("host-{n}")).collect();
    let reports: Vec<AlertReport<'_>> = names
        .iter()
        .map(|instance| AlertReport { instance, ..ALERT })
        .collect();
    assert_eq!(ingest.deliver(&reports).await.opened, 50);
    assert!(ingest.pipeline.alert_cache().len().await <= 20);
    for part in reports.chunks(7) {
        assert_eq!(ingest.deliver(part).await.seen_again, part.len());
    }
    ingest.minutes_pass(6);
    assert_eq!(ingest.deliver(&reports).await.refreshed, 50);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM incidents").await, 50);
    assert!(ingest.pipeline.alert_cache().len().await <= 20);
}

/// Incident changes of one replica are visible to another, despite its cache.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_see_incidents_of_each_other() {
    let ingest = Ingest::postgres().await;
    let other = ingest.replica().await;
    ingest.deliver(&[ALERT]).await;
    assert_eq!(deliver(&other, &[ALERT]).await.unwrap().seen_again, 1);
    let resolved = AlertReport {
        resolved: true,
        ..ALERT
    };
    assert_eq!(deliver(&other, &[resolved]).await.unwrap().resolved, 1);
    assert_eq!(ingest.deliver(&[resolved]).await.seen_again, 1);
    ingest.minutes_pass(6);
    // Both at the same time, with alerts that neither has cached.
    let names: Vec<String> = (0..200).map(|n| format!("host-{n}")).collect();
    let reports: Vec<AlertReport<'_>> = names
        .iter()
        .map(|instance| AlertReport { instance, ..ALERT })
        .collect();
    let mut reversed = reports.clone();
    reversed.reverse();
    let (one, two) = tokio::join!(
        deliver(&other, &reports),
        deliver(&ingest.pipeline, &reversed)
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.opened + two.opened, 200);
    assert_eq!(one.seen_again + two.seen_again, 200);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM series").await, 201);
    other.shutdown().await;
}
