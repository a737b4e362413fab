//! Deletes log entries.

use std::collections::HashSet;
use std::time::Duration;

use tocsin_core::matcher;
use tocsin_storage::enums::{EntryKind, IncidentState};
use tocsin_storage::retention::{self, LogRule, LogRules, Visited, Walk};

use crate::common::{TestDb, at};
use crate::history::{before, count, delete, ended, ids, incident, log, put_entry, severity};
use crate::on_both;

on_both!(
    incident_is_deleted_with_its_last_entry,
    open_incident_is_kept,
    out_of_order_entry_keeps_its_incident,
    expired_incident_is_deleted_with_the_entries_of_the_next,
    reference_to_a_deleted_incident_is_cleared,
    content_is_deleted_with_its_last_use,
    rules_match_the_labels_as_received,
    walk_visits_every_entry,
    notifications_are_deleted_with_their_entries,
    deliveries_are_deleted_with_their_entries,
    walk_position_is_stored,
);

fn of_alert(entries: &[Visited], alert_id: i64) -> Vec<Visited> {
    let selected = entries.iter().filter(|entry| entry.series_id == alert_id);
    selected.copied().collect()
}

async fn incident_is_deleted_with_its_last_entry(test: &TestDb) {
    ended(test, &["info", "critical"]).await;
    let entries = before(test, 1_000).await;
    let first = of_alert(&entries, 1);
    let gone = delete(test, &first[..1]).await;
    assert_eq!((gone.entries, gone.incidents), (1, 0));
    assert_eq!(ids(test, "incidents").await, [1, 2]);
    let gone = delete(test, &first[1..]).await;
    assert_eq!(
        (gone.entries, gone.incidents, gone.touched),
        (1, 1, vec![1])
    );
    assert_eq!(ids(test, "incidents").await, [2]);
    assert_eq!(ids(test, "series").await, [2]);
    assert_eq!(log(test).await.len(), 2);
    // A second deletion finds nothing.
    assert_eq!(delete(test, &first).await.entries, 0);
}

async fn open_incident_is_kept(test: &TestDb) {
    let labels = severity("info", "host-1");
    test.put_alert(1, "prod", &labels, "it is full").await;
    let open = incident(1, 1, &labels, IncidentState::Open, (10, 20));
    test.put_incident(&open).await;
    put_entry(test, 1, &open, EntryKind::Opened, 10).await;
    put_entry(test, 2, &open, EntryKind::Refreshed, 20).await;
    let gone = delete(test, &before(test, 1_000).await).await;
    assert_eq!((gone.entries, gone.incidents), (2, 0));
    assert_eq!(ids(test, "incidents").await, [1]);
    assert_eq!(ids(test, "series").await, [1]);
}

async fn out_of_order_entry_keeps_its_incident(test: &TestDb) {
    let incidents = ended(test, &["info"]).await;
    put_entry(test, 3, &incidents[0], EntryKind::Late, 500).await;
    let gone = delete(test, &before(test, 100).await).await;
    assert_eq!((gone.entries, gone.incidents), (2, 0));
    assert_eq!(log(test).await.len(), 1);
    let gone = delete(test, &before(test, 1_000).await).await;
    assert_eq!((gone.entries, gone.incidents), (1, 1));
}

async fn expired_incident_is_deleted_with_the_entries_of_the_next(test: &TestDb) {
    let labels = severity("info", "host-1");
    test.put_alert(1, "prod", &labels, "it is full").await;
    // Its only entry was deleted while it was open.
    let expired = incident(1, 1, &labels, IncidentState::Expired, (10, 10));
    test.put_incident(&expired).await;
    let next = incident(2, 1, &labels, IncidentState::Resolved, (100, 110));
    test.put_incident(&next).await;
    test.run(
        "INSERT INTO incident_events (incident_id, kind, at, delivery_id, entry_id) \
         VALUES (1, 3, ?, 1, 1)",
        vec![at(6_000).as_micros().into()],
    )
    .await;
    put_entry(test, 1, &next, EntryKind::Opened, 100).await;
    put_entry(test, 2, &next, EntryKind::Resolved, 110).await;
    let gone = delete(test, &before(test, 105).await).await;
    assert_eq!((gone.entries, gone.incidents), (1, 1));
    assert_eq!(ids(test, "incidents").await, [2]);
    assert_eq!(count(test, "incident_events").await, 0);
}

async fn reference_to_a_deleted_incident_is_cleared(test: &TestDb) {
    let incidents = ended(test, &["info"]).await;
    let next = incident(2, 1, &incidents[0].labels, IncidentState::Open, (100, 100));
    test.put_incident(&next).await;
    test.run("UPDATE incidents SET previous_id = 1 WHERE id = 2", vec![])
        .await;
    put_entry(test, 3, &next, EntryKind::Opened, 100).await;
    delete(test, &before(test, 50).await).await;
    assert_eq!(ids(test, "incidents").await, [2]);
    let sql = "SELECT COUNT(*) FROM incidents WHERE previous_id IS NULL";
    assert_eq!(test.number(sql, vec![]).await, 1);
}

