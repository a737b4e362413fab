//! The live change feed: one reader per process, shared by all event streams.

use std::sync::Arc;
use std::time::Duration;

use tocsin_storage::changes::{self, ChangeRow, FeedCursor};
use tocsin_storage::{Db, StorageError};
use tokio::sync::{Notify, broadcast};

/// Changes that a slow subscriber may fall behind before it has to read from the table.
const CAPACITY: usize = 1024;

/// Rows per read.
const ROWS: u32 = 500;

/// Poll interval: other replicas write to the feed too.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Delay after a change, so that an alert storm is read in batches. It is too short to
/// notice on a page.
const BATCH_DELAY: Duration = Duration::from_millis(20);

/// Creates the channel that the reader sends to.
pub(crate) fn channel() -> broadcast::Sender<Arc<ChangeRow>> {
    broadcast::channel(CAPACITY).0
}

/// Reads the feed and sends it to subscribers until `stop` is notified.
pub(crate) async fn run(
    db: Db,
    sender: broadcast::Sender<Arc<ChangeRow>>,
    mut cursor: Option<FeedCursor>,
    wake: Vec<Arc<Notify>>,
    stop: Arc<Notify>,
) {
    let mut is_failing = false;
    loop {
        let stopped = stop.notified();
        tokio::pin!(stopped);
        stopped.as_mut().enable();
        // Registered before the feed is read, so that a change in between is not
        // missed.
        let mut wakeups: Vec<_> = wake
            .iter()
            .map(|notify| Box::pin(notify.notified()))
            .collect();
        for notified in &mut wakeups {
            notified.as_mut().enable();
        }
        match pass_on(&db, &sender, cursor).await {
            Ok(reached) => {
                cursor = reached;
                is_failing = false;
            }
            Err(error) => {
                db.note(&error);
                // Logged once, not every second while the database is down.
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "the change feed cannot be read");
                }
            }
        }
        tokio::select! {
            () = stopped => return,
            () = tokio::time::sleep(POLL_EVERY) => {}
            _ = futures::future::select_all(wakeups) => tokio::time::sleep(BATCH_DELAY).await,
        }
    }
}

async fn pass_on(
    db: &Db,
    sender: &broadcast::Sender<Arc<ChangeRow>>,
    mut cursor: Option<FeedCursor>,
) -> Result<Option<FeedCursor>, StorageError> {
    if sender.receiver_count() == 0 {
        // There is no subscriber. New ones read from the table first.
        return Ok(changes::latest(db).await?.or(cursor));
    }
    loop {
        let rows = changes::after(db, cursor, ROWS).await?;
        let full = rows.len() == ROWS as usize;
        for row in rows {
            cursor = Some(row.cursor);
            // The last subscriber may have disconnected.
            let _ = sender.send(Arc::new(row));
        }
        if !full {
            return Ok(cursor);
        }
    }
}
