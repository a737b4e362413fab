//! The pipeline: one handle to all use cases and background workers.

use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tocsin_mailer::{Mailer, Mode, Renderer};
use tocsin_storage::changes::{self, ChangeRow, FeedCursor};
use tocsin_storage::notifications::{NotificationView, Resend};
use tocsin_storage::{Backend, Db, StorageError, outbox, retention};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinHandle;

use crate::change::ChangeError;
use crate::idempotency::{Created, IdempotentRequest};
use crate::ingest::{
    self, AlertCache, Context, Ingest, IngestError, IngestReport, QueuePermit, RejectedRequest,
    Webhook,
};
use crate::message_ids::MessageIds;
use crate::outbox::{MailHealth, Worker};
use crate::retention::Retention;
use crate::timers::Timers;
use crate::{Actor, Clock, PipelineSettings, feed, projector, resend};

/// Time that workers have to finish on shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// Handle to the running pipeline. Cheap to clone; [`Pipeline::shutdown`] ends it.
#[derive(Clone)]
pub struct Pipeline {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    clock: Arc<dyn Clock>,
    ingest: Ingest,
    mode: Mode,
    feed: broadcast::Sender<Arc<ChangeRow>>,
    health: Arc<Mutex<MailHealth>>,
    context: Arc<Context>,
    /// Notified by changes that are not deliveries.
    changed: Arc<Notify>,
    stop_writers: Arc<Notify>,
    stop_others: Arc<Notify>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    others: Mutex<Vec<JoinHandle<()>>>,
}

impl Pipeline {
    /// Starts the writers, the outbox worker, the change feed, the projector, timers
    /// and retention.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn start(
        db: Db,
        mailer: Arc<dyn Mailer>,
        renderer: Renderer,
        clock: Arc<dyn Clock>,
        settings: PipelineSettings,
    ) -> Result<Self, StorageError> {
        let settings = Arc::new(settings);
        let committed = Arc::new(Notify::new());
        let outbox_wakeup = Arc::new(Notify::new());
        let changed = Arc::new(Notify::new());
        let recorded = Arc::new(Notify::new());
        let stop_writers = Arc::new(Notify::new());
        let stop_others = Arc::new(Notify::new());
        let health = Arc::new(Mutex::new(MailHealth::default()));
        let mode = mailer.mode();
        let instance = prepare(&db).await?;
        let context = Arc::new(Context {
            db: db.clone(),
            settings: Arc::clone(&settings),
            message_ids: MessageIds::new(&instance, &settings.from),
            instance,
            clock: Arc::clone(&clock),
            committed: Arc::clone(&committed),
            outbox_wakeup: Arc::clone(&outbox_wakeup),
            stop: Arc::clone(&stop_writers),
            last_failure_at: AtomicI64::new(0),
            alert_cache: Arc::new(AlertCache::new(settings.cache_entries)),
            routed: Arc::new(AtomicBool::new(false)),
        });
        let (ingest, writers) = ingest::spawn_writers(&context);
        let worker = Worker {
            db: db.clone(),
            mailer,
            renderer: Arc::new(renderer),
            settings: Arc::clone(&settings),
            clock: Arc::clone(&clock),
            health: Arc::clone(&health),
            due: outbox_wakeup,
            recorded: Arc::clone(&recorded),
            stop: Arc::clone(&stop_others),
        };
        let feed = feed::channel();
        let wake = vec![committed, Arc::clone(&changed), recorded];
        let reached = changes::latest(&db).await?;
        let retention = Retention::new(&context);
        let timers = Timers::new(&context, ingest.clone(), Arc::clone(&changed));
        let jobs = (retention, timers);
        let others = spawn_others(worker, feed.clone(), reached, wake, jobs, &clock);
        Ok(Self {
            shared: Arc::new(Shared {
                db,
                clock,
                ingest,
                mode,
                feed,
                health,
                context,
                changed,
                stop_writers,
                stop_others,
                writers: Mutex::new(writers),
                others: Mutex::new(others),
            }),
        })
    }

    /// Reserves queue space for a delivery that is about to be read.
    pub fn queue_permit(&self) -> QueuePermit {
        self.shared.ingest.permit()
    }

    /// Stores a delivery and returns after the commit.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn ingest(&self, webhook: Webhook) -> Result<IngestReport, IngestError> {
        self.shared.ingest.store(webhook).await
    }

    /// Records a request that was rejected before its body was parsed.
    ///
    /// # Errors
    /// See [`IngestError`]; never [`IngestError::Malformed`].
    pub async fn record_rejected(&self, refusal: RejectedRequest) -> Result<(), IngestError> {
        self.shared.ingest.reject(refusal).await
    }

    /// Resends a notification for `actor` as a new notification in the same thread. A
    /// retried request does not send it twice.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`]; [`ChangeError::InvalidState`] while the notification
    /// is waiting or being sent; [`ChangeError::KeyReused`].
    pub async fn resend(
        &self,
        actor: &Actor,
        idempotent: Option<&IdempotentRequest>,
        id: i64,
    ) -> Result<Created<NotificationView>, ChangeError> {
        let context = &self.shared.context;
        let message_id = context.message_ids.random("resend");
        let request = Resend {
            id,
            message_id: &message_id,
            now: self.now(),
        };
        let created = resend::resend(&self.shared.db, actor, idempotent, request).await?;
        context.committed.notify_waiters();
        context.outbox_wakeup.notify_waiters();
        Ok(created)
    }

    /// Call this after every change that was made outside this handle: it wakes the
    /// change feed and the outbox worker.
    pub fn changed(&self) {
        self.shared.changed.notify_waiters();
        self.shared.context.outbox_wakeup.notify_waiters();
    }

    /// Generator of message and thread IDs.
    pub fn message_ids(&self) -> &MessageIds {
        &self.shared.context.message_ids
    }

    /// Subscribes to changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<ChangeRow>> {
        self.shared.feed.subscribe()
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.shared.db
    }

    /// The alert cache. Code that changes incidents other than by ingest has to call
    /// [`AlertCache::forget`].
    pub fn alert_cache(&self) -> &AlertCache {
        &self.shared.context.alert_cache
    }

    /// Current time of the pipeline's clock.
    pub fn now(&self) -> tocsin_core::time::Timestamp {
        self.shared.clock.now()
    }

    /// Mode of the mailer.
    pub fn mail_mode(&self) -> Mode {
        self.shared.mode
    }

    /// State of the outbox worker.
    pub fn mail_health(&self) -> MailHealth {
        self.shared
            .health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Bytes in the ingest queue, and its capacity.
    pub fn queue_depth(&self) -> (usize, usize) {
        self.shared.ingest.depth()
    }

    /// Whether the most recent deliveries could not be stored. Probing the database
    /// with a small write is not enough: it may still fit on a disk that is full for
    /// deliveries.
    pub fn is_rejecting(&self) -> bool {
        self.shared.context.is_rejecting()
    }

    /// Whether all workers are running.
    pub fn is_alive(&self) -> bool {
        [&self.shared.writers, &self.shared.others]
            .into_iter()
            .all(|handles| {
                let handles = handles.lock().unwrap_or_else(PoisonError::into_inner);
                !handles.is_empty() && handles.iter().all(|handle| !handle.is_finished())
            })
    }

    /// Returns when a worker has panicked. Its work is no longer done, so the program
    /// exits and its supervisor restarts it.
    pub async fn died(&self) {
        const CHECK_EVERY: Duration = Duration::from_secs(1);
        while self.is_alive() {
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }

    /// Stores the queued deliveries, finishes the sends in progress, and stops the
    /// workers. Later deliveries are rejected with [`IngestError::Stopping`].
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        stop_workers(&shared.writers, &shared.stop_writers).await;
        stop_workers(&shared.others, &shared.stop_others).await;
    }
}

