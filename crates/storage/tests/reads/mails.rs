//! Notifications: lists with attempts and events, and resending.

use tocsin_core::matcher;
use tocsin_core::visibility::Visibility;
use tocsin_storage::changes::{self, Change};
use tocsin_storage::directory::{self, RecipientRow};
use tocsin_storage::enums::{Coded, EventKind, Language, NotificationState};
use tocsin_storage::notifications::{
    self, ByCreation, NotificationFilter, NotificationView, ReasonView, Resend, Resent,
};
use tocsin_storage::outbox::{self, Lease, NotifiedEvent};
use tocsin_storage::{Order, PageRequest, TimeRange};

use crate::common::rows::{label, labels};
use crate::common::{TestDb, at};

crate::on_both!(
    notifications_are_listed_with_attempts_events_and_reasons,
    notification_is_resent_to_the_current_recipient,
    queued_notification_is_not_resent,
    notification_has_the_content_of_its_entry,
    notification_is_visible_if_its_whole_thread_is,
);

/// Inserts a notification in `state` about `events` of incidents, to recipient 1.
async fn put_notification(
    test: &TestDb,
    id: i64,
    state: NotificationState,
    events: &[(i64, EventKind)],
) {
    test.run(
        "INSERT INTO notifications (state, delivery_id, recipient_id, to_name, to_email, \
         language, time_zone, message_id, thread_id, subject, reasons, still_firing, \
         still_firing_names, truncated_alerts, created_at, tries) \
         VALUES (?, 1, 1, 'Kim', 'kim@example.com', 0, 'UTC', ?, 'thread@x', 'DiskFull', ?, 3, \
         '[]', 0, ?, 1)",
        vec![
            state.code().into(),
            format!("{id}@x").into(),
            r#"[{"route":null,"group":"ops"},{"route":"all","group":"dba"}]"#.into(),
            at(id).as_micros().into(),
        ],
    )
    .await;
    for (entry, (incident, kind)) in (1i64..).zip(events) {
        test.run(
            "INSERT INTO notification_events (notification_id, entry_id, kind, incident_id, \
             recipient_id, resend) VALUES (?, ?, ?, ?, 1, FALSE)",
            vec![
                id.into(),
                (id * 1_000 + entry).into(),
                kind.code().into(),
                (*incident).into(),
            ],
        )
        .await;
    }
}

