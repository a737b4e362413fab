//! Statistics are exact at every step of a random history, no matter how much has been
//! projected by then or rolled back.

use tocsin_core::stats::{Delta, HOUR};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_storage::{TimeRange, projection_queue, rollups};

use crate::common::TestDb;
use crate::history::{BEGIN, History};

crate::on_both!(
    statistics_equal_a_full_scan,
    many_parts_of_a_bucket_become_few,
    concurrent_projectors_count_everything_once,
    hours_with_a_pruned_log_are_whole,
);

/// Spans several of the second widest buckets and a boundary of the widest ones.
const HOURS: i64 = 24 * 40;

/// Projects a slice, or rolls it back. Returns whether there was one.
async fn project(test: &TestDb, commit: bool) -> bool {
    let Some(slice) = rollups::prepare(&test.db).await.unwrap() else {
        return false;
    };
    let tx = test.db.begin().await.unwrap();
    let projected = rollups::put(&tx, slice).await.unwrap();
    assert!(projected.any);
    if commit {
        tx.commit().await.unwrap();
        rollups::merge(&test.db, &projected.to_merge).await.unwrap();
    } else {
        tx.rollback().await.unwrap();
    }
    true
}

async fn compare_some(history: &mut History, test: &TestDb, now: i64) {
    history.compare(test, TimeRange::default(), now).await;
    for _ in 0..3 {
        let mut side = || {
            let given = history.below(4) > 0;
            let time = history.time(HOURS);
            given.then(|| Timestamp::from_micros(time))
        };
        let range = TimeRange {
            from: side(),
            to: side(),
        };
        history.compare(test, range, now).await;
    }
}

async fn statistics_equal_a_full_scan(test: &TestDb) {
    let seed = rand::random();
    println!("seed {seed}");
    let mut history = History::new(seed);
    let mut now = BEGIN * HOUR;
    let mut sum = Delta::default();
    for step in 0..60 {
        now += (HOURS * HOUR / 60) * history.below(3) as i64 + history.below(1_000) as i64;
        let delta = history.batch(now);
        history.store(test, &delta).await;
        sum.merge(delta);
        match history.below(5) {
            0 => assert!(project(test, false).await),
            1 | 2 => assert!(project(test, true).await),
            3 => _ = rollups::compact(&test.db, now / HOUR).await.unwrap(),
            _ => {}
        }
        if step % 6 == 5 {
            compare_some(&mut history, test, now).await;
        }
    }
    while project(test, true).await {}
    assert_eq!(projection_queue::size(&test.db).await.unwrap(), 0);
    compare_some(&mut history, test, now).await;
    while rollups::compact(&test.db, i64::MAX).await.unwrap() > 0 {}
    compare_some(&mut history, test, now).await;
    assert_eq!(rollups::from_log(&test.db).await.unwrap(), sum);
}

async fn many_parts_of_a_bucket_become_few(test: &TestDb) {
    let mut history = History::new(1);
    for second in 0..100 {
        let delta = history.batch((BEGIN * 3_600 + second) * 1_000_000);
        history.store(test, &delta).await;
        project(test, true).await;
    }
    let sql = "SELECT COUNT(*) FROM rollups GROUP BY dimension, level, bucket ORDER BY 1 DESC";
    let most = test.number(sql, vec![]).await;
    assert!(most <= 10, "{most}");
    history
        .compare(test, TimeRange::default(), BEGIN * HOUR)
        .await;
    // An hour later the bucket has ended and has a single part.
    rollups::compact(&test.db, BEGIN + 1).await.unwrap();
    let sql = "SELECT COUNT(*) FROM rollups WHERE level = 0";
    assert_eq!(test.number(sql, vec![]).await, 5);
    history
        .compare(test, TimeRange::default(), BEGIN * HOUR)
        .await;
}

async fn concurrent_projectors_count_everything_once(test: &TestDb) {
    let mut history = History::new(2);
    for second in 0..40 {
        // So large that one slice does not include all of them.
        let mut delta = history.batch((BEGIN * 3_600 + second) * 1_000_000);
        let extra = format!("{:01$}", second, 60_000);
        let counts = tocsin_core::stats::Counts {
            opened: 1,
            ended: 1,
            ..Default::default()
        };
        let dimension = tocsin_core::stats::Dimension::Instance;
        delta.add(BEGIN, dimension, &extra, &counts);
        history.store(test, &delta).await;
    }
    let projector = || async {
        while projection_queue::size(&test.db).await.unwrap() > 0 {
            let projected = rollups::project(&test.db).await.unwrap();
            rollups::merge(&test.db, &projected.to_merge).await.unwrap();
        }
    };
    tokio::join!(projector(), projector(), projector());
    history
        .compare(test, TimeRange::default(), BEGIN * HOUR)
        .await;
}

async fn hours_with_a_pruned_log_are_whole(test: &TestDb) {
    let mut history = History::new(3);
    for minute in 0..200 {
        let delta = history.batch((BEGIN * 60 + minute) * 60_000_000);
        history.store(test, &delta).await;
    }
    while project(test, true).await {}
    let now = (BEGIN + 4) * HOUR;
    let at = |minutes: i64| Some(Timestamp::from_micros((BEGIN * 60 + minutes) * 60_000_000));
    let tx = test.db.begin().await.unwrap();
    for before in [at(70), at(30)] {
        rollups::note_pruned(&tx, before.unwrap()).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(rollups::pruned_before(&test.db).await.unwrap(), at(70));
    test.run(
        "DELETE FROM log_entries WHERE received_at < ?",
        vec![at(70).unwrap().as_micros().into()],
    )
    .await;
    let whole = TimeRange {
        from: at(0),
        to: at(155),
    };
    let all = Visibility::everything();
    let summary = |range| {
        tocsin_storage::stats::summary(
            &test.db,
            &all,
            range,
            Timestamp::from_micros(now),
            crate::model::STALE_AFTER,
        )
    };
    let requested = TimeRange {
        from: at(13),
        to: at(155),
    };
    assert_eq!(
        summary(requested).await.unwrap(),
        summary(whole).await.unwrap()
    );
    history.compare_visible(test, &all, whole, now).await;
}
