//! Retention: what is kept for a time only.
//!
//! All of it goes in small transactions ([`STEP`] rows), each followed by a
//! pause, so that a delivery waits for one of them at most. What is looked for
//! is looked for outside of them. On several replicas one at a time does it.
//!
//! * Raw bodies, rows of the change feed, mails and what accounts leave behind
//!   (`sweep`) go by their age alone.
//! * The log is walked once for each span that a rule names, in the order in
//!   which entries were received (`log`).
//! * Statistics stay: they are roll-ups of their own.

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

/// Rows deleted in one transaction.
const STEP: u32 = 500;

/// The longest pause after a transaction. The pause is as long as the
/// transaction took, so that retention has half of the writer at most.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a browser may be away and still resume its event stream.
const FEED_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Pages of an SQLite file that are given back in one transaction.
const PAGES: u32 = 256;

/// The part of an SQLite file that may be empty: what is freed today is filled
/// tomorrow.
const SLACK: i64 = 50;

/// What retention works with.
pub(crate) struct Retention {
    db: Db,
    settings: Arc<PipelineSettings>,
    clock: Arc<dyn Clock>,
    standings: Arc<AlertCache>,
    /// The database's name, for the archive.
    database: String,
    archive: Option<Arc<Mutex<Archive>>>,
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// The program stops, or another replica is at it.
    #[error("not now")]
    NotNow,
    /// The archive cannot be written; what it lacks is not deleted.
    #[error("the archive cannot be written: {0}")]
    Archive(#[source] std::io::Error),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Tells whether the program stops, between two transactions. One that runs is
/// never broken off.
struct Stop<'a> {
    notified: std::pin::Pin<Box<tokio::sync::futures::Notified<'a>>>,
}

impl<'a> Stop<'a> {
    fn of(stop: &'a Notify) -> Self {
        let mut notified = Box::pin(stop.notified());
        notified.as_mut().enable();
        Self { notified }
    }

    /// Waits for a time; whether the program stops.
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
            standings: Arc::clone(&context.alert_cache),
            database: context.instance.clone(),
            archive: directory.map(|directory| Arc::new(Mutex::new(Archive::new(directory)))),
        }
    }

    /// Makes a pass now and every so often, until told to stop.
    pub(crate) async fn run(mut self, stop: Arc<Notify>) {
        let every = self.settings.retention.every();
        let mut stop = Stop::of(&stop);
        loop {
            match self.pass(&mut stop).await {
                Ok(()) | Err(Ended::NotNow) => {}
                Err(error) => {
                    if let Ended::Storage(error) = &error {
                        self.db.note(error);
                    }
                    tracing::warn!(%error, "old rows were not all deleted");
                }
            }
            if stop.within(every).await {
                return;
            }
        }
    }

    async fn pass(&mut self, stop: &mut Stop<'_>) -> Result<(), Ended> {
        let now = self.clock.now();
        let keep = self.settings.retention.clone();
        for old in Expired::of_accounts(&keep, now) {
            self.sweep(old, stop).await?;
        }
        self.sweep(Expired::Bodies(now.minus(keep.raw_bodies)), stop)
            .await?;
        self.sweep(Expired::Feed(now.minus(FEED_KEPT)), stop)
            .await?;
        // What an upgrade has left to be counted is not counted yet.
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
        self.give_back(stop).await
    }

    /// A transaction in which this replica may delete.
    async fn turn(&self) -> Result<Tx, Ended> {
        let tx = self.db.begin().await?;
        if leader_lock::try_lock(&tx, "retention").await? {
            return Ok(tx);
        }
        tx.rollback().await?;
        Err(Ended::NotNow)
    }

    /// Lets whoever waits write.
    async fn pause(&self, since: Instant, stop: &mut Stop<'_>) -> Result<(), Ended> {
        if stop.within(since.elapsed().min(PAUSE)).await {
            return Err(Ended::NotNow);
        }
        Ok(())
    }

    /// Deliveries that told nothing new, or whose entries are gone. Those whose
    /// entries are still there go with them, when they are old enough.
    async fn deliveries(
        &self,
        span: Duration,
        now: Timestamp,
        stop: &mut Stop<'_>,
    ) -> Result<(), Ended> {
        let before = now.minus(span);
        let mut walk = self.walk("deliveries", span, "", before).await?;
        let saved = walk.clone();
        loop {
            let began = Instant::now();
            let (last, silent) =
                retention::visit_deliveries(&self.db, walk.at, before, STEP).await?;
            let Some(last) = last else { break };
            walk.at = last;
            if !silent.is_empty() {
                let tx = self.turn().await?;
                retention::delete_deliveries(&tx, &silent, before).await?;
                retention::save_walk(&tx, "deliveries", span, &walk).await?;
                tx.commit().await?;
            }
            self.pause(began, stop).await?;
        }
        self.save("deliveries", span, &saved, &walk).await
    }

    /// The walk over `what` as it stands, for a pass that looks at what came
    /// before `before`.
    async fn walk(
        &self,
        what: &str,
        span: Duration,
        rules: &str,
        before: Timestamp,
    ) -> Result<Walk, Ended> {
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
    ) -> Result<(), Ended> {
        if saved != walk {
            let tx = self.turn().await?;
            retention::save_walk(&tx, what, span, walk).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Gives the disk what an SQLite file does not need any more.
    async fn give_back(&self, stop: &mut Stop<'_>) -> Result<(), Ended> {
        while let Some(space) = retention::space(&self.db).await? {
            let most = space.pages / SLACK;
            if space.free <= most {
                break;
            }
            let began = Instant::now();
            let tx = self.db.begin().await?;
            let pages = u32::try_from(space.free - most).unwrap_or(PAGES).min(PAGES);
            retention::release(&tx, pages).await?;
            tx.commit().await?;
            let left = retention::space(&self.db).await?;
            if left.is_none_or(|left| left.free >= space.free) {
                // A database of before it could be made smaller.
                break;
            }
            self.pause(began, stop).await?;
        }
        Ok(())
    }

    /// On SQLite what is read need not be read by the writer, which nobody else
    /// could use meanwhile.
    fn reads_apart(&self) -> bool {
        self.db.backend() == Backend::Sqlite
    }
}
