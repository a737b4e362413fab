//! Requests that are sent again.

use tocsin_core::time::Timestamp;
use tocsin_storage::StorageError;
use tocsin_storage::once::{self, Begun};

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
) -> Begun {
    let tx = test.db.begin().await.unwrap();
    let begun = once::begin(&tx, caller, &hash(key), &hash(request), now)
        .await
        .unwrap();
    if let (Begun::New, Some(id)) = (begun, made) {
        once::finish(&tx, caller, &hash(key), id).await.unwrap();
        tx.commit().await.unwrap();
    }
    begun
}

async fn a_request_sent_again_finds_what_it_made(test: &TestDb) {
    let now = at(0);
    assert_eq!(begin(test, "user:1", 1, 1, now, Some(7)).await, Begun::New);
    let again = begin(test, "user:1", 1, 1, now, Some(8)).await;
    assert_eq!(again, Begun::Made(7));
    let other = begin(test, "user:1", 1, 2, now, Some(8)).await;
    assert_eq!(other, Begun::Different);
    // Another's key is another key.
    assert_eq!(begin(test, "user:2", 1, 1, now, Some(9)).await, Begun::New);
    assert_eq!(begin(test, "user:1", 2, 1, now, Some(9)).await, Begun::New);
    let tx = test.db.begin().await.unwrap();
    let stale = once::finish(&tx, "user:3", &hash(1), 1).await;
    assert!(matches!(stale, Err(StorageError::Stale(_))), "{stale:?}");
}

async fn what_was_not_committed_is_not_remembered(test: &TestDb) {
    assert_eq!(begin(test, "user:1", 1, 1, at(0), None).await, Begun::New);
    assert_eq!(begin(test, "user:1", 1, 2, at(0), None).await, Begun::New);
}

async fn the_second_waits_for_the_first(test: &TestDb) {
    let first = test.db.begin().await.unwrap();
    let begun = once::begin(&first, "user:1", &hash(1), &hash(1), at(0)).await;
    assert_eq!(begun.unwrap(), Begun::New);
    let end = async {
        until_somebody_waits(test).await;
        once::finish(&first, "user:1", &hash(1), 7).await.unwrap();
        first.commit().await.unwrap();
    };
    let second = begin(test, "user:1", 1, 1, at(0), None);
    let (second, ()) = tokio::join!(second, end);
    assert_eq!(second, Begun::Made(7));
}

async fn the_second_goes_on_where_the_first_gave_up(test: &TestDb) {
    let first = test.db.begin().await.unwrap();
    let begun = once::begin(&first, "user:1", &hash(1), &hash(1), at(0)).await;
    assert_eq!(begun.unwrap(), Begun::New);
    let end = async {
        until_somebody_waits(test).await;
        first.rollback().await.unwrap();
    };
    let second = begin(test, "user:1", 1, 1, at(0), None);
    let (second, ()) = tokio::join!(second, end);
    assert_eq!(second, Begun::New);
}

async fn a_key_is_forgotten_after_a_day(test: &TestDb) {
    let day = 24 * 3600;
    for (key, made) in [(1, 0), (2, 10), (3, 20), (4, 30)] {
        let begun = begin(test, "user:1", key, 1, at(made), Some(7)).await;
        assert_eq!(begun, Begun::New);
    }
    // Before it is swept, too.
    let still = begin(test, "user:1", 1, 1, at(day), None).await;
    assert_eq!(still, Begun::Made(7));
    let anew = begin(test, "user:1", 1, 2, at(day + 1), None).await;
    assert_eq!(anew, Begun::New);
    for deleted in [2, 1, 0] {
        let tx = test.db.begin().await.unwrap();
        let swept = once::delete_old(&tx, at(30), 2).await.unwrap();
        assert_eq!(swept, deleted);
        tx.commit().await.unwrap();
    }
    let left = test
        .number("SELECT COUNT(*) FROM idempotency", vec![])
        .await;
    assert_eq!(left, 1);
}
