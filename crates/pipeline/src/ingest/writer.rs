//! Writers: background tasks that store queued deliveries, each in batches of one
//! transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::ingest::NewDelivery;
use tocsin_storage::{Backend, Db, StorageError};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;

use super::alert_cache::AlertCache;
use super::batch::{WriterState, write_batch};
use super::prepared::PreparedDelivery;
use super::queue::{Job, Work};
use super::{Ingest, IngestError, IngestReport};
use crate::{Clock, MessageIds, PipelineSettings};

/// A batch is full at this many alerts: enough to share the cost of a transaction, few
/// enough to keep response times low.
const ALERTS_PER_BATCH: usize = 4_000;

/// Attempts for a batch that conflicts with another replica.
const MAX_ATTEMPTS: usize = 4;

/// State shared by all writers.
pub(crate) struct Context {
    pub(crate) db: Db,
    pub(crate) settings: Arc<PipelineSettings>,
    /// Name of this database, part of every Message-ID.
    pub(crate) instance: String,
    pub(crate) message_ids: MessageIds,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) alert_cache: Arc<AlertCache>,
    /// Whether there are routes, which need the labels of alerts.
    pub(crate) routed: Arc<AtomicBool>,
    /// Notified after each commit, which may add to the change feed.
    pub(crate) committed: Arc<Notify>,
    /// Notified after a commit that queues notifications.
    pub(crate) outbox_wakeup: Arc<Notify>,
    /// Notified when the writers have to drain and close the queue.
    pub(crate) stop: Arc<Notify>,
    /// Time of the last failure to store deliveries (microseconds); 0 after a success.
    pub(crate) last_failure_at: AtomicI64,
}

impl Context {
    /// Whether deliveries were rejected recently and none was stored since. The state
    /// expires, because a load balancer may send nothing more to a rejecting replica,
    /// which would keep it forever.
    pub(crate) fn is_rejecting(&self) -> bool {
        const EXPIRES_AFTER: Duration = Duration::from_secs(10);
        let at = Timestamp::from_micros(self.last_failure_at.load(Ordering::Relaxed));
        at.as_micros() != 0 && self.clock.now().since(at) < EXPIRES_AFTER
    }

    fn update_health(&self, result: &Result<Vec<IngestReport>, StorageError>) {
        match result {
            Ok(_) => self.last_failure_at.store(0, Ordering::Relaxed),
            Err(error) if error.is_transient() => {
                let now = self.clock.now().as_micros();
                self.last_failure_at.store(now, Ordering::Relaxed);
            }
            // Caused by the delivery itself.
            Err(_) => {}
        }
    }
}

type Jobs = Arc<Mutex<mpsc::UnboundedReceiver<Job>>>;

/// Starts the writers and returns the entrance to their queue. SQLite allows one writer
/// at a time; PostgreSQL syncs several transactions at once.
pub(crate) fn spawn_writers(context: &Arc<Context>) -> (Ingest, Vec<JoinHandle<()>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let jobs: Jobs = Arc::new(Mutex::new(receiver));
    let writers = match context.db.backend() {
        Backend::Sqlite => 1,
        Backend::Postgres => context.settings.writers.max(1),
    };
    let handles = (0..writers)
        .map(|_| tokio::spawn(write_all(Arc::clone(context), Arc::clone(&jobs))))
        .collect();
    let settings = &context.settings;
    let ingest = Ingest::new(
        sender,
        settings.queue_bytes,
        &settings.team_label,
        Arc::clone(&context.routed),
        Arc::clone(&context.clock),
    );
    (ingest, handles)
}

async fn write_all(context: Arc<Context>, jobs: Jobs) {
    let mut writer = WriterState::default();
    while let Some(batch) = next_batch(&context, &jobs).await {
        write(&context, &mut writer, batch).await;
        context.committed.notify_waiters();
    }
}

/// Waits for a job, then adds the jobs queued behind it. `None` once the queue is
/// closed and empty.
async fn next_batch(context: &Context, jobs: &Jobs) -> Option<Vec<Job>> {
    let mut jobs = jobs.lock().await;
    let first = loop {
        // Registered before the queue is read, so that a stop signal in between is not
        // missed.
        let stopped = context.stop.notified();
        tokio::select! {
            biased;
            job = jobs.recv() => break job?,
            () = stopped => jobs.close(),
        }
    };
    let mut alerts = first.alerts();
    let mut batch = vec![first];
    while alerts < ALERTS_PER_BATCH {
        let Ok(job) = jobs.try_recv() else { break };
        alerts += job.alerts();
        batch.push(job);
    }
    Some(batch)
}

