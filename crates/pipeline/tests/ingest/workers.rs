//! Workers that panic.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::{BROKEN, Ingest};

crate::on_both!(worker_panic_is_detected);

/// Without this, its work would stop until the program is restarted.
async fn worker_panic_is_detected(ingest: &Ingest) {
    assert!(ingest.pipeline.is_alive());
    ingest.clock.0.store(BROKEN, Ordering::SeqCst);
    let died = ingest.pipeline.died();
    let detected = tokio::time::timeout(Duration::from_secs(60), died).await;
    assert!(detected.is_ok(), "the end of a worker was not detected");
    assert!(!ingest.pipeline.is_alive());
}