async fn content_is_deleted_with_its_last_use(test: &TestDb) {
    let labels = severity("info", "host-1");
    test.put_alert(1, "prod", &labels, "it is full").await;
    for content_id in 1..=3 {
        test.put_content(content_id, 1, None, &format!("{content_id} % are free"))
            .await;
    }
    let mut open = incident(1, 1, &labels, IncidentState::Open, (10, 40));
    open.content_id = Some(3);
    test.put_incident(&open).await;
    for (id, content_id) in [
        (1, None),
        (2, Some(1)),
        (3, Some(2)),
        (4, Some(2)),
        (5, Some(3)),
    ] {
        let mut updated = open.clone();
        updated.content_id = content_id;
        put_entry(test, id, &updated, EntryKind::Refreshed, id * 10).await;
    }
    delete(test, &before(test, 35).await).await;
    assert_eq!(
        ids(test, "tellings").await,
        [2, 3],
        "entry 4 still uses one of them"
    );
    delete(test, &before(test, 1_000).await).await;
    assert_eq!(
        ids(test, "tellings").await,
        [3],
        "the content of the incident is kept"
    );
}

async fn rules_match_the_labels_as_received(test: &TestDb) {
    ended(test, &["info", "warning", "info"]).await;
    // The second entry of the third incident has other labels.
    let changed = severity("critical", "host-3");
    test.put_content(1, 3, Some(&changed), "now critical").await;
    test.run("UPDATE log_entries SET telling_id = 1 WHERE id = 6", vec![])
        .await;
    test.put_content(2, 2, None, "only the message differs")
        .await;
    test.run("UPDATE log_entries SET telling_id = 2 WHERE id = 4", vec![])
        .await;
    let rules = LogRules {
        rules: vec![LogRule {
            matchers: matcher::parse_list("severity=\"info\"").unwrap(),
            keep: Some(Duration::from_secs(60)),
        }],
        default: None,
    };
    let entries = before(test, 1_000).await;
    let texts: Vec<_> = entries.iter().map(Visited::text).collect();
    let found = retention::labels(&test.db, &texts).await.unwrap();
    let is_expired = |entry: &&Visited| rules.keep(&found[&entry.text()]).is_some();
    let doomed: Vec<i64> = entries
        .iter()
        .filter(is_expired)
        .map(|entry| entry.id)
        .collect();
    assert_eq!(doomed, [1, 2, 5]);
    assert_eq!(found.len(), 5);
}

/// In steps of any size, with entries of the same time, and one received later.
async fn walk_visits_every_entry(test: &TestDb) {
    let incidents = ended(test, &["info"]).await;
    for id in 3..=20 {
        put_entry(test, id, &incidents[0], EntryKind::Refreshed, 100 + id / 4).await;
    }
    for step in [1, 2, 3, 7, 100] {
        let mut walk = Walk::default();
        let mut seen = Vec::new();
        loop {
            let found = retention::visit(&test.db, walk.at, at(104 * 60), step)
                .await
                .unwrap();
            let Some(last) = found.last() else { break };
            walk.at = last.spot();
            seen.extend(found.iter().map(|entry| entry.id));
        }
        let expected: Vec<i64> = (1..=15).collect();
        assert_eq!(seen, expected, "in steps of {step}");
    }
    // Another writer used the lower ID later.
    test.run(
        "UPDATE log_entries SET received_at = ? WHERE id = 4",
        vec![at(103 * 60).as_micros().into()],
    )
    .await;
    let found = retention::visit(&test.db, (at(102 * 60).as_micros(), 11), at(104 * 60), 100).await;
    let found: Vec<i64> = found.unwrap().iter().map(|entry| entry.id).collect();
    assert_eq!(found, [4, 12, 13, 14, 15]);
}

/// Stores a notification about entries, in a given state.
async fn put_notification(test: &TestDb, id: i64, state: i64, entries: &[i64], resend: bool) {
    test.run(
        "INSERT INTO notifications (id, state, delivery_id, to_name, to_email, language, \
         time_zone, message_id, thread_id, subject, reasons, still_firing, still_firing_names, \
         truncated_alerts, created_at, tries) VALUES (?, ?, 1, 'A', 'a@example.com', 0, 'UTC', \
         ?, 't', 's', '[]', 0, '[]', 0, ?, 1)",
        vec![
            id.into(),
            state.into(),
            format!("m{id}").into(),
            at(id * 60).as_micros().into(),
        ],
    )
    .await;
    test.run(
        "INSERT INTO attempts (notification_id, started_at) VALUES (?, ?)",
        vec![id.into(), at(id * 60).as_micros().into()],
    )
    .await;
    for entry in entries {
        test.run(
            "INSERT INTO notification_events (notification_id, entry_id, kind, incident_id, \
             recipient_id, resend) VALUES (?, ?, 0, 1, 1, ?)",
            vec![id.into(), (*entry).into(), resend.into()],
        )
        .await;
    }
}

