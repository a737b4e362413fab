//! Retention: what is kept for a time only, in small steps that never block
//! ingest for long.

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::{Db, StorageError, upkeep};
use tokio::sync::Notify;

use crate::{Clock, PipelineSettings};

const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// Rows deleted in one transaction.
const STEP: u32 = 500;

/// How long a browser may be away and still resume its event stream.
const FEED_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Prunes now and every hour, until told to stop.
pub(crate) async fn run(
    db: Db,
    settings: Arc<PipelineSettings>,
    clock: Arc<dyn Clock>,
    stop: Arc<Notify>,
) {
    loop {
        let stopped = stop.notified();
        tokio::pin!(stopped);
        stopped.as_mut().enable();
        tokio::select! {
            () = &mut stopped => return,
            pruned = prune(&db, &settings, clock.now()) => {
                if let Err(error) = pruned {
                    tracing::warn!(%error, "old rows were not pruned");
                }
            }
        }
        tokio::select! {
            () = stopped => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn prune(db: &Db, settings: &PipelineSettings, now: Timestamp) -> Result<(), StorageError> {
    let bodies = now.minus(settings.body_retention);
    let feed = now.minus(FEED_KEPT);
    loop {
        let tx = db.begin().await?;
        let deleted = upkeep::prune_bodies(&tx, bodies, STEP).await?
            + upkeep::prune_changes(&tx, feed, STEP).await?;
        tx.commit().await?;
        if deleted == 0 {
            return Ok(());
        }
        // Ingest waits for the writing connection; let it have it.
        tokio::task::yield_now().await;
    }
}
