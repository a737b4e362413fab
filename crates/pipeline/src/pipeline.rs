//! The whole of the use cases, as one handle.

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

/// How long the workers may take to finish what they have begun.
const DRAIN: Duration = Duration::from_secs(20);

/// The running use cases. Cheap to clone; ends with [`Pipeline::shutdown`].
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
    /// Woken by changes that are not deliveries.
    changed: Arc<Notify>,
    stop_writers: Arc<Notify>,
    stop_others: Arc<Notify>,
    writers: Mutex<Vec<JoinHandle<()>>>,
    others: Mutex<Vec<JoinHandle<()>>>,
}

impl Pipeline {
    /// Starts the writers, the outbox worker, the feed and retention.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn start(
        db: Db,
        mailer: Arc<dyn Mailer>,
        renderer: Renderer,
        clock: Arc<dyn Clock>,
        settings: PipelineSettings,
    ) -> Result<Self, StorageError> {
        let settings = Arc::new(settings);
        let committed = Arc::new(Notify::new());
        let owed = Arc::new(Notify::new());
        let changed = Arc::new(Notify::new());
        let settled = Arc::new(Notify::new());
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
            outbox_wakeup: Arc::clone(&owed),
            stop: Arc::clone(&stop_writers),
            turned_away: AtomicI64::new(0),
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
            due: owed,
            settled: Arc::clone(&settled),
            stop: Arc::clone(&stop_others),
        };
        let feed = feed::channel();
        let wake = vec![committed, Arc::clone(&changed), settled];
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

    /// Room in the queue for a delivery that is about to be read.
    pub fn queue_permit(&self) -> QueuePermit {
        self.shared.ingest.permit()
    }

    /// Stores a delivery; the answer comes when it is durable.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn ingest(&self, webhook: Webhook) -> Result<IngestReport, IngestError> {
        self.shared.ingest.store(webhook).await
    }

    /// Records a request that was refused before its body was looked at.
    ///
    /// # Errors
    /// See [`IngestError`]; never `Unreadable`.
    pub async fn record_rejected(&self, refusal: RejectedRequest) -> Result<(), IngestError> {
        self.shared.ingest.reject(refusal).await
    }

    /// Sends a mail again for `actor`, as a mail of its own in the same thread;
    /// once, however often the request is sent.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`]; [`ChangeError::NotNow`] while it is under way;
    /// [`ChangeError::KeyReused`].
    pub async fn resend(
        &self,
        actor: &Actor,
        once: Option<&IdempotentRequest>,
        id: i64,
    ) -> Result<Created<NotificationView>, ChangeError> {
        let context = &self.shared.context;
        let message_id = context.message_ids.random("resend");
        let wanted = Resend {
            id,
            message_id: &message_id,
            now: self.now(),
        };
        let made = resend::resend(&self.shared.db, actor, once, wanted).await?;
        context.committed.notify_waiters();
        context.outbox_wakeup.notify_waiters();
        Ok(made)
    }

    /// To be called after every change that was not made through this handle,
    /// so that the feed passes it on at once, and what it is notified of is sent.
    pub fn changed(&self) {
        self.shared.changed.notify_waiters();
        self.shared.context.outbox_wakeup.notify_waiters();
    }

    /// What messages are known by.
    pub fn message_ids(&self) -> &MessageIds {
        &self.shared.context.message_ids
    }

    /// Listens to what changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<ChangeRow>> {
        self.shared.feed.subscribe()
    }

    /// The database, for reading.
    pub fn db(&self) -> &Db {
        &self.shared.db
    }

    /// Where known alerts stand in memory. Whoever changes incidents otherwise
    /// than by ingest says so there.
    pub fn alert_cache(&self) -> &AlertCache {
        &self.shared.context.alert_cache
    }

    /// The present, by the clock that all of it runs on.
    pub fn now(&self) -> tocsin_core::time::Timestamp {
        self.shared.clock.now()
    }

    /// Where mail goes.
    pub fn mail_mode(&self) -> Mode {
        self.shared.mode
    }

    /// How mail is doing.
    pub fn mail_health(&self) -> MailHealth {
        self.shared
            .health
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Bytes that wait to be stored, and the most that may.
    pub fn queue_depth(&self) -> (usize, usize) {
        self.shared.ingest.depth()
    }

    /// Whether the last deliveries could not be stored, a moment ago: a small
    /// write may still fit on a disk that is full for them.
    pub fn is_rejecting(&self) -> bool {
        self.shared.context.is_rejecting()
    }

    /// Whether every worker is alive.
    pub fn is_alive(&self) -> bool {
        [&self.shared.writers, &self.shared.others]
            .into_iter()
            .all(|handles| {
                let handles = handles.lock().unwrap_or_else(PoisonError::into_inner);
                !handles.is_empty() && handles.iter().all(|handle| !handle.is_finished())
            })
    }

    /// Waits until a worker ends that should not: it has panicked. What it did is not
    /// done any more, so the program ends, for its supervisor to start it again.
    pub async fn died(&self) {
        const LOOK_EVERY: Duration = Duration::from_secs(1);
        while self.is_alive() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stores what was taken, finishes what is being sent, and ends. Whoever
    /// hands in more meanwhile is told [`IngestError::Stopping`].
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        end(&shared.writers, &shared.stop_writers).await;
        end(&shared.others, &shared.stop_others).await;
    }
}

/// What has to be in order before the first delivery: the database's name, and
/// on SQLite, which has one program at a time, the leases of the one before.
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

/// Starts all workers but the writers. Apart from [`Pipeline::start`] because it
/// is not `async`: so their code is compiled here and not in the crate that
/// starts the pipeline.
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

async fn end(handles: &Mutex<Vec<JoinHandle<()>>>, stop: &Notify) {
    let handles = std::mem::take(&mut *handles.lock().unwrap_or_else(PoisonError::into_inner));
    let all = futures::future::join_all(handles);
    tokio::pin!(all);
    let deadline = tokio::time::sleep(DRAIN);
    tokio::pin!(deadline);
    loop {
        // A worker that was busy when it was told listens again afterwards.
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
