//! Reads that are stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tocsin_storage::{ReadBudget, StorageError, incidents};

use crate::common::TestDb;

crate::on_both!(reads_stop_when_nobody_waits_or_their_time_is_spent,);

async fn reads_stop_when_nobody_waits_or_their_time_is_spent(test: &TestDb) {
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
    assert!(!incidents::any(&test.db).await.unwrap(), "others go on");
    // A change has no budget: it is done as a whole.
    let tx = db.begin().await.unwrap();
    assert!(!incidents::any(&tx).await.unwrap());
    tx.rollback().await.unwrap();
}
