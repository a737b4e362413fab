//! Projecting the queue into segments, and merging segments.

use tocsin_storage::{Backend, StorageError, search};

use crate::common::TestDb;
use crate::common::rows::labels;
use crate::{Content, matching, words_of};

crate::on_both! {
    queued_alerts_are_found_before_and_after_projection,
    rolled_back_projection_is_repeated,
    concurrent_projectors_do_not_duplicate,
    deleted_alerts_are_skipped,
    segments_are_merged,
    segments_of_an_aborted_merge_are_deleted,
    error_names_the_corrupt_block,
}

async fn queued(test: &TestDb) -> i64 {
    test.number("SELECT COUNT(*) FROM backlog", vec![]).await
}

/// Stores alert `id`, with the ID in its instance and message.
async fn add_alert(test: &TestDb, id: i64) {
    let instance = format!("host-{id:04}");
    test.add_alert(&Content {
        alert_id: id,
        source: "prod".to_owned(),
        labels: labels(&[("alertname", "DiskFull"), ("instance", &instance)]),
        message: format!("磁盘 {id:04} is full"),
    })
    .await;
}

async fn queued_alerts_are_found_before_and_after_projection(test: &TestDb) {
    for id in 1..=10 {
        add_alert(test, id).await;
    }
    assert_eq!(test.find_words("0007").await, Some(vec![7]));
    assert_eq!(test.project(5).await, 5);
    assert_eq!(queued(test).await, 5);
    for id in [3, 7] {
        assert_eq!(test.find_words(&format!("{id:04}")).await, Some(vec![id]));
    }
    test.project_all().await;
    assert_eq!(queued(test).await, 0);
    for id in [3, 7] {
        assert_eq!(test.find_words(&format!("{id:04}")).await, Some(vec![id]));
    }
    assert_eq!(test.project(5).await, 0);
    let all = test.find_words("磁盘").await.unwrap();
    assert_eq!(all, (1..=10).collect::<Vec<_>>());

    // A range as queued by the migration.
    let data = b"[4,6]".to_vec();
    test.run("DELETE FROM search_segments", vec![]).await;
    test.run(
        "INSERT INTO backlog (kind, data) VALUES (3, ?)",
        vec![data.into()],
    )
    .await;
    assert_eq!(test.find_words("0007").await, Some(vec![]));
    assert_eq!(test.find_words("0005").await, Some(vec![5]));
    assert_eq!(test.project(100).await, 3);
    assert_eq!(test.find_words("0005").await, Some(vec![5]));
}

async fn rolled_back_projection_is_repeated(test: &TestDb) {
    add_alert(test, 1).await;
    let tx = test.db.begin().await.unwrap();
    assert_eq!(search::project(&tx, 10).await.unwrap(), 1);
    tx.rollback().await.unwrap();
    assert_eq!((queued(test).await, test.segments().await), (1, 0));
    assert_eq!(test.find_words("磁盘").await, Some(vec![1]));
    test.project_all().await;
    assert_eq!((queued(test).await, test.segments().await), (0, 1));
}

async fn concurrent_projectors_do_not_duplicate(test: &TestDb) {
    add_alert(test, 1).await;
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
    assert_eq!((queued(test).await, test.segments().await), (0, 1));
    assert_eq!(test.find_words("磁盘").await, Some(vec![1]));
}

async fn deleted_alerts_are_skipped(test: &TestDb) {
    for id in 1..=3 {
        add_alert(test, id).await;
    }
    test.enqueue(&[], &[77]).await;
    test.run("DELETE FROM series WHERE id = 2", vec![]).await;
    test.project_all().await;
    assert_eq!(queued(test).await, 0);
    assert_eq!(test.find_words("磁盘").await, Some(vec![1, 3]));
}

async fn segments_are_merged(test: &TestDb) {
    for id in 1..=20 {
        add_alert(test, id).await;
        test.project_all().await;
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

async fn segments_of_an_aborted_merge_are_deleted(test: &TestDb) {
    add_alert(test, 1).await;
    test.project_all().await;
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

async fn error_names_the_corrupt_block(test: &TestDb) {
    add_alert(test, 1).await;
    test.project_all().await;
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
