//! From the backlog into segments, and segments into fewer.

use tocsin_storage::{Backend, StorageError, search};

use crate::common::TestDb;
use crate::common::rows::labels;
use crate::{Told, matching, words_of};

crate::on_both! {
    what_waits_is_found_before_it_is_folded_and_after,
    a_fold_that_is_rolled_back_is_done_again,
    two_folders_do_not_double,
    what_is_gone_is_skipped,
    segments_are_merged,
    what_a_killed_merge_left_is_deleted,
    a_block_that_is_none_is_named,
}

async fn waiting(test: &TestDb) -> i64 {
    test.number("SELECT COUNT(*) FROM backlog", vec![]).await
}

/// Series `id` says `alert N` on host N.
async fn tell(test: &TestDb, id: i64) {
    let instance = format!("host-{id:04}");
    test.tell(&Told {
        series_id: id,
        source: "prod".to_owned(),
        labels: labels(&[("alertname", "DiskFull"), ("instance", &instance)]),
        message: format!("磁盘 {id:04} is full"),
    })
    .await;
}

async fn what_waits_is_found_before_it_is_folded_and_after(test: &TestDb) {
    for id in 1..=10 {
        tell(test, id).await;
    }
    assert_eq!(test.find_words("0007").await, Some(vec![7]));
    assert_eq!(test.fold(5).await, 5);
    assert_eq!(waiting(test).await, 5);
    for id in [3, 7] {
        assert_eq!(test.find_words(&format!("{id:04}")).await, Some(vec![id]));
    }
    test.fold_all().await;
    assert_eq!(waiting(test).await, 0);
    for id in [3, 7] {
        assert_eq!(test.find_words(&format!("{id:04}")).await, Some(vec![id]));
    }
    assert_eq!(test.fold(5).await, 0);
    let all = test.find_words("磁盘").await.unwrap();
    assert_eq!(all, (1..=10).collect::<Vec<_>>());

    // What the migration left to be indexed.
    let data = b"[4,6]".to_vec();
    test.run("DELETE FROM search_segments", vec![]).await;
    test.run(
        "INSERT INTO backlog (kind, data) VALUES (3, ?)",
        vec![data.into()],
    )
    .await;
    assert_eq!(test.find_words("0007").await, Some(vec![]));
    assert_eq!(test.find_words("0005").await, Some(vec![5]));
    assert_eq!(test.fold(100).await, 3);
    assert_eq!(test.find_words("0005").await, Some(vec![5]));
}

async fn a_fold_that_is_rolled_back_is_done_again(test: &TestDb) {
    tell(test, 1).await;
    let tx = test.db.begin().await.unwrap();
    assert_eq!(search::project(&tx, 10).await.unwrap(), 1);
    tx.rollback().await.unwrap();
    assert_eq!((waiting(test).await, test.segments().await), (1, 0));
    assert_eq!(test.find_words("磁盘").await, Some(vec![1]));
    test.fold_all().await;
    assert_eq!((waiting(test).await, test.segments().await), (0, 1));
}

async fn two_folders_do_not_double(test: &TestDb) {
    tell(test, 1).await;
    let one = search::prepare(&test.db, 10).await.unwrap().unwrap();
    let late = search::prepare(&test.db, 10).await.unwrap().unwrap();
    let later = search::prepare(&test.db, 10).await.unwrap().unwrap();
    let tx = test.db.begin().await.unwrap();
    assert_eq!(search::put(&tx, one).await.unwrap(), 1);
    if test.db.backend() == Backend::Postgres {
        // The other replica does not wait for the first.
        let other = test.db.begin().await.unwrap();
        assert_eq!(search::put(&other, late).await.unwrap(), 0);
        other.commit().await.unwrap();
    }
    tx.commit().await.unwrap();
    let tx = test.db.begin().await.unwrap();
    assert_eq!(search::put(&tx, later).await.unwrap(), 0);
    tx.commit().await.unwrap();
    assert_eq!((waiting(test).await, test.segments().await), (0, 1));
    assert_eq!(test.find_words("磁盘").await, Some(vec![1]));
}

async fn what_is_gone_is_skipped(test: &TestDb) {
    for id in 1..=3 {
        tell(test, id).await;
    }
    test.wait_for(&[], &[77]).await;
    test.run("DELETE FROM series WHERE id = 2", vec![]).await;
    test.fold_all().await;
    assert_eq!(waiting(test).await, 0);
    assert_eq!(test.find_words("磁盘").await, Some(vec![1, 3]));
}

async fn segments_are_merged(test: &TestDb) {
    for id in 1..=20 {
        tell(test, id).await;
        test.fold_all().await;
    }
    assert_eq!(test.segments().await, 20);
    let before = find_all(test).await;
    while search::merge(&test.db).await.unwrap() {}
    assert_eq!(test.segments().await, 5);
    assert_eq!(find_all(test).await, before);
    let orphans = "SELECT COUNT(*) FROM search_blocks WHERE segment_id NOT IN \
                   (SELECT id FROM search_segments WHERE documents > 0 AND bytes > 0)";
    assert_eq!(test.number(orphans, vec![]).await, 0);
    let documents = "SELECT CAST(SUM(documents) AS BIGINT) FROM search_segments";
    assert_eq!(test.number(documents, vec![]).await, 20);
}

async fn find_all(test: &TestDb) -> Vec<Option<Vec<i64>>> {
    let mut found = vec![test.find_words("磁盘 full").await];
    for id in 1..=20 {
        found.push(test.find_words(&format!("{id:04}")).await);
        let host = matching(&format!("instance=~\"host-.*{id}\""));
        found.push(test.find(&host).await);
    }
    found
}

async fn what_a_killed_merge_left_is_deleted(test: &TestDb) {
    tell(test, 1).await;
    test.fold_all().await;
    test.run(
        "INSERT INTO search_segments (id, documents, bytes) VALUES (99, -1, 0)",
        vec![],
    )
    .await;
    test.run(
        "INSERT INTO search_blocks (segment_id, first_term, data) VALUES (99, ?, ?)",
        vec![b"a".to_vec().into(), b"never read".to_vec().into()],
    )
    .await;
    assert_eq!(test.find_words("磁盘").await, Some(vec![1]));
    assert_eq!(test.find(&matching("a=~\"b.*c\"")).await, Some(vec![]));
    assert!(!search::merge(&test.db).await.unwrap());
    assert_eq!(test.segments().await, 1);
    let left = "SELECT COUNT(*) FROM search_blocks WHERE segment_id = 99";
    assert_eq!(test.number(left, vec![]).await, 0);
}

async fn a_block_that_is_none_is_named(test: &TestDb) {
    tell(test, 1).await;
    test.fold_all().await;
    test.run(
        "UPDATE search_blocks SET data = ?",
        vec![vec![255_u8; 9].into()],
    )
    .await;
    let found = search::alert_set(&test.db, &words_of("磁盘")).await;
    assert!(matches!(
        found,
        Err(StorageError::Corrupt {
            table: "search_blocks",
            ..
        })
    ));
}
