//! Archiving, deleting and restoring history.

use std::time::Duration;

use tocsin_core::stats::{Delta, Dimension};
use tocsin_core::time::Timestamp;
use tocsin_storage::alert_log::AlertView;
use tocsin_storage::archive::{self, ArchivedEntry, Line, Restored, Restorer};
use tocsin_storage::enums::{Coded, EntryKind, IncidentState};
use tocsin_storage::incidents::{self, IncidentSort, IncidentView};
use tocsin_storage::{Backend, IncidentFilter, Order, PageRequest, StorageError, retention};

use crate::common::{TestDb, at};
use crate::history::{
    before, count, delete, ended, ids, incident, lines, log, put_entry, severity,
    without_content_ids,
};
use crate::on_both;

on_both!(
    deleted_history_is_restored_unchanged,
    importing_twice_changes_nothing,
    another_database_restores_it,
    incident_is_restored_from_its_last_line,
    restored_incidents_precede_later_ones,
    two_incidents_are_never_open,
    changed_incident_is_archived_again_before_deletion,
    imported_entries_are_counted_once,
);

const HERE: &str = "here";

/// Time of the import, in seconds.
const NOW: i64 = 1_000_000;

async fn restore(test: &TestDb, database: &str, lines: &[Line]) -> Restored {
    let mut restorer = Restorer::new(&test.db, database).await.unwrap();
    let tx = test.db.begin().await.unwrap();
    let restored = restorer.restore(&tx, lines, at(NOW)).await.unwrap();
    tx.commit().await.unwrap();
    restored
}

async fn all_incidents(test: &TestDb) -> Vec<IncidentView> {
    let page = PageRequest::first(IncidentSort::LastSeenAt, Order::Desc, 500);
    let filter = IncidentFilter::default();
    let stale = Duration::from_secs(60);
    let page = incidents::list(&test.db, &filter, &page, at(NOW), stale)
        .await
        .unwrap();
    let all = page.items.into_iter().map(|incident| IncidentView {
        content: without_content_ids(&incident.content),
        ..incident
    });
    all.collect()
}

/// An alert with several incidents and contents, an acknowledgement and an expiry.
async fn eventful(test: &TestDb) {
    let incidents = ended(test, &["info", "critical"]).await;
    let labels = &incidents[0].labels;
    test.put_content(1, 1, None, "another text").await;
    let mut expired = incident(3, 1, labels, IncidentState::Expired, (30, 40));
    expired.content_id = Some(1);
    expired.known_by = Some("Ana".to_owned());
    test.put_incident(&expired).await;
    put_entry(test, 5, &expired, EntryKind::Opened, 30).await;
    let mut again = incident(4, 1, labels, IncidentState::Resolved, (50, 60));
    again.content_id = Some(1);
    test.put_incident(&again).await;
    put_entry(test, 6, &again, EntryKind::Opened, 50).await;
    again.content_id = None;
    put_entry(test, 7, &again, EntryKind::Resolved, 60).await;
    for (sql, minute) in [
        (
            "INSERT INTO incident_events (incident_id, kind, at, delivery_id, entry_id) \
             VALUES (3, 3, ?, 6, 6)",
            50,
        ),
        (
            "INSERT INTO incident_events (incident_id, kind, at, person, memo) \
             VALUES (3, 4, ?, 'Ana', 'looking')",
            35,
        ),
        (
            "UPDATE incidents SET memo = 'seen', first_seen_at = ? WHERE id = 3",
            30,
        ),
    ] {
        test.run(sql, vec![at(minute * 60).as_micros().into()])
            .await;
    }
    test.run("UPDATE incidents SET previous_id = 1 WHERE id = 3", vec![])
        .await;
    test.run("UPDATE incidents SET previous_id = 3 WHERE id = 4", vec![])
        .await;
}

/// Entries without their IDs, for comparison across databases.
fn without_ids(log: &[AlertView]) -> Vec<String> {
    let line = |entry: &AlertView| {
        let mut entry = entry.clone();
        (entry.id, entry.incident_id, entry.delivery_id) = (0, 0, 0);
        format!("{entry:?}")
    };
    log.iter().map(line).collect()
}

