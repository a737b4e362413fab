//! Requests sent twice with the same idempotency key.

use tocsin_core::time::Timestamp;
use tocsin_storage::StorageError;
use tocsin_storage::idempotency::{self, KeyState};

use crate::common::{TestDb, at};
use crate::fixtures::{hash, wait_for_blocked_transaction};

crate::on_both!(
    repeated_request_returns_the_created_object,
    rolled_back_key_is_unused,
    second_request_waits_for_the_first,
    second_request_proceeds_after_a_rollback,
    key_expires_after_a_day,
);

async fn begin(
    test: &TestDb,
    caller: &str,
    key: u8,
    request: u8,
    now: Timestamp,
    object_id: Option<i64>,
) -> KeyState {
    let tx = test.db.begin().await.unwrap();
    let state = idempotency::begin(&tx, caller, &hash(key), &hash(request), now)
        .await
        .unwrap();
    if let (KeyState::New, Some(id)) = (state, object_id) {
        idempotency::finish(&tx, caller, &hash(key), id)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    state
}

async fn repeated_request_returns_the_created_object(test: &TestDb) {
    let now = at(0);
    assert_eq!(
        begin(test, "user:1", 1, 1, now, Some(7)).await,
        KeyState::New
    );
    let again = begin(test, "user:1", 1, 1, now, Some(8)).await;
    assert_eq!(again, KeyState::Created(7));
    let other = begin(test, "user:1", 1, 2, now, Some(8)).await;
    assert_eq!(other, KeyState::Different);
    // Keys of different callers are independent.
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

async fn rolled_back_key_is_unused(test: &TestDb) {
    assert_eq!(
        begin(test, "user:1", 1, 1, at(0), None).await,
        KeyState::New
    );
    assert_eq!(
        begin(test, "user:1", 1, 2, at(0), None).await,
        KeyState::New
    );
}

async fn second_request_waits_for_the_first(test: &TestDb) {
    let first = test.db.begin().await.unwrap();
    let state = idempotency::begin(&first, "user:1", &hash(1), &hash(1), at(0)).await;
    assert_eq!(state.unwrap(), KeyState::New);
    let end = async {
        wait_for_blocked_transaction(test).await;
        idempotency::finish(&first, "user:1", &hash(1), 7)
            .await
            .unwrap();
        first.commit().await.unwrap();
    };
    let second = begin(test, "user:1", 1, 1, at(0), None);
    let (second, ()) = tokio::join!(second, end);
    assert_eq!(second, KeyState::Created(7));
}

async fn second_request_proceeds_after_a_rollback(test: &TestDb) {
    let first = test.db.begin().await.unwrap();
    let state = idempotency::begin(&first, "user:1", &hash(1), &hash(1), at(0)).await;
    assert_eq!(state.unwrap(), KeyState::New);
    let end = async {
        wait_for_blocked_transaction(test).await;
        first.rollback().await.unwrap();
    };
    let second = begin(test, "user:1", 1, 1, at(0), None);
    let (second, ()) = tokio::join!(second, end);
    assert_eq!(second, KeyState::New);
}

async fn key_expires_after_a_day(test: &TestDb) {
    let day = 24 * 3600;
    for (key, used) in [(1, 0), (2, 10), (3, 20), (4, 30)] {
        let state = begin(test, "user:1", key, 1, at(used), Some(7)).await;
        assert_eq!(state, KeyState::New);
    }
    // Before the key is deleted, too.
    let still = begin(test, "user:1", 1, 1, at(day), None).await;
    assert_eq!(still, KeyState::Created(7));
    let expired = begin(test, "user:1", 1, 2, at(day + 1), None).await;
    assert_eq!(expired, KeyState::New);
    for deleted in [2, 1, 0] {
        let tx = test.db.begin().await.unwrap();
        let removed = idempotency::delete_old(&tx, at(30), 2).await.unwrap();
        assert_eq!(removed, deleted);
        tx.commit().await.unwrap();
    }
    let left = test
        .number("SELECT COUNT(*) FROM idempotency", vec![])
        .await;
    assert_eq!(left, 1);
}
