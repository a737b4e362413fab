//! Raw bodies, and releasing freed space.

use tocsin_storage::{Backend, retention};

use crate::common::{TestDb, at};
use crate::history::count;
use crate::on_both;

on_both!(old_bodies_are_deleted_in_batches, freed_space_is_released);

async fn old_bodies_are_deleted_in_batches(test: &TestDb) {
    for id in 1..=10_i64 {
        test.run(
            "INSERT INTO delivery_bodies (delivery_id, received_at, refused, body) \
             VALUES (?, ?, FALSE, ?)",
            vec![id.into(), at(id).as_micros().into(), vec![1_u8].into()],
        )
        .await;
    }
    for (deleted, left) in [(3, 7), (3, 4), (2, 2), (0, 2)] {
        let tx = test.db.begin().await.unwrap();
        assert_eq!(
            retention::prune_bodies(&tx, at(9), 3).await.unwrap(),
            deleted
        );
        tx.commit().await.unwrap();
        assert_eq!(count(test, "delivery_bodies").await, left);
    }
}

async fn freed_space_is_released(test: &TestDb) {
    let space = || async { retention::space(&test.db).await.unwrap() };
    if test.db.backend() == Backend::Postgres {
        assert_eq!(space().await, None);
        return;
    }
    for id in 1..=40_i64 {
        test.run(
            "INSERT INTO delivery_bodies (delivery_id, received_at, refused, body) \
             VALUES (?, 1, FALSE, ?)",
            vec![id.into(), vec![7_u8; 100_000].into()],
        )
        .await;
    }
    let full = space().await.unwrap();
    assert!(full.pages * full.page_bytes > 4_000_000, "{full:?}");
    let tx = test.db.begin().await.unwrap();
    retention::prune_bodies(&tx, at(0), 100).await.unwrap();
    tx.commit().await.unwrap();
    let freed = space().await.unwrap();
    assert_eq!(freed.pages, full.pages);
    assert!(freed.free > 900, "{freed:?}");
    let tx = test.db.begin().await.unwrap();
    retention::release(&tx, 100).await.unwrap();
    tx.commit().await.unwrap();
    let smaller = space().await.unwrap();
    assert_eq!(
        (smaller.pages, smaller.free),
        (freed.pages - 100, freed.free - 100)
    );
}