/// Prepares the database before the first delivery: its name, and on SQLite, which has
/// one program at a time, the release of all leases of the previous run.
async fn prepare(db: &Db) -> Result<String, StorageError> {
    let tx = db.begin().await?;
    let candidate = format!("{:016x}", rand::random::<u64>());
    let instance = retention::instance(&tx, &candidate).await?;
    if db.backend() == Backend::Sqlite {
        outbox::release_all(&tx).await?;
    }
    tx.commit().await?;
    Ok(instance)
}

/// Starts all workers but the writers. A separate function that is not `async`, so that
/// their code is compiled in this crate and not in the crate that starts the pipeline.
fn spawn_others(
    worker: Worker,
    feed: broadcast::Sender<Arc<ChangeRow>>,
    reached: Option<FeedCursor>,
    wake: Vec<Arc<Notify>>,
    (retention, timers): (Retention, Timers),
    clock: &Arc<dyn Clock>,
) -> Vec<JoinHandle<()>> {
    let db = worker.db.clone();
    let stop = Arc::clone(&worker.stop);
    vec![
        tokio::spawn(worker.run()),
        tokio::spawn(feed::run(
            db.clone(),
            feed,
            reached,
            wake,
            Arc::clone(&stop),
        )),
        tokio::spawn(retention.run(Arc::clone(&stop))),
        tokio::spawn(timers.run(Arc::clone(&stop))),
        tokio::spawn(projector::run(db, Arc::clone(clock), stop)),
    ]
}

async fn stop_workers(handles: &Mutex<Vec<JoinHandle<()>>>, stop: &Notify) {
    let handles = std::mem::take(&mut *handles.lock().unwrap_or_else(PoisonError::into_inner));
    let all = futures::future::join_all(handles);
    tokio::pin!(all);
    let deadline = tokio::time::sleep(SHUTDOWN_TIMEOUT);
    tokio::pin!(deadline);
    loop {
        // A busy worker misses a notification, so it is repeated.
        stop.notify_waiters();
        tokio::select! {
            _ = &mut all => return,
            () = &mut deadline => {
                tracing::warn!("workers did not finish in time");
                return;
            }
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
}