async fn notifications_are_deleted_with_their_entries(test: &TestDb) {
    ended(test, &["info", "info"]).await;
    put_notification(test, 1, 2, &[1], false).await;
    put_notification(test, 2, 3, &[2, 3], false).await;
    put_notification(test, 3, 0, &[4], false).await;
    put_notification(test, 4, 1, &[1], true).await;
    let undelivered = retention::undelivered(&test.db, &[1, 2, 3, 4])
        .await
        .unwrap();
    assert_eq!(
        undelivered,
        HashSet::from([1, 4]),
        "a resend counts as well"
    );
    let entries = before(test, 1_000).await;
    let gone = delete(test, &of_alert(&entries, 1)).await;
    // The second is also about entry 3.
    assert_eq!(gone.mails, 2);
    assert_eq!(ids(test, "notifications").await, [2, 3]);
    assert_eq!(count(test, "attempts").await, 2);
    assert_eq!(count(test, "notification_events").await, 2);

    let tx = test.db.begin().await.unwrap();
    assert_eq!(
        retention::prune_notifications(&tx, at(100_000), 10)
            .await
            .unwrap(),
        1
    );
    tx.commit().await.unwrap();
    assert_eq!(
        ids(test, "notifications").await,
        [3],
        "it is still to be sent"
    );
    assert_eq!(count(test, "notification_events").await, 1);
}

async fn deliveries_are_deleted_with_their_entries(test: &TestDb) {
    let incidents = ended(test, &["info"]).await;
    // Delivery 3 has two entries; delivery 4 has none.
    put_entry(test, 3, &incidents[0], EntryKind::Refreshed, 20).await;
    test.run(
        "INSERT INTO log_entries (id, delivery_id, incident_id, series_id, received_at, status, \
         kind, starts_at) VALUES (4, 3, 1, 1, ?, 0, 3, 0)",
        vec![at(20 * 60).as_micros().into()],
    )
    .await;
    test.run(
        "INSERT INTO deliveries (id, received_at, source, outcome, receiver, group_key, version, \
         alerts, truncated_alerts, opened, resolved, refreshed, seen_again, late, rejected, \
         unrouted, body_bytes) VALUES (4, ?, 'prod', 0, '', '', '', 1, 0, 0, 0, 0, 1, 0, '[]', 0, 1)",
        vec![at(25 * 60).as_micros().into()],
    )
    .await;
    test.run(
        "INSERT INTO delivery_bodies (delivery_id, received_at, refused, body) \
         SELECT id, received_at, FALSE, ? FROM deliveries",
        vec![vec![1_u8].into()],
    )
    .await;
    let all = retention::visit_deliveries(&test.db, (0, 0), at(100_000), 10)
        .await
        .unwrap();
    assert_eq!(all, (Some((at(25 * 60).as_micros(), 4)), vec![4]));
    let none = retention::visit_deliveries(&test.db, all.0.unwrap(), at(100_000), 10).await;
    assert_eq!(none.unwrap(), (None, vec![]));
    let entries = before(test, 1_000).await;
    let tx = test.db.begin().await.unwrap();
    // The first is old enough, the second is not; the third still has an entry.
    let gone = retention::delete(&tx, &entries[..3], Some(at(12 * 60)), None)
        .await
        .unwrap();
    assert_eq!((gone.entries, gone.deliveries), (3, 1));
    retention::delete_deliveries(&tx, &[4], at(100_000))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(test, "deliveries").await, [2, 3]);
    assert_eq!(count(test, "delivery_bodies").await, 2);
}

async fn walk_position_is_stored(test: &TestDb) {
    let span = Duration::from_secs(60);
    let load = || async { retention::load_walk(&test.db, "log", span).await.unwrap() };
    assert_eq!(load().await, Walk::default());
    let mut walk = Walk {
        rules: "60000ms".to_owned(),
        at: (5, 6),
        ..Walk::default()
    };
    walk.hold((3, 2));
    for _ in 0..2 {
        let tx = test.db.begin().await.unwrap();
        retention::save_walk(&tx, "log", span, &walk).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(load().await, walk);
    }
    let other = retention::load_walk(&test.db, "deliveries", span)
        .await
        .unwrap();
    assert_eq!(other, Walk::default());
}
