//! The change feed.

use tocsin_storage::Backend;
use tocsin_storage::changes::{self, Change, FeedCursor, MAX_EVENTS};
use tocsin_storage::enums::{EventKind, NotificationState};

use crate::common::{TestDb, at};

crate::on_both!(
    changes_round_trip,
    late_commit_is_not_skipped,
    another_database_does_not_block_the_feed,
    unknown_change_is_a_corrupt_row,
);

async fn changes_round_trip(test: &TestDb) {
    assert_eq!(changes::latest(&test.db).await.unwrap(), None);
    let written = [
        Change::Delivery {
            source: "it's \"eu\"".to_owned(),
            entries: 3,
            refused: false,
            events: vec![(7, EventKind::Opened), (8, EventKind::Expired)],
        },
        Change::Incident {
            event: EventKind::Unacknowledged,
        },
        Change::Notification {
            state: NotificationState::Failed,
        },
    ];
    let tx = test.db.begin().await.unwrap();
    for (id, change) in (1..).zip(&written) {
        changes::insert(&tx, id, change, at(id)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let rows = changes::after(&test.db, None, 100).await.unwrap();
    let read: Vec<Change> = rows.iter().map(|row| row.change.clone()).collect();
    assert_eq!(read, written);
    let objects: Vec<i64> = rows.iter().map(|row| row.object_id).collect();
    assert_eq!(objects, [1, 2, 3]);
    assert_eq!(rows[1].at, at(2));
    assert_eq!(
        changes::latest(&test.db).await.unwrap(),
        Some(rows[2].cursor)
    );
    // Reading one at a time returns the same rows.
    let mut cursor: Option<FeedCursor> = None;
    for row in &rows {
        let next = changes::after(&test.db, cursor, 1).await.unwrap();
        assert_eq!(next, std::slice::from_ref(row));
        cursor = Some(row.cursor);
    }
    assert_eq!(changes::after(&test.db, cursor, 1).await.unwrap(), []);
    let many = Change::Delivery {
        source: "eu".to_owned(),
        entries: 0,
        refused: false,
        events: vec![(1, EventKind::Opened); MAX_EVENTS + 1],
    };
    let tx = test.db.begin().await.unwrap();
    changes::insert(&tx, 9, &many, at(9)).await.unwrap();
    tx.commit().await.unwrap();
    let rows = changes::after(&test.db, cursor, 1).await.unwrap();
    assert!(matches!(
        &rows[0].change,
        Change::Delivery { events, .. } if events.len() == MAX_EVENTS
    ));
}

/// PostgreSQL assigns IDs before commits. If row 2 were returned before row 1 is committed, a
/// reader that continues after row 2 would skip row 1.
async fn late_commit_is_not_skipped(test: &TestDb) {
    if test.db.backend() == Backend::Sqlite {
        // Writers are serialized, so there is no late commit.
        return;
    }
    let change = Change::Incident {
        event: EventKind::Opened,
    };
    let early = test.db.begin().await.unwrap();
    changes::insert(&early, 1, &change, at(1)).await.unwrap();
    let late = test.db.begin().await.unwrap();
    changes::insert(&late, 2, &change, at(2)).await.unwrap();
    late.commit().await.unwrap();
    assert_eq!(changes::after(&test.db, None, 10).await.unwrap(), []);
    assert_eq!(changes::latest(&test.db).await.unwrap(), None);
    early.commit().await.unwrap();
    let rows = changes::after(&test.db, None, 10).await.unwrap();
    let objects: Vec<i64> = rows.iter().map(|row| row.object_id).collect();
    assert_eq!(objects, [1, 2]);
}

/// Transaction IDs belong to the server, not to the database.
async fn another_database_does_not_block_the_feed(test: &TestDb) {
    let other = match test.db.backend() {
        Backend::Sqlite => TestDb::sqlite().await,
        Backend::Postgres => TestDb::postgres().await,
    };
    let change = Change::Incident {
        event: EventKind::Opened,
    };
    let long = other.db.begin().await.unwrap();
    changes::insert(&long, 1, &change, at(1)).await.unwrap();
    let tx = test.db.begin().await.unwrap();
    changes::insert(&tx, 1, &change, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(changes::after(&test.db, None, 10).await.unwrap().len(), 1);
    long.rollback().await.unwrap();
}

async fn unknown_change_is_a_corrupt_row(test: &TestDb) {
    for (kind, data) in [(1, r#"{"event":99}"#), (2, "{}"), (9, "{}")] {
        test.run("DELETE FROM changes", vec![]).await;
        test.run(
            "INSERT INTO changes (transaction_id, at, kind, object_id, data) \
             VALUES (0, 0, CAST(? AS SMALLINT), 1, ?)",
            vec![i16::try_from(kind).unwrap().into(), data.into()],
        )
        .await;
        let error = changes::after(&test.db, None, 10)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("corrupt row: table changes, column data"),
            "{error}"
        );
    }
}
