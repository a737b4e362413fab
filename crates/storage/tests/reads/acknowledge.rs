//! Acknowledging: changed incidents, their events, and incidents left unchanged.

use std::sync::LazyLock;
use std::time::Duration;

use tocsin_core::matcher;
use tocsin_core::visibility::Visibility;
use tocsin_storage::changes::{self, Change};
use tocsin_storage::enums::EventKind;
use tocsin_storage::incidents::{self, Acknowledgement, IncidentView};

use crate::common::rows::label;
use crate::common::{TestDb, at};

crate::on_both!(
    only_changes_are_stored,
    unacknowledging_keeps_the_note,
    note_on_an_acknowledged_incident_is_an_event,
    thousands_are_acknowledged_in_one_transaction,
    rollback_leaves_no_changes,
    invisible_incidents_are_skipped,
);

static EVERYTHING: LazyLock<Visibility> = LazyLock::new(Visibility::everything);

fn acknowledgement(
    known: Option<bool>,
    memo: Option<&'static str>,
    now: i64,
) -> Acknowledgement<'static> {
    Acknowledgement {
        known,
        memo,
        by: Some("Kim"),
        now: at(now),
        visible: &EVERYTHING,
    }
}

async fn acknowledge(test: &TestDb, ids: &[i64], wanted: &Acknowledgement<'_>) -> Vec<i64> {
    let tx = test.db.begin().await.unwrap();
    let changed = incidents::acknowledge(&tx, ids, wanted).await.unwrap();
    tx.commit().await.unwrap();
    changed
}

async fn get(test: &TestDb, id: i64) -> IncidentView {
    let incident = incidents::get(&test.db, id, at(200), Duration::from_secs(3_600)).await;
    incident.unwrap().unwrap()
}

/// Events of people on an incident, oldest first: kind, person, note.
async fn events(test: &TestDb, id: i64) -> Vec<(EventKind, Option<String>, Option<String>)> {
    let events = incidents::events(&test.db, id, 100).await.unwrap();
    let events = events.into_iter().rev();
    events
        .filter(|event| event.person.is_some())
        .map(|event| (event.kind, event.person, event.memo))
        .collect()
}

