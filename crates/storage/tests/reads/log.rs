//! The log and the incidents beyond their filters: single rows, the entries of
//! an incident, its episodes, and what a page costs.

use std::time::Duration;

use tocsin_core::alert::Status;
use tocsin_storage::alerts::{self, ByEntry, ByReceived};
use tocsin_storage::codes::{EntryKind, IncidentState};
use tocsin_storage::incidents;
use tocsin_storage::{AlertFilter, Backend, Order, PageRequest, TimeRange};

use crate::common::rows::{Entry, Incident};
use crate::common::{TestDb, at};

crate::on_both!(
    an_entry_carries_all_that_it_points_to,
    an_incident_has_entries_and_episodes,
    the_first_page_walks_an_index_from_its_end,
    a_row_that_nobody_writes_is_named,
);

async fn an_entry_carries_all_that_it_points_to(test: &TestDb) {
    test.put_incidents(2).await;
    test.run("UPDATE incidents SET memo = 'on it' WHERE id = 2", vec![])
        .await;
    let alert = alerts::get(&test.db, 2).await.unwrap().unwrap();
    assert_eq!(
        (
            alert.id,
            alert.delivery_id,
            alert.incident_id,
            alert.kind,
            alert.status
        ),
        (2, 1, 2, EntryKind::Refreshed, Status::Firing)
    );
    assert_eq!(
        (alert.received_at, alert.starts_at, alert.ends_at),
        (at(102), at(2), None)
    );
    assert_eq!(
        [
            &alert.alertname,
            &alert.instance,
            &alert.severity,
            &alert.team,
            &alert.message
        ],
        ["DiskFull", "host-2:9100", "", "", "it is full"]
    );
    assert_eq!(
        (alert.source.as_str(), alert.fingerprint.as_str()),
        ("alertmanager", "0000000000000002")
    );
    assert_eq!(alert.labels["instance"], "host-2:9100");
    assert_eq!(alert.annotations["message"], "it is full");
    assert_eq!((alert.known, alert.memo.as_str()), (false, "on it"));
    assert_eq!(alert.generator_url, "http://prometheus.example/graph");
    assert_eq!(alerts::get(&test.db, 3).await.unwrap(), None);
}

async fn an_incident_has_entries_and_episodes(test: &TestDb) {
    let open = test.put_incidents(2).await;
    for (id, state) in [(10, IncidentState::Resolved), (11, IncidentState::Lost)] {
        // The open one must be last, for only one may be open.
        let incident = Incident {
            id,
            state,
            ends_at: Some(at(id)),
            ..open[0].clone()
        };
        test.put_incident(&incident).await;
    }
    for id in 20..25 {
        let entry = Entry {
            id,
            incident: 0,
            // Against their numbers, which writers take in blocks.
            received_at: at(200 - id),
            status: Status::Resolved,
            starts_at: at(1),
            ends_at: Some(at(9)),
        };
        test.put_entry(&entry, &open[0]).await;
    }
    let mut got = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = PageRequest::new(ByEntry, Order::Desc, 4, cursor.as_deref()).unwrap();
        let page = alerts::of_incident(&test.db, 1, &page).await.unwrap();
        got.extend(page.items.iter().map(|alert| alert.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(got, [20, 21, 22, 23, 24, 1]);
    let hour = Duration::from_secs(3_600);
    for (of, limit, expected) in [(1, 20, vec![11, 10]), (10, 1, vec![11]), (2, 20, vec![])] {
        let others = incidents::episodes(&test.db, of, limit, at(200), hour)
            .await
            .unwrap();
        let others: Vec<i64> = others.iter().map(|incident| incident.id).collect();
        assert_eq!(others, expected);
    }
    let seconds = |n| Duration::from_secs(n);
    let stale = async |after| {
        incidents::get(&test.db, 1, at(200), after)
            .await
            .unwrap()
            .unwrap()
            .stale
    };
    // Last seen at 101.
    assert!(!stale(seconds(99)).await);
    assert!(stale(seconds(98)).await);
    assert_eq!(
        incidents::get(&test.db, 99, at(200), hour).await.unwrap(),
        None
    );
    assert!(!incidents::exists(&test.db, 99).await.unwrap());
}

async fn the_first_page_walks_an_index_from_its_end(test: &TestDb) {
    test.put_incidents(3).await;
    let numbers =
        "WITH RECURSIVE c (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM c WHERE n < 20000)";
    test.run(
        &format!(
            "INSERT INTO log_entries (id, delivery_id, incident_id, label_set_id, \
             annotation_set_id, received_at, status, kind, starts_at) \
             {numbers} SELECT n, 1, 1, 1, 1, n, 0, 0, 0 FROM c"
        ),
        vec![],
    )
    .await;
    if test.db.backend() == Backend::Postgres {
        test.run("ANALYZE", vec![]).await;
    }
    let range = TimeRange {
        from: Some(at(-1_000_000)),
        to: Some(at(1_000_000)),
    };
    let timed = AlertFilter {
        received: range,
        ..AlertFilter::default()
    };
    let first = PageRequest::first(ByReceived, Order::Desc, 50);
    let page = alerts::list(&test.db, &AlertFilter::default(), &first)
        .await
        .unwrap();
    let next = page.next.unwrap();
    let next = PageRequest::new(ByReceived, Order::Desc, 50, Some(&next)).unwrap();
    for filter in [AlertFilter::default(), timed] {
        for page in [&first, &next] {
            let plan = alerts::explain_list(&test.db, &filter, page).await.unwrap();
            assert!(plan.contains("log_entries_received"), "{plan}");
            assert!(!plan.contains("SCAN log_entries"), "{plan}");
            assert!(!plan.contains("Seq Scan on log_entries"), "{plan}");
        }
    }
}

async fn a_row_that_nobody_writes_is_named(test: &TestDb) {
    test.put_incidents(2).await;
    test.run("UPDATE log_entries SET kind = 9 WHERE id = 1", vec![])
        .await;
    let error = alerts::get(&test.db, 1).await.unwrap_err().to_string();
    assert_eq!(error, "corrupt row: table log_entries, column kind, id 1");
    test.run("UPDATE label_sets SET labels = '[]' WHERE id = 2", vec![])
        .await;
    let error = alerts::get(&test.db, 2).await.unwrap_err().to_string();
    assert_eq!(error, "corrupt row: table label_sets, column labels, id 2");
}
