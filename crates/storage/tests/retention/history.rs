//! A small history, and helpers to read it.

use std::sync::Arc;

use tocsin_core::alert::{Labels, Status};
use tocsin_storage::alert_log::{self, AlertView, ByReceived};
use tocsin_storage::archive::Line;
use tocsin_storage::enums::{Coded, DeliveryOutcome, EntryKind, IncidentState};
use tocsin_storage::retention::{self, Gone, Visited};
use tocsin_storage::{AlertContent, AlertFilter, Order, PageRequest, archive};

use crate::common::rows::{Incident, labels};
use crate::common::{TestDb, Value, at};

pub(crate) fn severity(severity: &str, instance: &str) -> Labels {
    labels(&[
        ("alertname", "DiskFull"),
        ("instance", instance),
        ("severity", severity),
    ])
}

/// Stores a log entry of an incident, reported by a delivery of its own in minute `minute`.
pub(crate) async fn put_entry(
    test: &TestDb,
    id: i64,
    incident: &Incident,
    kind: EntryKind,
    minute: i64,
) {
    let status = match kind {
        EntryKind::Resolved => Status::Resolved,
        _ => Status::Firing,
    };
    test.put_delivery(
        id,
        &incident.source,
        DeliveryOutcome::Accepted,
        at(minute * 60),
        0,
    )
    .await;
    test.run(
        "INSERT INTO log_entries (id, delivery_id, incident_id, series_id, telling_id, \
         received_at, status, kind, starts_at, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        vec![
            id.into(),
            id.into(),
            incident.id.into(),
            incident.alert_id.into(),
            incident.content_id.into(),
            at(minute * 60).as_micros().into(),
            status.code().into(),
            kind.code().into(),
            incident.starts_at.as_micros().into(),
            incident.ends_at.map(|time| time.as_micros()).into(),
        ],
    )
    .await;
}

/// An incident that started in minute `from` and, if it has ended, ended in minute `to`;
/// its entries are in between.
pub(crate) fn incident(
    id: i64,
    alert_id: i64,
    labels: &Labels,
    state: IncidentState,
    (from, to): (i64, i64),
) -> Incident {
    Incident {
        id,
        alert_id,
        source: "prod".to_owned(),
        content_id: None,
        labels: labels.clone(),
        message: "it is full".to_owned(),
        state,
        starts_at: at(from * 60),
        ends_at: (state != IncidentState::Open).then(|| at(to * 60)),
        last_seen_at: at(to * 60),
        occurrences: 2,
        known_by: None,
    }
}

/// One ended incident with two entries per severity, in the given order, ten minutes apart;
/// IDs from 1, equal to those of their alerts.
pub(crate) async fn ended(test: &TestDb, severities: &[&str]) -> Vec<Incident> {
    let mut incidents = Vec::new();
    for (number, word) in (1..).zip(severities) {
        let labels = severity(word, &format!("host-{number}"));
        test.put_alert(number, "prod", &labels, "it is full").await;
        let minutes = (number * 10, number * 10 + 5);
        let incident = incident(number, number, &labels, IncidentState::Resolved, minutes);
        test.put_incident(&incident).await;
        put_entry(
            test,
            number * 2 - 1,
            &incident,
            EntryKind::Opened,
            minutes.0,
        )
        .await;
        put_entry(test, number * 2, &incident, EntryKind::Resolved, minutes.1).await;
        incidents.push(incident);
    }
    // IDs inserted explicitly are used up.
    if test.db.backend() == tocsin_storage::Backend::Postgres {
        for table in [
            "series",
            "incidents",
            "log_entries",
            "deliveries",
            "tellings",
        ] {
            test.query(
                &format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000)"),
                vec![],
            )
            .await;
        }
    }
    incidents
}

/// All entries received before `minute`.
pub(crate) async fn before(test: &TestDb, minute: i64) -> Vec<Visited> {
    retention::visit(&test.db, (0, 0), at(minute * 60), 1_000)
        .await
        .unwrap()
}

pub(crate) async fn delete(test: &TestDb, doomed: &[Visited]) -> Gone {
    let tx = test.db.begin().await.unwrap();
    let gone = retention::delete(&tx, doomed, None, None).await.unwrap();
    tx.commit().await.unwrap();
    gone
}

/// Number of rows in a table.
pub(crate) async fn count(test: &TestDb, table: &str) -> i64 {
    test.number(&format!("SELECT COUNT(*) FROM {table}"), vec![])
        .await
}

/// IDs of a table, in ascending order.
pub(crate) async fn ids(test: &TestDb, table: &str) -> Vec<i64> {
    let sql = format!("SELECT id FROM {table} ORDER BY id");
    let rows = test.query(&sql, Vec::<Value>::new()).await;
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

/// A content without the IDs of its rows.
pub(crate) fn without_content_ids(content: &AlertContent) -> Arc<AlertContent> {
    Arc::new(AlertContent {
        alert_id: 0,
        content_id: None,
        ..content.clone()
    })
}

/// The whole log, newest first.
pub(crate) async fn log(test: &TestDb) -> Vec<AlertView> {
    let page = PageRequest::first(ByReceived, Order::Desc, 500);
    let page = alert_log::list(&test.db, &AlertFilter::default(), &page)
        .await
        .unwrap();
    let entries = page.items.into_iter().map(|entry| AlertView {
        content: without_content_ids(&entry.content),
        ..entry
    });
    entries.collect()
}

/// Archive lines of the entries received before `minute`; `count` is whether they are
/// counted.
pub(crate) async fn lines(test: &TestDb, database: &str, minute: i64, count: bool) -> Vec<Line> {
    let ids: Vec<i64> = before(test, minute)
        .await
        .iter()
        .map(|entry| entry.id)
        .collect();
    let archived = archive::read(&test.db, database, &ids).await.unwrap();
    let lines = archived
        .entries
        .into_iter()
        .map(|entry| Line { entry, count });
    lines.collect()
}
