//! Requests that are sent again.

use tocsin_core::time::Timestamp;
use tocsin_storage::StorageError;
use tocsin_storage::idempotency::{self, KeyState};

use crate::common::{TestDb, at};
use crate::fixtures::{hash, until_somebody_waits};

crate::on_both!(
    a_request_sent_again_finds_what_it_made,
    what_was_not_committed_is_not_remembered,
    the_second_waits_for_the_first,
    the_second_goes_on_where_the_first_gave_up,
    a_key_is_forgotten_after_a_day,
);

async fn begin(
    test: &TestDb,
    caller: &str,
    key: u8,
    request: u8,
    now: Timestamp,
    made: Option<i64>,
) -> KeyState {
    let tx = test.db.begin().await.unwrap();
    let begun = idempotency::begin(&tx, caller, &hash(key), &hash(request), now)
        .await
        .unwrap();
    if let (KeyState::New, Some(id)) = (begun, made) {
        idempotency::finish(&tx, caller, &hash(key), id)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    begun
}

async fn a_request_sent_again_finds_what_it_made(test: &TestDb) {
    let now = at(0);
    assert_eq!(
        begin(test, "user:1", 1, 1, now, Some(7)).await,
        KeyState::New
    );
    let again = begin(test, "user:1", 1, 1, now, Some(8)).await;
    assert_eq!(again, KeyState::Made(7));
    let other = begin(test, "user:1", 1, 2, now, Some(8)).await;
    assert_eq!(other, KeyState::Different);
    // Another's key is another key.
    assert_eq!(
        begin(test, "user:2", 1, 1, now, Some(9)).await,
        KeyState::New
    );
    assert_eq!(
        begin(test, "user:1", 2, 1, now, Some(9)).await,
        KeyState::New
    );
    let tx = test.db.begin().await.unwrap();
    let stale = idempotency::finish(&tx, "user:3", &hash(1), 1).await;
    assert!(matches!(stale, Err(StorageError::Stale(_))), "{stale:?}");
}

async fn what_was_not_committed_is_not_remembered(test: &TestDb) {
    assert_eq!(
        begin(test, "user:1", 1, 1, at(0), None).await,
        KeyState::New
    );
    assert_eq!(
        begin(test, "user:1", 1, 2, at(0), None).await,
        KeyState::New
    );
}

async fn the_second_waits_for_the_first(test: &TestDb) {
    let first = test.db.begin().await.unwrap();
    let begun = idempotency::begin(&first, "user:1", &hash(1), &hash(1), at(0)).await;
    assert_eq!(begun.unwrap(), KeyState::New);
    let end = async {
        until_somebody_waits(test).await;
        idempotency::finish(&first, "user:1", &hash(1), 7)
            .await
            .unwrap();
        first.commit().await.unwrap();
    };
    let second = begin(test, "user:1", 1, 1, at(0), None);
    let (second, ()) = tokio::join!(second, end);
    assert_eq!(second, KeyState::Made(7));
}

async fn the_second_goes_on_where_the_first_gave_up(test: &TestDb) {
    let first = test.db.begin().await.unwrap();
    let begun = idempotency::begin(&first, "user:1", &hash(1), &hash(1), at(0)).await;
    assert_eq!(begun.unwrap(), KeyState::New);
    let end = async {
        until_somebody_waits(test).await;
        first.rollback().await.unwrap();
    };
    let second = begin(test, "user:1", 1, 1, at(0), None);
    let (second, ()) = tokio::join!(second, end);
    assert_eq!(second, KeyState::New);
}

async fn a_key_is_forgotten_after_a_day(test: &TestDb) {
    let day = 24 * 3600;
    for (key, made) in [(1, 0), (2, 10), (3, 20), (4, 30)] {
        let begun = begin(test, "user:1", key, 1, at(made), Some(7)).await;
        assert_eq!(begun, KeyState::New);
    }
    // Before it is swept, too.
    let still = begin(test, "user:1", 1, 1, at(day), None).await;
    assert_eq!(still, KeyState::Made(7));
    let anew = begin(test, "user:1", 1, 2, at(day + 1), None).await;
    assert_eq!(anew, KeyState::New);
    for deleted in [2, 1, 0] {
        let tx = test.db.begin().await.unwrap();
        let swept = idempotency::delete_old(&tx, at(30), 2).await.unwrap();
        assert_eq!(swept, deleted);
        tx.commit().await.unwrap();
    }
    let left = test
        .number("SELECT COUNT(*) FROM idempotency", vec![])
        .await;
    assert_eq!(left, 1);
}
