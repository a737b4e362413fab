//! Failed login attempts.

use tocsin_storage::accounts::{self, Failures};

use crate::common::{TestDb, at};
use crate::fixtures::{hash, wait_for_blocked_transaction};

crate::on_both!(
    failures_are_counted_per_account,
    concurrent_failures_are_both_counted,
    old_failures_are_deleted_in_batches,
);

async fn failures_are_counted_per_account(test: &TestDb) {
    assert_eq!(
        accounts::failure_of(&test.db, &hash(1)).await.unwrap(),
        None
    );
    for (time, until, count) in [(10, None, 1), (20, Some(at(50)), 2)] {
        let tx = test.db.begin().await.unwrap();
        let noted = accounts::note_failure(&tx, &hash(1), at(time), until).await;
        assert_eq!(noted.unwrap(), count);
        tx.commit().await.unwrap();
        let stored = accounts::failure_of(&test.db, &hash(1)).await.unwrap();
        let expected = Failures {
            failures: count,
            failed_at: at(time),
            locked_until: until,
        };
        assert_eq!(stored, Some(expected));
    }
    let tx = test.db.begin().await.unwrap();
    let other = accounts::note_failure(&tx, &hash(2), at(30), None).await;
    assert_eq!(other.unwrap(), 1);
    accounts::forget_failures(&tx, &hash(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        accounts::failure_of(&test.db, &hash(1)).await.unwrap(),
        None
    );
    let other = accounts::failure_of(&test.db, &hash(2)).await.unwrap();
    assert!(other.is_some_and(|other| other.failures == 1));
}

async fn concurrent_failures_are_both_counted(test: &TestDb) {
    let first = test.db.begin().await.unwrap();
    let noted = accounts::note_failure(&first, &hash(1), at(1), None).await;
    assert_eq!(noted.unwrap(), 1);
    let second = async {
        let tx = test.db.begin().await.unwrap();
        let noted = accounts::note_failure(&tx, &hash(1), at(1), None).await;
        tx.commit().await.unwrap();
        noted.unwrap()
    };
    let end = async {
        wait_for_blocked_transaction(test).await;
        first.commit().await.unwrap();
    };
    let (second, ()) = tokio::join!(second, end);
    assert_eq!(second, 2);
}

async fn old_failures_are_deleted_in_batches(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    for number in 1..=5 {
        let time = at(i64::from(number) * 10);
        let noted = accounts::note_failure(&tx, &hash(number), time, None).await;
        noted.unwrap();
    }
    tx.commit().await.unwrap();
    for deleted in [2, 1, 0] {
        let tx = test.db.begin().await.unwrap();
        let removed = accounts::delete_old_failures(&tx, at(40), 2).await;
        assert_eq!(removed.unwrap(), deleted);
        tx.commit().await.unwrap();
    }
    for (number, left) in [(3, false), (4, true), (5, true)] {
        let stored = accounts::failure_of(&test.db, &hash(number)).await.unwrap();
        assert_eq!(stored.is_some(), left, "{number}");
    }
}
