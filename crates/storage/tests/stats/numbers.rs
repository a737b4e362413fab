//! Statistics.

use std::time::Duration;

use tocsin_core::alert::Status;
use tocsin_core::visibility::Visibility;
use tocsin_storage::TimeRange;
use tocsin_storage::enums::{Coded, DeliveryOutcome, EntryKind, EventKind, IncidentState};
use tocsin_storage::stats::{self, Bucket, Count, TopBy};

use crate::common::rows::{Entry, Incident, labels};
use crate::common::{TestDb, at};

crate::on_both!(
    summary_counts_a_time_range,
    top_values_are_sorted_by_count,
    timeline_omits_empty_points,
    empty_database_has_empty_statistics,
);

const HOUR: i64 = 3_600;
/// `at(BASE)` is the start of a day, and so of an hour.
const BASE: i64 = 86_400 - 1_760_000_000 % 86_400;

/// Inserts four incidents: two ended ones of web-1, an open one of web-2, and an open, stale
/// and acknowledged one without labels.
async fn put(test: &TestDb) {
    let sets = [
        labels(&[
            ("alertname", "Down"),
            ("instance", "web-1"),
            ("severity", "critical"),
            ("team", "infra"),
        ]),
        labels(&[
            ("alertname", "Down"),
            ("instance", "web-2"),
            ("severity", "critical"),
            ("team", "web"),
        ]),
        labels(&[]),
    ];
    for (id, set) in (1..).zip(&sets) {
        test.put_alert(id, "alertmanager", set, "").await;
    }
    let mut entry_id = 0;
    for (id, set, state, seen, entries) in [
        (
            1,
            1,
            IncidentState::Resolved,
            0,
            vec![(0, Status::Firing), (60, Status::Resolved)],
        ),
        (
            2,
            1,
            IncidentState::Expired,
            HOUR,
            vec![(HOUR, Status::Firing)],
        ),
        (
            3,
            2,
            IncidentState::Open,
            2 * HOUR,
            vec![(2 * HOUR, Status::Firing); 4],
        ),
        (4, 3, IncidentState::Open, HOUR, vec![(-1, Status::Firing)]),
    ] {
        let incident = Incident {
            id,
            alert_id: set,
            source: "alertmanager".to_owned(),
            content_id: None,
            labels: sets[set as usize - 1].clone(),
            message: String::new(),
            state,
            starts_at: at(BASE),
            ends_at: (state != IncidentState::Open).then(|| at(BASE + HOUR)),
            last_seen_at: at(BASE + seen),
            occurrences: 1,
            known_by: (id == 4).then(|| "Kim".to_owned()),
        };
        test.put_incident(&incident).await;
        let started = at(BASE + entries[0].0).as_micros();
        let closed = match id {
            1 => Some(at(BASE + 60).as_micros()),
            2 => Some(at(BASE + 2 * HOUR).as_micros()),
            _ => None,
        };
        test.run(
            "UPDATE incidents SET first_seen_at = ?, closed_at = ? WHERE id = ?",
            vec![started.into(), closed.into(), id.into()],
        )
        .await;
        for (place, (seconds, status)) in entries.into_iter().enumerate() {
            entry_id += 1;
            let entry = Entry {
                id: entry_id,
                incident: 0,
                received_at: at(BASE + seconds),
                status,
                starts_at: at(BASE),
                ends_at: None,
            };
            test.put_entry(&entry, &incident).await;
            let kind = match (place, status) {
                (0, _) => EntryKind::Opened,
                (_, Status::Resolved) => EntryKind::Resolved,
                _ => EntryKind::Refreshed,
            };
            test.run(
                "UPDATE log_entries SET kind = ? WHERE id = ?",
                vec![kind.code().into(), entry_id.into()],
            )
            .await;
        }
    }
    test.run(
        "INSERT INTO incident_events (incident_id, kind, at, entry_id) VALUES (2, ?, ?, 4)",
        vec![
            EventKind::Expired.code().into(),
            at(BASE + 2 * HOUR).as_micros().into(),
        ],
    )
    .await;
    test.put_delivery(1, "eu", DeliveryOutcome::Accepted, at(BASE), 0)
        .await;
    test.put_delivery(2, "eu", DeliveryOutcome::Refused, at(BASE), 0)
        .await;
    test.put_delivery(3, "eu", DeliveryOutcome::Accepted, at(BASE - 1), 0)
        .await;
    // Queued to be counted, as after an upgrade.
    for (kind, last) in [(2, entry_id), (5, 3)] {
        test.run(
            "INSERT INTO backlog (kind, data) VALUES (?, ?)",
            vec![kind.into(), format!("[1,{last}]").into_bytes().into()],
        )
        .await;
    }
}

fn count(value: &str, count: i64) -> Count {
    Count {
        value: value.to_owned(),
        count,
    }
}

fn since_base() -> TimeRange {
    TimeRange {
        from: Some(at(BASE)),
        to: Some(at(BASE + 3 * HOUR)),
    }
}

