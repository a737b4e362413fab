//! The door: what a caller hands in, and what it is told.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tocsin_core::parse::{self, ParseError};
use tocsin_core::routing::TestTarget;
use tocsin_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::IngestReport;
use super::prepared::PreparedDelivery;
use crate::Clock;

/// The queue is counted in units of this many bytes, because a semaphore
/// counts to 2^32 at most on small machines.
const UNIT: usize = 1024;

/// What a delivery takes up beside its body.
const OVERHEAD: usize = 1024;

/// A request to the webhook, from an authenticated sender.
#[derive(Debug)]
pub struct Webhook {
    /// The source that it is counted to.
    pub source: String,
    /// The body as it came.
    pub body: Bytes,
    /// What the body takes up, from [`Ingest::space`]; what is missing is taken
    /// when the delivery is handed in, and when it is known what becomes of it.
    pub space: QueuePermit,
    /// Who is notified of a test alert; `None` for all others, which are routed.
    pub target: Option<TestTarget>,
}

/// Room in the queue, taken piece by piece while a body arrives and given back
/// when the delivery is stored or dropped. So what is being read, parsed and
/// stored is bounded together, and a sender that only announces a large body
/// takes up nothing.
#[derive(Debug)]
pub struct QueuePermit {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    bytes: usize,
    /// The whole queue: a body larger than that passes when it is alone.
    most: usize,
}

impl QueuePermit {
    /// Sees to it that room for `bytes` is taken in all.
    fn cover(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.grow(bytes.saturating_sub(self.bytes))
    }

    /// Takes room for `bytes` more.
    ///
    /// # Errors
    /// [`IngestError::QueueFull`].
    pub fn grow(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let wanted = ((self.bytes + OVERHEAD) / UNIT).clamp(1, self.most);
        let held = self
            .taken
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = u32::try_from(wanted.saturating_sub(held)).unwrap_or(u32::MAX);
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.all)
            .try_acquire_many_owned(missing)
            .map_err(|_| IngestError::QueueFull)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

/// A request that cannot be read, to be shown to people.
#[derive(Clone, Debug)]
pub struct RejectedRequest {
    /// The source that it named.
    pub source: String,
    /// Why it was refused.
    pub reason: String,
    /// The body, where it can be kept.
    pub body: Option<Bytes>,
    /// The body's size, as far as it is known.
    pub body_bytes: usize,
}

/// Why a delivery was not stored. All but the first are worth trying again.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The body can never be read.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// More is waiting than may wait.
    #[error("the ingest queue is full")]
    QueueFull,
    /// The database cannot store it now.
    #[error("the database cannot store deliveries now")]
    Unavailable,
    /// The program is about to end.
    #[error("the program is stopping")]
    Stopping,
}

pub(super) struct Job {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Result<IngestReport, IngestError>>,
    /// Given back when the job is done.
    pub(super) _permit: QueuePermit,
}

pub(super) enum Work {
    Store(Box<PreparedDelivery>),
    Reject {
        received_at: Timestamp,
        refusal: RejectedRequest,
        raw: Option<Vec<u8>>,
    },
}

/// The door to ingest. Cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    jobs: mpsc::UnboundedSender<Job>,
    space: Arc<Semaphore>,
    capacity: usize,
    team_label: Arc<str>,
    /// Whether there are routes, which match labels.
    routed: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl Ingest {
    pub(super) fn new(
        jobs: mpsc::UnboundedSender<Job>,
        queue_bytes: usize,
        team_label: &str,
        routed: Arc<AtomicBool>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let capacity = (queue_bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS.min(1 << 31));
        Self {
            jobs,
            space: Arc::new(Semaphore::new(capacity)),
            capacity,
            team_label: team_label.into(),
            routed,
            clock,
        }
    }

    /// Stores a delivery; the answer comes when it is durable. A body that
    /// cannot be read is recorded as refused, and then answered as such.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn store(&self, webhook: Webhook) -> Result<IngestReport, IngestError> {
        let received_at = self.clock.now();
        let Webhook {
            source,
            body: raw,
            mut space,
            target,
        } = webhook;
        space.cover(raw.len())?;
        match parse::alertmanager(&raw, &self.team_label) {
            Ok(body) => {
                let mut incoming = PreparedDelivery::new(
                    received_at,
                    source,
                    body,
                    (compress(&raw), raw.len()),
                    self.routed.load(Ordering::Relaxed),
                );
                incoming.target = target;
                space.cover(incoming.weight())?;
                // It is kept compressed, and need not wait with it.
                drop(raw);
                self.submit(Work::Store(Box::new(incoming)), space).await
            }
            Err(error) => {
                let refusal = RejectedRequest {
                    source,
                    reason: error.to_string(),
                    body_bytes: raw.len(),
                    body: Some(raw),
                };
                // Recorded if that can be done now; the answer is the same.
                if let Err(failure) = self.record(received_at, refusal, space).await {
                    tracing::warn!(%failure, "a refused request was not recorded");
                }
                Err(error.into())
            }
        }
    }

    /// Records a request that was refused before its body was looked at.
    ///
    /// # Errors
    /// See [`IngestError`]; never `Unreadable`.
    pub async fn reject(&self, refusal: RejectedRequest) -> Result<(), IngestError> {
        let mut space = self.permit();
        space.grow(refusal.body.as_ref().map_or(0, Bytes::len))?;
        self.record(self.clock.now(), refusal, space).await
    }

    /// Room for a delivery, none of it taken yet.
    pub fn permit(&self) -> QueuePermit {
        QueuePermit {
            all: Arc::clone(&self.space),
            taken: None,
            bytes: 0,
            most: self.capacity,
        }
    }

    /// Bytes that wait, and the most that may.
    pub fn depth(&self) -> (usize, usize) {
        let waiting = self.capacity - self.space.available_permits().min(self.capacity);
        (waiting * UNIT, self.capacity * UNIT)
    }

    async fn record(
        &self,
        received_at: Timestamp,
        mut refusal: RejectedRequest,
        space: QueuePermit,
    ) -> Result<(), IngestError> {
        let raw = refusal
            .body
            .take()
            .filter(|body| !body.is_empty())
            .map(|body| compress(&body));
        self.submit(
            Work::Reject {
                received_at,
                refusal,
                raw,
            },
            space,
        )
        .await
        .map(drop)
    }

    async fn submit(&self, work: Work, space: QueuePermit) -> Result<IngestReport, IngestError> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            work,
            reply,
            _permit: space,
        };
        self.jobs.send(job).map_err(|_| IngestError::Stopping)?;
        answer.await.unwrap_or(Err(IngestError::Unavailable))
    }
}

thread_local! {
    /// Setting up a compressor costs more than compressing a small body.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> =
        RefCell::new(zstd::bulk::Compressor::new(1).ok());
}

/// Compresses a raw body with zstd, quickly.
fn compress(raw: &[u8]) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let compressed = compressor
            .as_mut()
            .and_then(|compressor| compressor.compress(raw).ok());
        // Compression into memory fails only for want of memory.
        compressed.unwrap_or_default()
    })
}
