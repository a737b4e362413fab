//! The writers: each takes all that waits into one transaction.

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

/// A transaction takes deliveries until it holds this many alerts: enough to
/// share its cost, few enough to keep everybody's answer quick.
const ALERTS_PER_BATCH: usize = 4_000;

/// How often a batch is tried again that lost a race with another replica.
const TRIES: usize = 4;

/// What the writers share.
pub(crate) struct Context {
    pub(crate) db: Db,
    pub(crate) settings: Arc<PipelineSettings>,
    /// This database's name, part of every Message-ID.
    pub(crate) instance: String,
    pub(crate) message_ids: MessageIds,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where the known alerts stand.
    pub(crate) alert_cache: Arc<AlertCache>,
    /// Whether there are routes, which match labels.
    pub(crate) routed: Arc<AtomicBool>,
    /// Woken after each commit: the feed has grown.
    pub(crate) committed: Arc<Notify>,
    /// Woken after a commit that owes mail.
    pub(crate) outbox_wakeup: Arc<Notify>,
    /// Woken when the queue is to be worked off and closed.
    pub(crate) stop: Arc<Notify>,
    /// When deliveries could not be stored (microseconds); 0 once one was.
    pub(crate) turned_away: AtomicI64,
}

impl Context {
    /// Whether deliveries were turned away a moment ago, and none was stored
    /// since. It is forgotten after a while, because a balancer that sends
    /// nothing more would keep it so for ever.
    pub(crate) fn is_rejecting(&self) -> bool {
        const REMEMBERED: Duration = Duration::from_secs(10);
        let at = Timestamp::from_micros(self.turned_away.load(Ordering::Relaxed));
        at.as_micros() != 0 && self.clock.now().since(at) < REMEMBERED
    }

    fn note(&self, result: &Result<Vec<IngestReport>, StorageError>) {
        match result {
            Ok(_) => self.turned_away.store(0, Ordering::Relaxed),
            Err(error) if error.is_transient() => {
                let now = self.clock.now().as_micros();
                self.turned_away.store(now, Ordering::Relaxed);
            }
            // The delivery's own fault.
            Err(_) => {}
        }
    }
}

type Jobs = Arc<Mutex<mpsc::UnboundedReceiver<Job>>>;

/// Starts the writers and opens the door to them. SQLite has one writer at a
/// time anyway; PostgreSQL syncs several transactions at once.
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
    let mut scribe = WriterState::default();
    while let Some(batch) = next_batch(&context, &jobs).await {
        write(&context, &mut scribe, batch).await;
        context.committed.notify_waiters();
    }
}

/// Waits for a job, then takes what else has come. `None` once the queue is
/// closed and empty.
async fn next_batch(context: &Context, jobs: &Jobs) -> Option<Vec<Job>> {
    let mut jobs = jobs.lock().await;
    let first = loop {
        // Registered before looking, so that a stop meanwhile is not missed.
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
            Work::Store(incoming) => incoming.alerts.len().max(1),
            Work::Reject { .. } => 1,
        }
    }
}

async fn write(context: &Context, scribe: &mut WriterState, batch: Vec<Job>) {
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut replies = Vec::with_capacity(batch.len());
    for job in batch {
        // Whoever handed it in was told meanwhile that it cannot be stored.
        if job.reply.is_closed() {
            continue;
        }
        match job.work {
            Work::Store(incoming) => {
                deliveries.push(*incoming);
                replies.push((job.reply, job._permit));
            }
            Work::Reject {
                received_at,
                refusal,
                raw,
            } => {
                let refused = NewDelivery {
                    received_at,
                    source: refusal.source,
                    reject_reason: Some(refusal.reason),
                    body_bytes: refusal.body_bytes,
                    body: raw,
                    ..NewDelivery::default()
                };
                let done = scribe.record_rejected(context, refused).await;
                let done = done.map(|()| IngestReport::default());
                let _gone = job
                    .reply
                    .send(done.map_err(|error| failed(context, &error, 1)));
            }
        }
    }
    let results = store_batch_or_split(context, scribe, &deliveries).await;
    for ((reply, _space), result) in replies.into_iter().zip(results) {
        // A caller that has gone away meanwhile is not told; its sender comes
        // again, and is then only seen again.
        let _gone = reply.send(result);
    }
}

/// Stores the batch as one transaction; where that fails for a reason that
/// lies in one delivery, each on its own, so that the others do not suffer
/// (rule 7).
async fn store_batch_or_split(
    context: &Context,
    scribe: &mut WriterState,
    batch: &[PreparedDelivery],
) -> Vec<Result<IngestReport, IngestError>> {
    if batch.is_empty() {
        return Vec::new();
    }
    let result = store_retrying(context, scribe, batch).await;
    context.note(&result);
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
                let alone = store_retrying(context, scribe, std::slice::from_ref(delivery)).await;
                let alone = alone.map(|mut reports| reports.pop().unwrap_or_default());
                results.push(alone.map_err(|error| failed(context, &error, 1)));
            }
            results
        }
    }
}

/// Says once in the log why deliveries could not be stored.
fn failed(context: &Context, error: &StorageError, deliveries: usize) -> IngestError {
    context.db.note(error);
    tracing::error!(%error, deliveries, "deliveries could not be stored");
    IngestError::Unavailable
}

async fn store_retrying(
    context: &Context,
    scribe: &mut WriterState,
    batch: &[PreparedDelivery],
) -> Result<Vec<IngestReport>, StorageError> {
    let mut tries = 1;
    loop {
        match store_once(context, scribe, batch).await {
            Err(
                StorageError::Contended(_) | StorageError::Conflict(_) | StorageError::Stale(_),
            ) if tries < TRIES && context.db.backend() == Backend::Postgres => {
                tries += 1;
            }
            result => return result,
        }
    }
}

async fn store_once(
    context: &Context,
    scribe: &mut WriterState,
    batch: &[PreparedDelivery],
) -> Result<Vec<IngestReport>, StorageError> {
    let tx = context.db.begin().await?;
    // Until this is given back nobody else touches it, so that it changes with
    // the database or not at all.
    let mut kept = match context.db.backend() {
        Backend::Sqlite => Some(context.alert_cache.lock().await),
        Backend::Postgres => None,
    };
    let mut stored = write_batch(context, scribe, &tx, batch, kept.as_mut()).await?;
    tx.commit().await?;
    scribe.committed(&mut stored);
    if stored.has_notifications {
        context.outbox_wakeup.notify_waiters();
    }
    match &mut kept {
        Some(kept) => stored.state.keep(kept, true),
        None => {
            let kept = &mut *context.alert_cache.lock().await;
            stored.state.keep(kept, false);
        }
    }
    Ok(stored.reports)
}