async fn deleted_history_is_restored_unchanged(test: &TestDb) {
    eventful(test).await;
    let (entries, incidents) = (log(test).await, all_incidents(test).await);
    let events = "SELECT COUNT(*) FROM incident_events WHERE incident_id = 3 \
                  AND (person = 'Ana' OR entry_id = 6)";
    let lines = lines(test, HERE, 1_000, false).await;
    let gone = delete(test, &before(test, 1_000).await).await;
    assert_eq!((gone.entries, gone.incidents), (7, 4));
    assert_eq!(
        (count(test, "series").await, count(test, "tellings").await),
        (0, 0)
    );
    test.run("DELETE FROM deliveries WHERE id > 3", vec![])
        .await;

    // In chunks, as an import reads files.
    let mut restored = Restored::default();
    for part in lines.chunks(3) {
        let one = restore(test, HERE, part).await;
        restored.entries += one.entries;
        restored.incidents += one.incidents;
    }
    assert_eq!((restored.entries, restored.incidents), (7, 4));
    assert_eq!(log(test).await.len(), 7);
    for (now, then) in log(test).await.iter().zip(&entries) {
        assert_eq!(now, then);
    }
    assert_eq!(all_incidents(test).await, incidents);
    assert_eq!(test.number(events, vec![]).await, 2);
    assert_eq!(ids(test, "deliveries").await, [1, 2, 3, 4, 5, 6, 7]);
    let previous = "SELECT COUNT(*) FROM incidents WHERE (id = 3 AND previous_id = 1) \
                    OR (id = 4 AND previous_id = 3)";
    assert_eq!(test.number(previous, vec![]).await, 2);
    // Restored alerts are indexed for search; statistics are not counted again.
    assert_eq!(count(test, "backlog WHERE kind = 1").await, 1);
    assert_eq!(count(test, "backlog WHERE kind = 0").await, 0);
    let restored = retention::restored(&test.db).await.unwrap().unwrap();
    assert_eq!(restored.through, at(60 * 60).as_micros());
    assert_eq!(restored.at, at(NOW).as_micros());
}

async fn importing_twice_changes_nothing(test: &TestDb) {
    eventful(test).await;
    let (entries, incidents) = (log(test).await, all_incidents(test).await);
    let lines = lines(test, HERE, 1_000, true).await;
    for database in [HERE, "elsewhere"] {
        let restored = restore(test, database, &lines).await;
        assert_eq!(
            (restored.entries, restored.known, restored.incidents),
            (0, 7, 0)
        );
        assert_eq!(log(test).await, entries);
        assert_eq!(all_incidents(test).await, incidents);
    }
    assert_eq!(count(test, "backlog").await, 0);
    assert_eq!(count(test, "incident_events").await, 2);
    assert_eq!(count(test, "deliveries").await, 7);
    // The same line twice in one chunk.
    delete(test, &before(test, 1_000).await).await;
    let twice: Vec<Line> = lines.iter().chain(&lines).cloned().collect();
    let restored = restore(test, HERE, &twice).await;
    assert_eq!((restored.entries, restored.known), (7, 7));
}

async fn another(test: &TestDb) -> TestDb {
    match test.db.backend() {
        Backend::Sqlite => TestDb::sqlite().await,
        Backend::Postgres => TestDb::postgres().await,
    }
}

async fn another_database_restores_it(test: &TestDb) {
    eventful(test).await;
    let other = another(test).await;
    // It has rows of its own with the same IDs.
    let own = severity("page", "own");
    other.put_alert(1, "own", &own, "mine").await;
    let mine = incident(1, 1, &own, IncidentState::Open, (1, 2));
    other.put_incident(&mine).await;
    put_entry(&other, 1, &mine, EntryKind::Opened, 1).await;
    if test.db.backend() == Backend::Postgres {
        for table in ["series", "incidents", "log_entries", "deliveries"] {
            let sql = format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), 10)");
            other.query(&sql, vec![]).await;
        }
    }
    let lines = lines(test, HERE, 1_000, true).await;
    for part in lines.chunks(2) {
        restore(&other, "elsewhere", part).await;
    }
    let (here, mut there) = (log(test).await, log(&other).await);
    assert_eq!(
        there.pop().map(|entry| entry.content.source.clone()),
        Some("own".to_owned())
    );
    assert_eq!(without_ids(&there), without_ids(&here));
    assert_eq!(all_incidents(&other).await.len(), 5);
    assert_eq!(restore(&other, "elsewhere", &lines).await.entries, 0);
}