async fn feed(test: &TestDb) -> Vec<(i64, EventKind)> {
    let rows = changes::after(&test.db, None, 10_000).await.unwrap();
    let event = |change| match change {
        Change::Incident { event } => event,
        other => panic!("unexpected change {other:?}"),
    };
    rows.into_iter()
        .map(|row| (row.object_id, event(row.change)))
        .collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn only_changes_are_stored(test: &TestDb) {
    test.put_incidents(3).await;
    let seen = acknowledgement(Some(true), Some("on it"), 300);
    assert_eq!(acknowledge(test, &[2, 1, 2, 99], &seen).await, [1, 2]);
    let again = acknowledgement(Some(true), Some("on it"), 400);
    assert_eq!(acknowledge(test, &[1, 2, 3], &again).await, [3]);
    let first = get(test, 1).await;
    assert_eq!(
        (
            first.known,
            first.known_by.as_deref(),
            first.known_at,
            first.memo.as_str()
        ),
        (true, Some("Kim"), Some(at(300)), "on it")
    );
    assert_eq!(get(test, 3).await.known_at, Some(at(400)));
    let event = (EventKind::Acknowledged, text("Kim"), text("on it"));
    assert_eq!(events(test, 1).await, [event]);
    assert_eq!(
        feed(test).await,
        [
            (1, EventKind::Acknowledged),
            (2, EventKind::Acknowledged),
            (3, EventKind::Acknowledged)
        ]
    );
}

async fn unacknowledging_keeps_the_note(test: &TestDb) {
    test.put_incidents(1).await;
    acknowledge(test, &[1], &acknowledgement(Some(true), Some("on it"), 300)).await;
    assert_eq!(
        acknowledge(test, &[1], &acknowledgement(Some(false), None, 301)).await,
        [1]
    );
    assert_eq!(
        acknowledge(test, &[1], &acknowledgement(Some(false), None, 302)).await,
        [0; 0]
    );
    let incident = get(test, 1).await;
    assert_eq!(
        (
            incident.known,
            incident.known_by,
            incident.known_at,
            incident.memo.as_str()
        ),
        (false, None, None, "on it")
    );
    let kinds: Vec<EventKind> = events(test, 1)
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    assert_eq!(kinds, [EventKind::Acknowledged, EventKind::Unacknowledged]);
}

async fn note_on_an_acknowledged_incident_is_an_event(test: &TestDb) {
    test.put_incidents(2).await;
    assert_eq!(
        acknowledge(test, &[1], &acknowledgement(None, Some("a\0b"), 300)).await,
        [1]
    );
    let incident = get(test, 1).await;
    assert_eq!(
        (incident.known, incident.memo.as_str()),
        (false, "a\u{FFFD}b")
    );
    assert_eq!(events(test, 1).await, []);
    // The same note again, including NUL, is no change.
    assert_eq!(
        acknowledge(test, &[1], &acknowledgement(None, Some("a\0b"), 301)).await,
        [0; 0]
    );
    acknowledge(test, &[2], &acknowledgement(Some(true), None, 302)).await;
    acknowledge(test, &[2], &acknowledgement(None, Some("later"), 303)).await;
    let incident = get(test, 2).await;
    assert_eq!(
        (incident.known_at, incident.memo.as_str()),
        (Some(at(302)), "later")
    );
    assert_eq!(
        events(test, 2).await,
        [
            (EventKind::Acknowledged, text("Kim"), None),
            (EventKind::Acknowledged, text("Kim"), text("later"))
        ]
    );
    assert_eq!(
        feed(test).await,
        [
            (1, EventKind::Unacknowledged),
            (2, EventKind::Acknowledged),
            (2, EventKind::Acknowledged)
        ]
    );
}

async fn thousands_are_acknowledged_in_one_transaction(test: &TestDb) {
    test.put_incidents(1).await;
    // Alerts and incidents 2 to 2,500, equal except for the source.
    let numbers = "WITH RECURSIVE c (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM c WHERE n < 2500)";
    test.run(
        &format!(
            "INSERT INTO series (id, source, fingerprint, content, labels, annotations, \
             generator_url, message, alertname, instance, severity, team) {numbers} \
             SELECT n, 'other ' || CAST(n AS TEXT), fingerprint, content, labels, annotations, \
             generator_url, message, alertname, instance, severity, team \
             FROM c JOIN series s ON s.id = 1"
        ),
        vec![],
    )
    .await;
    test.run(
        &format!(
            "INSERT INTO incidents (id, series_id, episode, state, starts_at, first_seen_at, \
             last_seen_at, last_entry_at, occurrences, senders, content, told) {numbers} \
             SELECT n, n, 1, 0, 0, 0, 0, 0, 1, 1, s.content, '[]' FROM c JOIN series s ON s.id = n"
        ),
        vec![],
    )
    .await;
    let ids: Vec<i64> = (1..=2_500).rev().collect();
    let changed = acknowledge(test, &ids, &acknowledgement(Some(true), None, 300)).await;
    assert_eq!(changed, (1..=2_500).collect::<Vec<i64>>());
    let unknown = "SELECT COUNT(*) FROM incidents WHERE known_at IS NULL OR known_by <> 'Kim'";
    assert_eq!(test.number(unknown, vec![]).await, 0);
    assert_eq!(feed(test).await.len(), 2_500);
}

async fn rollback_leaves_no_changes(test: &TestDb) {
    test.put_incidents(1).await;
    let tx = test.db.begin().await.unwrap();
    incidents::acknowledge(&tx, &[1], &acknowledgement(Some(true), None, 300))
        .await
        .unwrap();
    assert!(
        incidents::get(&tx, 1, at(200), Duration::ZERO)
            .await
            .unwrap()
            .unwrap()
            .known,
        "a transaction reads what it wrote"
    );
    tx.rollback().await.unwrap();
    assert!(!get(test, 1).await.known);
    assert_eq!(events(test, 1).await, []);
    assert_eq!(feed(test).await, []);
}

async fn invisible_incidents_are_skipped(test: &TestDb) {
    let incidents = test.put_incidents(3).await;
    let instance = |n: usize| label(&incidents[n].labels, "instance");
    let only = format!("instance={:?}", instance(1));
    let second = Visibility::of(vec![matcher::parse(&only).unwrap()]);
    let seen = Acknowledgement {
        visible: &second,
        ..acknowledgement(Some(true), Some("ours"), 300)
    };
    assert_eq!(acknowledge(test, &[1, 2, 3, 99], &seen).await, [2]);
    assert_eq!(acknowledge(test, &[1, 3], &seen).await, [0; 0]);
    assert_eq!(feed(test).await, [(2, EventKind::Acknowledged)]);
}
