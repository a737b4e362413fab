//! Retention: deletes rows after their retention period.
//!
//! Rows are deleted in small transactions ([`STEP`] rows), each followed by a pause, so
//! that a delivery waits for one of them at most. Searches run outside of these
//! transactions. With several replicas, one at a time deletes.
//!
//! * Raw bodies, rows of the change feed, notifications, the audit log, and old
//!   sessions are deleted by age alone (`sweep`).
//! * The alert log is walked once for each retention period that a rule names, in the
//!   order of reception (`log`).
//! * Statistics are kept: they are rollups of their own.

mod log;
mod settings;
mod sweep;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::retention::{self, Walk};
use tocsin_storage::{Backend, Db, StorageError, Tx, leader_lock};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::archive::Archive;
use crate::ingest::{AlertCache, Context};
use crate::{Clock, PipelineSettings};

use self::sweep::Expired;
pub use settings::RetentionSettings;

/// Rows deleted per transaction.
const STEP: u32 = 500;

/// Longest pause after a transaction. The pause is as long as the transaction was, so
/// that retention uses half of the writer's time at most.
const PAUSE: Duration = Duration::from_millis(250);

/// Time after which a disconnected browser can no longer resume its event stream.
const FEED_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Pages of an SQLite file that are freed per transaction.
const PAGES: u32 = 256;

/// Share of free pages that an SQLite file may have (1/50): space freed today is filled
/// tomorrow.
const SLACK: i64 = 50;

/// The retention worker.
pub(crate) struct Retention {
    db: Db,
    settings: Arc<PipelineSettings>,
    clock: Arc<dyn Clock>,
    alert_cache: Arc<AlertCache>,
    /// Name of the database, for the archive.
    database: String,
    archive: Option<Arc<Mutex<Archive>>>,
}

/// Reason why a pass ended early.
#[derive(Debug, thiserror::Error)]
enum PassError {
    /// The program is stopping, or another replica is running the pass.
    #[error("interrupted")]
    Interrupted,
    /// The archive cannot be written. Entries that are not archived are not deleted.
    #[error("the archive cannot be written: {0}")]
    Archive(#[source] std::io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Stop signal, checked between two transactions. A running transaction is never
/// interrupted.
struct Stop<'a> {
    notified: std::pin::Pin<Box<tokio::sync::futures::Notified<'a>>>,
}

impl<'a> Stop<'a> {
    fn new(stop: &'a Notify) -> Self {
        let mut notified = Box::pin(stop.notified());
        notified.as_mut().enable();
        Self { notified }
    }

    /// Waits for `time`; returns early with `true` when the program stops.
    async fn within(&mut self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = &mut self.notified => true,
            () = tokio::time::sleep(time) => false,
        }
    }
}

impl Retention {
    pub(crate) fn new(context: &Context) -> Self {
        let directory = context.settings.retention.archive_dir.clone();
        Self {
            db: context.db.clone(),
            settings: Arc::clone(&context.settings),
            clock: Arc::clone(&context.clock),
            alert_cache: Arc::clone(&context.alert_cache),
            database: context.instance.clone(),
            archive: directory.map(|directory| Arc::new(Mutex::new(Archive::new(directory)))),
        }
    }

    /// Runs a pass now and periodically until `stop` is notified.
    pub(crate) async fn run(mut self, stop: Arc<Notify>) {
        let interval = self.settings.retention.interval();
        let mut stop = Stop::new(&stop);
        loop {
            match self.pass(&mut stop).await {
                Ok(()) | Err(PassError::Interrupted) => {}
                Err(error) => {
                    if let PassError::Storage(error) = &error {
                        self.db.note(error);
                    }
                    tracing::warn!(%error, "old rows were not deleted completely");
                }
            }
            if stop.within(interval).await {
                return;
            }
        }
    }