async fn incident_is_restored_from_its_last_line(test: &TestDb) {
    let labels = severity("info", "host-1");
    test.put_alert(1, "prod", &labels, "it is full").await;
    let open = incident(1, 1, &labels, IncidentState::Open, (10, 20));
    test.put_incident(&open).await;
    put_entry(test, 1, &open, EntryKind::Opened, 10).await;
    let mut archived = lines(test, HERE, 1_000, false).await;
    delete(test, &before(test, 1_000).await).await;
    let end = at(30 * 60).as_micros();
    test.run(
        "UPDATE incidents SET state = 1, ends_at = ?, last_seen_at = ?, last_entry_at = ?, \
         occurrences = 9, known_at = ?, known_by = 'Ana', memo = 'done'",
        vec![end.into(), end.into(), end.into(), end.into()],
    )
    .await;
    put_entry(test, 2, &open, EntryKind::Resolved, 30).await;
    archived.extend(lines(test, HERE, 1_000, false).await);
    let expected = all_incidents(test).await;
    assert_eq!(delete(test, &before(test, 1_000).await).await.incidents, 1);
    restore(test, HERE, &archived).await;
    assert_eq!(all_incidents(test).await, expected);
    // In chunks, by two imports: the second updates the incident because its line is newer.
    delete(test, &before(test, 1_000).await).await;
    restore(test, HERE, &archived[..1]).await;
    assert_eq!(all_incidents(test).await[0].state, IncidentState::Open);
    restore(test, HERE, &archived[1..]).await;
    assert_eq!(all_incidents(test).await, expected);
}

async fn restored_incidents_precede_later_ones(test: &TestDb) {
    eventful(test).await;
    let lines = lines(test, HERE, 1_000, false).await;
    delete(test, &before(test, 1_000).await).await;
    // In the meantime the alert fired again, stored as a new alert without earlier
    // incidents.
    let labels = severity("info", "host-1");
    test.put_alert(1, "prod", &labels, "it is back").await;
    let back = incident(9, 1, &labels, IncidentState::Open, (500, 510));
    test.put_incident(&back).await;
    put_entry(test, 90, &back, EntryKind::Opened, 500).await;
    // Fingerprints of fixtures are the IDs of their alerts; the restored alert gets another
    // ID.
    let mut reversed = lines.clone();
    reversed.reverse();
    for part in reversed.chunks(2) {
        restore(test, HERE, part).await;
    }
    let rows = test
        .query(
            "SELECT i.id FROM incidents i JOIN series s ON s.id = i.series_id \
             WHERE s.message = 'it is back' ORDER BY i.episode",
            vec![],
        )
        .await;
    let order: Vec<i64> = rows
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect();
    assert_eq!(order, [1, 3, 4, 9]);
    let linked = "SELECT COUNT(*) FROM incidents WHERE (id = 3 AND previous_id = 1) \
                  OR (id = 4 AND previous_id = 3) OR (id = 9 AND previous_id = 4)";
    assert_eq!(test.number(linked, vec![]).await, 3);
}

