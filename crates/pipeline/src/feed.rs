//! The live end of the change feed: one reader a process, which every open
//! browser listens to.

use std::sync::Arc;
use std::time::Duration;

use tocsin_storage::changes::{self, ChangeRow, FeedCursor};
use tocsin_storage::{Db, StorageError};
use tokio::sync::{Notify, broadcast};

/// Changes that a slow listener may fall behind before it has to read on from
/// the table.
const CAPACITY: usize = 1024;

/// Rows read at once.
const ROWS: u32 = 500;

/// The reader looks by itself this often: other replicas write the feed too.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After a change the reader waits this long for more of them, so that a storm
/// does not have it read for every single one. Nobody notices it on a page.
const TOGETHER: Duration = Duration::from_millis(20);

/// Opens the channel that the reader fills.
pub(crate) fn channel() -> broadcast::Sender<Arc<ChangeRow>> {
    broadcast::channel(CAPACITY).0
}

/// Reads the feed and passes it on, until told to stop.
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
        // Registered before looking, so that what comes meanwhile is not missed.
        let mut woken: Vec<_> = wake
            .iter()
            .map(|notify| Box::pin(notify.notified()))
            .collect();
        for one in &mut woken {
            one.as_mut().enable();
        }
        match pass_on(&db, &sender, cursor).await {
            Ok(reached) => {
                cursor = reached;
                is_failing = false;
            }
            Err(error) => {
                db.note(&error);
                // Once, not every second while the database is away.
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "the change feed cannot be read");
                }
            }
        }
        tokio::select! {
            () = stopped => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = futures::future::select_all(woken) => tokio::time::sleep(TOGETHER).await,
        }
    }
}

async fn pass_on(
    db: &Db,
    sender: &broadcast::Sender<Arc<ChangeRow>>,
    mut cursor: Option<FeedCursor>,
) -> Result<Option<FeedCursor>, StorageError> {
    if sender.receiver_count() == 0 {
        // Nobody listens: whoever comes reads from where it left off.
        return Ok(changes::latest(db).await?.or(cursor));
    }
    loop {
        let rows = changes::after(db, cursor, ROWS).await?;
        let full = rows.len() == ROWS as usize;
        for row in rows {
            cursor = Some(row.cursor);
            // The last listener may have gone.
            let _ = sender.send(Arc::new(row));
        }
        if !full {
            return Ok(cursor);
        }
    }
}