impl Job {
    fn alerts(&self) -> usize {
        match &self.work {
            // A delivery without alerts still costs a row.
            Work::Store(delivery) => delivery.alerts.len().max(1),
            Work::Reject { .. } => 1,
        }
    }
}

async fn write(context: &Context, writer: &mut WriterState, batch: Vec<Job>) {
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut replies = Vec::with_capacity(batch.len());
    for job in batch {
        // The caller no longer waits for the result.
        if job.reply.is_closed() {
            continue;
        }
        match job.work {
            Work::Store(delivery) => {
                deliveries.push(*delivery);
                replies.push((job.reply, job._permit));
            }
            Work::Reject {
                received_at,
                rejected,
                raw,
            } => {
                let row = NewDelivery {
                    received_at,
                    source: rejected.source,
                    reject_reason: Some(rejected.reason),
                    body_bytes: rejected.body_bytes,
                    body: raw,
                    ..NewDelivery::default()
                };
                let result = writer.record_rejected(context, row).await;
                let result = result.map(|()| IngestReport::default());
                let _ = job
                    .reply
                    .send(result.map_err(|error| failed(context, &error, 1)));
            }
        }
    }
    let results = store_batch_or_split(context, writer, &deliveries).await;
    for ((reply, _permit), result) in replies.into_iter().zip(results) {
        // A caller that disconnected gets no result. Its sender retries, and the alerts
        // then count as duplicates.
        let _ = reply.send(result);
    }
}

/// Stores the batch in one transaction. If that fails because of one delivery, stores
/// each on its own, so that the others are not affected.
async fn store_batch_or_split(
    context: &Context,
    writer: &mut WriterState,
    batch: &[PreparedDelivery],
) -> Vec<Result<IngestReport, IngestError>> {
    if batch.is_empty() {
        return Vec::new();
    }
    let result = store_retrying(context, writer, batch).await;
    context.update_health(&result);
    match result {
        Ok(reports) => reports.into_iter().map(Ok).collect(),
        Err(error) if batch.len() == 1 || error.is_transient() => {
            failed(context, &error, batch.len());
            batch
                .iter()
                .map(|_| Err(IngestError::Unavailable))
                .collect()
        }
        Err(error) => {
            tracing::warn!(%error, deliveries = batch.len(), "storing a batch one by one");
            let mut results = Vec::with_capacity(batch.len());
            for delivery in batch {
                let result = store_retrying(context, writer, std::slice::from_ref(delivery)).await;
                let result = result.map(|mut reports| reports.pop().unwrap_or_default());
                results.push(result.map_err(|error| failed(context, &error, 1)));
            }
            results
        }
    }
}

/// Logs once why deliveries could not be stored.
fn failed(context: &Context, error: &StorageError, deliveries: usize) -> IngestError {
    context.db.note(error);
    tracing::error!(%error, deliveries, "deliveries could not be stored");
    IngestError::Unavailable
}

async fn store_retrying(
    context: &Context,
    writer: &mut WriterState,
    batch: &[PreparedDelivery],
) -> Result<Vec<IngestReport>, StorageError> {
    let mut attempts = 1;
    loop {
        match store_once(context, writer, batch).await {
            Err(
                StorageError::Contended(_) | StorageError::Conflict(_) | StorageError::Stale(_),
            ) if attempts < MAX_ATTEMPTS && context.db.backend() == Backend::Postgres => {
                attempts += 1;
            }
            result => return result,
        }
    }
}

async fn store_once(
    context: &Context,
    writer: &mut WriterState,
    batch: &[PreparedDelivery],
) -> Result<Vec<IngestReport>, StorageError> {
    let tx = context.db.begin().await?;
    // Held until the commit, so that the cache changes with the database or not at all.
    let mut cache = match context.db.backend() {
        Backend::Sqlite => Some(context.alert_cache.lock().await),
        Backend::Postgres => None,
    };
    let mut written = write_batch(context, writer, &tx, batch, cache.as_mut()).await?;
    tx.commit().await?;
    writer.committed(&mut written);
    if written.has_notifications {
        context.outbox_wakeup.notify_waiters();
    }
    match &mut cache {
        Some(cache) => written.state.update_cache(cache, true),
        None => {
            let cache = &mut *context.alert_cache.lock().await;
            written.state.update_cache(cache, false);
        }
    }
    Ok(written.reports)
}
