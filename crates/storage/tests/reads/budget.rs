//! Canceled reads and time limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tocsin_storage::{ReadBudget, StorageError, incidents};

use crate::common::TestDb;

crate::on_both!(reads_stop_when_canceled_or_over_budget,);

async fn reads_stop_when_canceled_or_over_budget(test: &TestDb) {
    let is_canceled = Arc::new(AtomicBool::new(false));
    let budget = |time| ReadBudget::new(time, Arc::clone(&is_canceled));
    let db = test.db.within(budget(ReadBudget::TIME));
    assert!(!incidents::any(&db).await.unwrap());
    let spent = test.db.within(budget(Duration::ZERO));
    let error = incidents::any(&spent).await.unwrap_err();
    assert!(matches!(error, StorageError::OverBudget), "{error}");
    is_canceled.store(true, Ordering::Relaxed);
    let error = incidents::any(&db).await.unwrap_err();
    assert!(matches!(error, StorageError::Canceled), "{error}");
    assert!(
        !incidents::any(&test.db).await.unwrap(),
        "other reads continue"
    );
    // Changes have no budget: they always complete.
    let tx = db.begin().await.unwrap();
    assert!(!incidents::any(&tx).await.unwrap());
    tx.rollback().await.unwrap();
}
