//! Rows stored before roll-ups existed are counted from the log.

use tocsin_core::stats::HOUR;
use tocsin_core::time::Timestamp;
use tocsin_storage::{TimeRange, projection_queue, rollups};

use crate::common::TestDb;
use crate::history::{BEGIN, History};

crate::on_both!(rows_from_before_the_upgrade_are_counted_once);

async fn rows_from_before_the_upgrade_are_counted_once(test: &TestDb) {
    let mut history = History::new(4);
    // Versions before the upgrade did not detect copies.
    history.with_copies = false;
    for batch in 0..300 {
        history.batch(BEGIN * HOUR + batch * HOUR / 7);
    }
    history.store_rows(test).await;
    for (kind, table) in [(2, "log_entries"), (5, "deliveries")] {
        let last = test
            .number(&format!("SELECT MAX(id) FROM {table}"), vec![])
            .await;
        let middle = last / 3;
        for (first, last) in [(1, middle), (middle + 1, last)] {
            test.run(
                "INSERT INTO backlog (kind, data) VALUES (?, ?)",
                vec![kind.into(), format!("[{first},{last}]").into_bytes().into()],
            )
            .await;
        }
    }
    assert!(projection_queue::is_counting(&test.db).await.unwrap());
    let range = TimeRange {
        from: Some(Timestamp::from_micros(BEGIN * HOUR + 7 * HOUR / 2)),
        to: Some(Timestamp::from_micros((BEGIN + 30) * HOUR)),
    };
    let now = (BEGIN + 50) * HOUR;
    loop {
        history.compare(test, TimeRange::default(), now).await;
        history.compare(test, range, now).await;
        if !rollups::project(&test.db).await.unwrap().any {
            break;
        }
        // Deliveries continue while rows are counted.
        let delta = history.batch(now);
        history.store(test, &delta).await;
        assert!(rollups::project(&test.db).await.unwrap().any);
    }
    assert!(!projection_queue::is_counting(&test.db).await.unwrap());
}