async fn put_recipient(test: &TestDb, email: &str) -> i64 {
    let row = RecipientRow {
        name: "Kim Li".to_owned(),
        email: email.to_owned(),
        language: Language::Zh,
        time_zone: "Asia/Shanghai".to_owned(),
        enabled: true,
    };
    let tx = test.db.begin().await.unwrap();
    let id = directory::insert_recipient(&tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn list(test: &TestDb, filter: &NotificationFilter) -> Vec<NotificationView> {
    let page = PageRequest::first(ByCreation, Order::Desc, 50);
    notifications::list(&test.db, filter, &page, &Visibility::everything())
        .await
        .unwrap()
        .items
}

async fn notifications_are_listed_with_attempts_events_and_reasons(test: &TestDb) {
    use EventKind::{Expired, Opened, Refreshed, Resolved};
    let all: Vec<(i64, EventKind)> = (1..=120).map(|incident| (incident, Opened)).collect();
    put_notification(
        test,
        1,
        NotificationState::Sent,
        &[(7, Opened), (7, Expired), (5, Opened)],
    )
    .await;
    put_notification(
        test,
        2,
        NotificationState::Failed,
        &[(7, Resolved), (8, Refreshed)],
    )
    .await;
    put_notification(test, 3, NotificationState::Queued, &all[10..]).await;
    for (id, error) in [(1, Some("timeout")), (2, None), (1, None)] {
        test.run(
            "INSERT INTO attempts (notification_id, started_at, finished_at, error) \
             VALUES (?, 5, 6, ?)",
            vec![i64::from(id).into(), error.map(str::to_owned).into()],
        )
        .await;
    }
    let listed = list(test, &NotificationFilter::default()).await;
    let ids: Vec<i64> = listed.iter().map(|notification| notification.id).collect();
    assert_eq!(ids, [3, 2, 1]);
    let [third, second, first] = listed.as_slice() else {
        panic!("expected three notifications")
    };
    assert_eq!(first.incident_ids, [5, 7]);
    assert_eq!(first.events, [Opened, Expired]);
    assert_eq!(second.events, [Refreshed, Resolved]);
    assert_eq!(third.incident_ids, (11..=110).collect::<Vec<i64>>());
    let errors: Vec<Option<&str>> = first.attempts.iter().map(|a| a.error.as_deref()).collect();
    assert_eq!(errors, [Some("timeout"), None]);
    assert_eq!(second.attempts.len(), 1);
    let reason = ReasonView {
        route: None,
        group: "ops".to_owned(),
    };
    assert_eq!((first.reasons.len(), &first.reasons[0]), (2, &reason));
    assert_eq!(first.recipient_id, None, "recipient 1 is deleted");
    let of_incident = NotificationFilter {
        incident_id: Some(7),
        ..Default::default()
    };
    let done = NotificationFilter {
        state: vec![NotificationState::Sent, NotificationState::Failed],
        ..Default::default()
    };
    let created_late = NotificationFilter {
        created: TimeRange {
            from: Some(at(2)),
            to: Some(at(3)),
        },
        ..Default::default()
    };
    let no_recipient = NotificationFilter {
        recipient_id: Some(2),
        ..Default::default()
    };
    for (filter, expected) in [
        (of_incident, vec![2, 1]),
        (done, vec![2, 1]),
        (created_late, vec![2]),
        (no_recipient, vec![]),
    ] {
        let ids: Vec<i64> = list(test, &filter)
            .await
            .iter()
            .map(|notification| notification.id)
            .collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
}

async fn notification_is_resent_to_the_current_recipient(test: &TestDb) {
    let recipient = put_recipient(test, "Kim.Li@example.com").await;
    assert_eq!(recipient, 1);
    put_notification(
        test,
        1,
        NotificationState::Failed,
        &[(7, EventKind::Opened)],
    )
    .await;
    let tx = test.db.begin().await.unwrap();
    let wanted = Resend {
        id: 1,
        message_id: "new@x",
        now: at(50),
    };
    let resent = notifications::resend(&tx, &wanted).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(resent, Some(Resent::Queued(2)));
    let notification = notifications::get(&test.db, 2, &Visibility::everything())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (
            notification.state,
            notification.to_name.as_str(),
            notification.to_email.as_str(),
            notification.resend_of
        ),
        (
            NotificationState::Queued,
            "Kim Li",
            "Kim.Li@example.com",
            Some(1)
        )
    );
    assert_eq!(
        (notification.created_at, notification.next_attempt_at),
        (at(50), Some(at(50)))
    );
    assert_eq!(
        (
            notification.incident_ids.as_slice(),
            notification.recipient_id
        ),
        ([7].as_slice(), Some(1))
    );
    let rows = test
        .query(
            "SELECT CAST(language AS BIGINT), time_zone, message_id, thread_id, \
             CAST(tries AS BIGINT), still_firing FROM notifications WHERE id = 2",
            vec![],
        )
        .await;
    let texts: Vec<String> = (1..4)
        .map(|i| rows[0].try_get_by_index(i).unwrap())
        .collect();
    assert_eq!(texts, ["Asia/Shanghai", "new@x", "thread@x"]);
    let numbers: Vec<i64> = [0, 4, 5]
        .iter()
        .map(|i| rows[0].try_get_by_index(*i).unwrap())
        .collect();
    assert_eq!(numbers, [1, 0, 3]);
    let feed = changes::after(&test.db, None, 10).await.unwrap();
    let change = Change::Notification {
        state: NotificationState::Queued,
    };
    assert_eq!(
        (feed.len(), feed[0].object_id, &feed[0].change),
        (1, 2, &change)
    );
    // Resending again works: the unique key applies only to notifications triggered by
    // deliveries.
    let tx = test.db.begin().await.unwrap();
    let wanted = Resend {
        id: 1,
        message_id: "newer@x",
        now: at(51),
    };
    let resent = notifications::resend(&tx, &wanted).await.unwrap();
    assert_eq!(resent, Some(Resent::Queued(3)));
    tx.commit().await.unwrap();
}

async fn queued_notification_is_not_resent(test: &TestDb) {
    put_notification(test, 1, NotificationState::Queued, &[]).await;
    put_notification(test, 2, NotificationState::Sending, &[]).await;
    let tx = test.db.begin().await.unwrap();
    for (id, expected) in [
        (1, Some(Resent::NotYet(NotificationState::Queued))),
        (2, Some(Resent::NotYet(NotificationState::Sending))),
        (3, None),
    ] {
        let wanted = Resend {
            id,
            message_id: "new@x",
            now: at(50),
        };
        assert_eq!(notifications::resend(&tx, &wanted).await.unwrap(), expected);
    }
    tx.rollback().await.unwrap();
}

/// Returns the events of the only notification that is due.
async fn due_events(test: &TestDb) -> Vec<NotifiedEvent> {
    let tx = test.db.begin().await.unwrap();
    let lease = Lease {
        token: "t",
        now: at(500),
        until: at(600),
        limit: 1,
    };
    let leased = outbox::lease(&tx, lease).await.unwrap();
    // Releases the lease.
    tx.rollback().await.unwrap();
    outbox::notification_data(&test.db, &leased[0])
        .await
        .unwrap()
        .events
}

async fn notification_has_the_content_of_its_entry(test: &TestDb) {
    use EventKind::{Expired, Opened};
    let incidents = test.put_incidents(2).await;
    let other = labels(&[("alertname", "DiskFull"), ("severity", "critical")]);
    test.put_content(7, 2, Some(&other), "fuller").await;
    test.put_content(8, 2, None, "fullest").await;
    put_notification(
        test,
        1,
        NotificationState::Queued,
        &[(1, Opened), (2, Opened)],
    )
    .await;
    for sql in [
        "UPDATE notifications SET next_attempt_at = 0",
        "INSERT INTO notification_events VALUES (1, 1002, 3, 1, 1, FALSE)",
        "UPDATE log_entries SET id = id + 1000",
        "UPDATE log_entries SET telling_id = 7 WHERE id = 1002",
        "UPDATE incidents SET telling_id = 8 WHERE id = 2",
    ] {
        test.run(sql, vec![]).await;
    }
    let events = due_events(test).await;
    let order: Vec<(EventKind, i64)> = events.iter().map(|e| (e.kind, e.incident_id)).collect();
    assert_eq!(order, [(Opened, 1), (Expired, 1), (Opened, 2)]);
    assert_eq!(events[0].labels, incidents[0].labels);
    assert_eq!(events[0].message, "it is full");
    assert_eq!(events[0].annotations["message"], "it is full");
    assert_eq!(events[2].labels, other);
    assert_eq!(
        (events[2].severity.as_str(), events[2].instance.as_str()),
        ("critical", "")
    );
    assert_eq!(events[2].message, "fuller");
    // If the entry was deleted, the content of the incident is used, with the labels of the
    // alert.
    test.run("DELETE FROM log_entries", vec![]).await;
    let events = due_events(test).await;
    assert_eq!(events.len(), 3);
    assert_eq!(events[2].labels, incidents[1].labels);
    assert_eq!(events[2].message, "fullest");
    let listed = list(test, &NotificationFilter::default()).await;
    assert_eq!(listed[0].incident_ids, [1, 2]);
    assert_eq!(listed[0].events, [Opened, Expired]);
}

async fn notification_is_visible_if_its_whole_thread_is(test: &TestDb) {
    use EventKind::Opened;
    let incidents = test.put_incidents(3).await;
    for (id, thread, events) in [
        (1, "one", vec![1]),
        (2, "one", vec![1, 1]),
        (3, "two", vec![1, 2]),
        // The subject of its thread names another incident.
        (4, "two", vec![1]),
        (5, "three", vec![3]),
        // Notifications of deleted incidents.
        (6, "four", vec![]),
        (7, "five", vec![1, 99]),
        (8, "six", vec![1]),
    ] {
        let events: Vec<(i64, EventKind)> = events.into_iter().map(|of| (of, Opened)).collect();
        put_notification(test, id, NotificationState::Sent, &events).await;
        test.run(
            "UPDATE notifications SET thread_id = ? WHERE id = ?",
            vec![thread.into(), id.into()],
        )
        .await;
    }
    let only = format!("instance={:?}", label(&incidents[0].labels, "instance"));
    let first = Visibility::of(vec![matcher::parse(&only).unwrap()]);
    // One per page: pages contain only visible notifications, and the list ends after the
    // last one.
    let mut visible = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest::new(ByCreation, Order::Desc, 1, cursor.as_deref()).unwrap();
        let filter = NotificationFilter::default();
        let found = notifications::list(&test.db, &filter, &page, &first).await;
        let found = found.unwrap();
        visible.extend(found.items.iter().map(|notification| notification.id));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(visible, [8, 2, 1]);
    for id in 1..=9 {
        let notification = notifications::get(&test.db, id, &first).await.unwrap();
        assert_eq!(notification.is_some(), visible.contains(&id), "{id}");
    }
    let all: Vec<i64> = (1..=9).collect();
    let found = notifications::visible(&test.db, &all, &first)
        .await
        .unwrap();
    assert_eq!(found, visible.into_iter().collect());
}
