//! What alerts are told with: stored with the series, and again only where it
//! differs.

use tocsin_storage::alert_log;
use tocsin_storage::incidents;

use crate::{ALERT, Ingest, Says};

crate::on_both!(
    a_fresh_alert_is_three_rows,
    what_changes_is_stored_again_and_what_it_was_is_not,
    what_changes_within_the_window_is_shown_at_once,
    other_labels_under_one_fingerprint_are_kept_apart,
    copies_in_one_batch_see_each_other,
);

/// The message of the incident, and those of its entries, oldest first.
async fn told(ingest: &Ingest, incident: i64) -> (String, Vec<String>) {
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

async fn a_fresh_alert_is_three_rows(ingest: &Ingest) {
    let alerts: Vec<String> = (0..50).map(|n| format!("host-{n}")).collect();
    let says: Vec<Says<'_>> = alerts
        .iter()
        .map(|instance| Says { instance, ..ALERT })
        .collect();
    assert_eq!(ingest.deliver(&says).await.opened, 50);
    for (table, rows) in [
        ("series", 50),
        ("incidents", 50),
        ("log_entries", 50),
        ("tellings", 0),
        ("incident_events", 0),
        ("deliveries", 1),
        ("delivery_bodies", 1),
        ("changes", 1),
        // What is counted, and what is to be indexed.
        ("backlog", 2),
    ] {
        let found = ingest
            .number(&format!("SELECT COUNT(*) FROM {table}"))
            .await;
        assert_eq!(found, rows, "{table}");
    }
    assert_eq!(ingest.deliver(&says).await.seen_again, 50);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM log_entries").await, 50);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM incidents").await, 50);
}

async fn what_changes_is_stored_again_and_what_it_was_is_not(ingest: &Ingest) {
    for message in ["90 %", "95 %", "95 %", "90 %", "90 %"] {
        ingest.deliver(&[Says { message, ..ALERT }]).await;
        ingest.minutes_pass(6);
    }
    let expected = ["90 %", "95 %", "95 %", "90 %", "90 %"].map(str::to_owned);
    let (shown, messages) = told(ingest, 1).await;
    assert_eq!((shown.as_str(), messages), ("90 %", expected.to_vec()));
    assert_eq!(ingest.number("SELECT COUNT(*) FROM tellings").await, 1);
    // The labels are those of the series, and not stored twice.
    let with_labels = "SELECT COUNT(*) FROM tellings WHERE labels IS NOT NULL OR team IS NOT NULL";
    assert_eq!(ingest.number(with_labels).await, 0);
}

async fn what_changes_within_the_window_is_shown_at_once(ingest: &Ingest) {
    let says = |message| Says { message, ..ALERT };
    ingest.deliver(&[says("91 %")]).await;
    assert_eq!(ingest.deliver(&[says("92 %")]).await.updated, 1);
    assert_eq!(told(ingest, 1).await.0, "92 %");
    // An entry at most once a minute, but what is shown moves.
    assert_eq!(ingest.deliver(&[says("93 %")]).await.seen_again, 1);
    assert_eq!(told(ingest, 1).await.0, "93 %");
    assert_eq!(ingest.deliver(&[says("93 %")]).await.seen_again, 1);
    ingest.minutes_pass(1);
    assert_eq!(ingest.deliver(&[says("97 %")]).await.updated, 1);
    let (shown, messages) = told(ingest, 1).await;
    assert_eq!(shown, "97 %");
    assert_eq!(messages, ["91 %", "92 %", "97 %"]);
    let incidents = "SELECT occurrences FROM incidents";
    assert_eq!(ingest.number(incidents).await, 1);
}

async fn other_labels_under_one_fingerprint_are_kept_apart(ingest: &Ingest) {
    let first = Says {
        fingerprint: "00000000000000aa",
        ..ALERT
    };
    let other = Says {
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

async fn copies_in_one_batch_see_each_other(ingest: &Ingest) {
    let later = Says {
        message: "still",
        ..ALERT
    };
    let ended = Says {
        resolved: true,
        ..later
    };
    let report = ingest.deliver(&[ALERT, ALERT, later, ended]).await;
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
    let (shown, messages) = told(ingest, 1).await;
    assert_eq!(shown, "still");
    assert_eq!(messages, ["it is full", "still", "still"]);
    // The next episode is numbered on.
    ingest.minutes_pass(600);
    assert_eq!(ingest.deliver(&[ALERT, ALERT]).await.opened, 1);
    let episodes = "SELECT MAX(episode) FROM incidents WHERE previous_id IS NOT NULL";
    assert_eq!(ingest.number(episodes).await, 2);
}