async fn two_incidents_are_never_open(test: &TestDb) {
    let labels = severity("info", "host-1");
    test.put_alert(1, "prod", &labels, "it is full").await;
    // Both were archived while open.
    let first = incident(1, 1, &labels, IncidentState::Open, (10, 20));
    test.put_incident(&first).await;
    put_entry(test, 1, &first, EntryKind::Opened, 10).await;
    let mut archived = lines(test, HERE, 1_000, false).await;
    test.run("DELETE FROM incidents", vec![]).await;
    test.run("DELETE FROM log_entries", vec![]).await;
    let second = incident(2, 1, &labels, IncidentState::Open, (50, 60));
    test.put_incident(&second).await;
    put_entry(test, 2, &second, EntryKind::Opened, 50).await;
    archived.extend(lines(test, HERE, 1_000, false).await);
    let states = || async {
        let rows = test
            .query("SELECT state FROM incidents ORDER BY first_seen_at", vec![])
            .await;
        let state = |code: i16| IncidentState::from_code(code).unwrap();
        let read = rows
            .iter()
            .map(|row| state(row.try_get_by_index(0).unwrap()));
        read.collect::<Vec<_>>()
    };
    let expected = [IncidentState::Expired, IncidentState::Open];
    for order in [[0, 1], [1, 0]] {
        test.run("DELETE FROM incidents", vec![]).await;
        test.run("DELETE FROM log_entries", vec![]).await;
        let lines: Vec<Line> = order.iter().map(|n| archived[*n].clone()).collect();
        restore(test, HERE, &lines).await;
        assert_eq!(states().await, expected);
    }
    // An incident opened by this database stays open.
    test.run("DELETE FROM incidents WHERE id = 1", vec![]).await;
    restore(test, HERE, &archived[..1]).await;
    assert_eq!(states().await, expected);
}

async fn changed_incident_is_archived_again_before_deletion(test: &TestDb) {
    ended(test, &["info"]).await;
    let entries = before(test, 1_000).await;
    let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
    let archived = archive::read(&test.db, HERE, &ids).await.unwrap();
    test.run("UPDATE incidents SET memo = 'wait'", vec![]).await;
    let tx = test.db.begin().await.unwrap();
    let error = retention::delete(&tx, &entries, None, Some(&archived.incidents)).await;
    assert!(matches!(error, Err(StorageError::Stale(_))), "{error:?}");
    tx.rollback().await.unwrap();
    let archived = archive::read(&test.db, HERE, &ids).await.unwrap();
    let tx = test.db.begin().await.unwrap();
    let gone = retention::delete(&tx, &entries, None, Some(&archived.incidents))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(gone.incidents, 1);
}

async fn imported_entries_are_counted_once(test: &TestDb) {
    eventful(test).await;
    let lines = lines(test, HERE, 1_000, true).await;
    let other = another(test).await;
    for part in lines.chunks(2) {
        restore(&other, "elsewhere", part).await;
    }
    restore(&other, "elsewhere", &lines).await;
    let rows = other
        .query(
            "SELECT data FROM backlog WHERE kind = 0 ORDER BY id",
            vec![],
        )
        .await;
    let mut stats = Delta::default();
    for row in rows {
        let data: Vec<u8> = row.try_get_by_index(0).unwrap();
        stats.merge(Delta::decode(&data).unwrap());
    }
    let mut sum = [0; 5];
    let hours: Vec<i64> = stats.hours().collect();
    for hour in hours {
        for (source, counts) in stats.values(hour, Dimension::Source) {
            assert_eq!(source, "prod");
            for (sum, count) in sum.iter_mut().zip([
                counts.deliveries,
                counts.firing,
                counts.resolved,
                counts.opened,
                counts.ended,
            ]) {
                *sum += count;
            }
        }
    }
    // Seven deliveries; four incidents opened, one expired, three resolved.
    assert_eq!(sum, [7, 4, 3, 4, 4]);

    assert_eq!(archive::counted(&test.db, "first").await.unwrap(), 0);
    let tx = test.db.begin().await.unwrap();
    archive::note_counted(&tx, "first", 12).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(archive::counted(&test.db, "first").await.unwrap(), 12);
    assert_eq!(archive::counted(&test.db, "second").await.unwrap(), 0);
}

#[tokio::test]
async fn line_round_trips() {
    let test = TestDb::sqlite().await;
    eventful(&test).await;
    let strange = Timestamp::from_micros(-99_000_000_000_000_000);
    test.run(
        "UPDATE log_entries SET starts_at = ?, ends_at = 253402300799999999 WHERE id = 1",
        vec![strange.as_micros().into()],
    )
    .await;
    for line in lines(&test, HERE, 1_000, false).await {
        let json = serde_json::to_string(&line.entry).unwrap();
        assert!(
            json.starts_with("{\"v\":1,\"database\":\"here\",\"id\":"),
            "{json}"
        );
        let read: ArchivedEntry = serde_json::from_str(&json).unwrap();
        assert_eq!(read, line.entry);
    }
}
