//! What becomes of workers that end by a fault of ours.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::{BROKEN, Ingest};

crate::on_both!(a_worker_that_panics_is_noticed);

/// Its work would stand still until the program is restarted.
async fn a_worker_that_panics_is_noticed(ingest: &Ingest) {
    assert!(ingest.pipeline.is_alive());
    ingest.clock.0.store(BROKEN, Ordering::SeqCst);
    let died = ingest.pipeline.died();
    let noticed = tokio::time::timeout(Duration::from_secs(60), died).await;
    assert!(noticed.is_ok(), "a worker ended and nobody noticed");
    assert!(!ingest.pipeline.is_alive());
}