async fn summary_counts_a_time_range(test: &TestDb) {
    put(test).await;
    let now = at(BASE + 3 * HOUR);
    let stale_after = Duration::from_secs(5_400);
    let all = stats::summary(
        &test.db,
        &Visibility::everything(),
        TimeRange::default(),
        now,
        stale_after,
    )
    .await
    .unwrap();
    assert_eq!((all.deliveries, all.log_entries, all.incidents), (2, 8, 4));
    assert_eq!((all.open, all.stale, all.unacknowledged), (2, 1, 1));
    assert_eq!(all.noise_ratio(), Some(2.0));
    assert_eq!(all.by_severity, [count("critical", 3), count("", 1)]);
    assert_eq!(
        all.by_team,
        [count("infra", 2), count("", 1), count("web", 1)]
    );
    assert_eq!(all.by_status, [(Status::Firing, 7), (Status::Resolved, 1)]);
    let some = stats::summary(
        &test.db,
        &Visibility::everything(),
        since_base(),
        now,
        stale_after,
    )
    .await
    .unwrap();
    assert_eq!(
        (some.deliveries, some.log_entries, some.incidents),
        (1, 7, 4)
    );
    assert_eq!((some.open, some.stale, some.unacknowledged), (2, 1, 1));
    assert_eq!(some.by_severity, [count("critical", 3), count("", 1)]);
    assert_eq!(some.by_status, [(Status::Firing, 6), (Status::Resolved, 1)]);
    // Two of the incidents had ended by then or had not started.
    let end = TimeRange {
        from: Some(at(BASE + 60 + 1)),
        to: Some(at(BASE + 2 * HOUR)),
    };
    let end = stats::summary(&test.db, &Visibility::everything(), end, now, stale_after)
        .await
        .unwrap();
    assert_eq!((end.log_entries, end.incidents, end.open), (1, 2, 1));
    assert_eq!(end.by_team, [count("", 1), count("infra", 1)]);
}

async fn top_values_are_sorted_by_count(test: &TestDb) {
    put(test).await;
    for (by, range, limit, expected) in [
        (
            TopBy::Instance,
            TimeRange::default(),
            10,
            vec![count("web-2", 4), count("web-1", 3), count("", 1)],
        ),
        (
            TopBy::Instance,
            since_base(),
            10,
            vec![count("web-2", 4), count("web-1", 3)],
        ),
        (
            TopBy::Alertname,
            TimeRange::default(),
            1,
            vec![count("Down", 7)],
        ),
        (
            TopBy::Team,
            TimeRange::default(),
            2,
            vec![count("web", 4), count("infra", 3)],
        ),
    ] {
        let top = stats::top(&test.db, &Visibility::everything(), by, range, limit)
            .await
            .unwrap();
        assert_eq!(top, expected, "{by:?}");
    }
}

async fn timeline_omits_empty_points(test: &TestDb) {
    put(test).await;
    let hours = stats::timeline(
        &test.db,
        &Visibility::everything(),
        Bucket::Hour,
        TimeRange::default(),
    )
    .await
    .unwrap();
    let points: Vec<_> = hours
        .points
        .iter()
        .map(|point| (point.at, point.firing, point.resolved))
        .collect();
    assert_eq!(
        points,
        [
            (at(BASE - HOUR), 1, 0),
            (at(BASE), 1, 1),
            (at(BASE + HOUR), 1, 0),
            (at(BASE + 2 * HOUR), 4, 0)
        ]
    );
    assert_eq!(hours.points[0].by_severity, [count("", 1)]);
    let days = stats::timeline(
        &test.db,
        &Visibility::everything(),
        Bucket::Day,
        since_base(),
    )
    .await
    .unwrap();
    assert_eq!(days.points.len(), 1);
    assert_eq!((days.points[0].at, days.points[0].firing), (at(BASE), 6));
    assert_eq!(days.points[0].by_severity, [count("critical", 6)]);
}

async fn empty_database_has_empty_statistics(test: &TestDb) {
    let none = stats::summary(
        &test.db,
        &Visibility::everything(),
        since_base(),
        at(0),
        Duration::ZERO,
    )
    .await
    .unwrap();
    assert_eq!(
        (none.deliveries, none.log_entries, none.incidents, none.open),
        (0, 0, 0, 0)
    );
    assert_eq!(none.noise_ratio(), None);
    assert_eq!(none.by_status, [(Status::Firing, 0), (Status::Resolved, 0)]);
    assert_eq!(
        stats::top(
            &test.db,
            &Visibility::everything(),
            TopBy::Team,
            TimeRange::default(),
            10
        )
        .await
        .unwrap(),
        []
    );
    let timeline = stats::timeline(
        &test.db,
        &Visibility::everything(),
        Bucket::Day,
        TimeRange::default(),
    )
    .await
    .unwrap();
    assert_eq!(timeline.points, []);
}
