//! Incidents: entries, events and previous incidents.

use std::time::Duration;

use tocsin_core::alert::Status;
use tocsin_core::matcher;
use tocsin_core::visibility::Visibility;
use tocsin_storage::alert_log::{self, ByEntry};
use tocsin_storage::enums::{Coded, EntryKind, EventKind, IncidentState};
use tocsin_storage::incidents;
use tocsin_storage::{Order, PageRequest};

use crate::common::rows::{Entry, Incident};
use crate::common::{TestDb, at};

crate::on_both!(
    entries_and_other_incidents_of_the_alert,
    events_combine_the_log_and_actions_of_people,
);

async fn entries_and_other_incidents_of_the_alert(test: &TestDb) {
    let open = test.put_incidents(2).await;
    for (id, state) in [(10, IncidentState::Resolved), (11, IncidentState::Expired)] {
        // The open incident must be the last; only one may be open.
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
            // Not in the order of the IDs, which writers allocate in blocks.
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
        let page = alert_log::of_incident(&test.db, 1, &page).await.unwrap();
        got.extend(page.items.iter().map(|alert| alert.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(got, [20, 21, 22, 23, 24, 1]);
    let hour = Duration::from_secs(3_600);
    for (of, limit, expected) in [(1, 20, vec![11, 10]), (10, 1, vec![11]), (2, 20, vec![])] {
        let others = incidents::incidents_of_alert(&test.db, of, limit, at(200), hour)
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
    let matchers = |text: &str| Visibility::of(vec![matcher::parse(text).unwrap()]);
    for (id, visibility, expected) in [
        (1, Visibility::everything(), true),
        (99, Visibility::everything(), false),
        (1, matchers("no_such_label=\"\""), true),
        (99, matchers("no_such_label=\"\""), false),
        (1, matchers("no_such_label=\"x\""), false),
    ] {
        let is = incidents::is_visible(&test.db, id, &visibility).await;
        assert_eq!(is.unwrap(), expected, "{id} {visibility:?}");
    }
}

async fn events_combine_the_log_and_actions_of_people(test: &TestDb) {
    let open = test.put_incidents(2).await;
    for (id, seconds, kind) in [
        (20, 110, EntryKind::Opened),
        (21, 130, EntryKind::Late),
        (22, 150, EntryKind::Refreshed),
        (23, 170, EntryKind::Resolved),
    ] {
        let entry = Entry {
            id,
            incident: 0,
            received_at: at(seconds),
            status: Status::Firing,
            starts_at: at(1),
            ends_at: None,
        };
        test.put_entry(&entry, &open[0]).await;
        let values = vec![kind.code().into(), id.into()];
        test.run("UPDATE log_entries SET kind = ? WHERE id = ?", values)
            .await;
    }
    for (seconds, kind, person) in [
        (120, EventKind::Acknowledged, Some("Kim")),
        (140, EventKind::Unacknowledged, Some("Ann")),
        (160, EventKind::Expired, None),
    ] {
        test.run(
            "INSERT INTO incident_events (incident_id, kind, at, person) VALUES (1, ?, ?, ?)",
            vec![
                kind.code().into(),
                at(seconds).as_micros().into(),
                person.into(),
            ],
        )
        .await;
    }
    let events = incidents::events(&test.db, 1, 50).await.unwrap();
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    let expected = [
        EventKind::Resolved,
        EventKind::Expired,
        EventKind::Refreshed,
        EventKind::Unacknowledged,
        EventKind::Acknowledged,
        EventKind::Opened,
        // The first entry of the fixture.
        EventKind::Refreshed,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(
        (events[0].delivery_id, events[0].entry_id),
        (Some(1), Some(23))
    );
    assert_eq!(events[3].person.as_deref(), Some("Ann"));
    let few = incidents::events(&test.db, 1, 3).await.unwrap();
    assert_eq!(few, events[..3]);
}