    async fn pass(&mut self, stop: &mut Stop<'_>) -> Result<(), PassError> {
        let now = self.clock.now();
        let keep = self.settings.retention.clone();
        for old in Expired::of_accounts(&keep, now) {
            self.sweep(old, stop).await?;
        }
        self.sweep(Expired::Bodies(now.minus(keep.raw_bodies)), stop)
            .await?;
        self.sweep(Expired::Feed(now.minus(FEED_KEPT)), stop)
            .await?;
        // Entries from before an upgrade may not be counted in the statistics yet.
        if !tocsin_storage::projection_queue::is_counting(&self.db).await? {
            for span in keep.log.spans() {
                self.log(span, now, stop).await?;
            }
            if let Some(span) = keep.deliveries {
                self.deliveries(span, now, stop).await?;
            }
        }
        if let Some(span) = keep.mails {
            self.sweep(Expired::Mails(now.minus(span)), stop).await?;
        }
        self.free_pages(stop).await
    }

    /// Begins a transaction with the retention lock, which one replica holds at a time.
    async fn begin_delete(&self) -> Result<Tx, PassError> {
        let tx = self.db.begin().await?;
        if leader_lock::try_lock(&tx, "retention").await? {
            return Ok(tx);
        }
        tx.rollback().await?;
        Err(PassError::Interrupted)
    }

    /// Pauses, so that waiting writers can proceed.
    async fn pause(&self, since: Instant, stop: &mut Stop<'_>) -> Result<(), PassError> {
        if stop.within(since.elapsed().min(PAUSE)).await {
            return Err(PassError::Interrupted);
        }
        Ok(())
    }

    /// Deletes old deliveries without log entries. Deliveries with log entries are
    /// deleted together with their last entry, if they are old enough.
    async fn deliveries(
        &self,
        span: Duration,
        now: Timestamp,
        stop: &mut Stop<'_>,
    ) -> Result<(), PassError> {
        let before = now.minus(span);
        let mut walk = self.walk("deliveries", span, "", before).await?;
        let saved = walk.clone();
        loop {
            let started = Instant::now();
            let (last, without_entries) =
                retention::visit_deliveries(&self.db, walk.at, before, STEP).await?;
            let Some(last) = last else { break };
            walk.at = last;
            if !without_entries.is_empty() {
                let tx = self.begin_delete().await?;
                retention::delete_deliveries(&tx, &without_entries, before).await?;
                retention::save_walk(&tx, "deliveries", span, &walk).await?;
                tx.commit().await?;
            }
            self.pause(started, stop).await?;
        }
        self.save("deliveries", span, &saved, &walk).await
    }

    /// Loads the walk over `what` for a pass over entries before `before`.
    async fn walk(
        &self,
        what: &str,
        span: Duration,
        rules: &str,
        before: Timestamp,
    ) -> Result<Walk, PassError> {
        let mut walk = retention::load_walk(&self.db, what, span).await?;
        walk.begin(rules, before, retention::restored(&self.db).await?);
        Ok(walk)
    }

    async fn save(
        &self,
        what: &str,
        span: Duration,
        saved: &Walk,
        walk: &Walk,
    ) -> Result<(), PassError> {
        if saved != walk {
            let tx = self.begin_delete().await?;
            retention::save_walk(&tx, what, span, walk).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Returns free pages of an SQLite file to the file system.
    async fn free_pages(&self, stop: &mut Stop<'_>) -> Result<(), PassError> {
        while let Some(space) = retention::space(&self.db).await? {
            let max_free = space.pages / SLACK;
            if space.free <= max_free {
                break;
            }
            let started = Instant::now();
            let tx = self.db.begin().await?;
            let pages = u32::try_from(space.free - max_free)
                .unwrap_or(PAGES)
                .min(PAGES);
            retention::release(&tx, pages).await?;
            tx.commit().await?;
            let left = retention::space(&self.db).await?;
            if left.is_none_or(|left| left.free >= space.free) {
                // A database created before incremental vacuum was enabled.
                break;
            }
            self.pause(started, stop).await?;
        }
        Ok(())
    }

    /// Whether to read outside of the write transaction: on SQLite the single writer
    /// would be blocked during the read.
    fn reads_outside_tx(&self) -> bool {
        self.db.backend() == Backend::Sqlite
    }
}
