//! The ingest queue: accepts webhook requests and returns the result of each.

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

/// The queue is measured in units of this many bytes: a semaphore counts to 2^32 at
/// most on 32-bit machines.
const UNIT: usize = 1024;

/// Bytes that a delivery takes in the queue in addition to its body.
const OVERHEAD: usize = 1024;

/// A webhook request from an authenticated sender.
#[derive(Debug)]
pub struct Webhook {
    /// Source of the alerts.
    pub source: String,
    /// Raw request body.
    pub body: Bytes,
    /// Queue space reserved while the body was read ([`Ingest::permit`]). It is
    /// extended when the delivery is queued and again after parsing.
    pub space: QueuePermit,
    /// Recipients of a test alert; `None` for all other alerts, which are routed.
    pub target: Option<TestTarget>,
}

/// Space in the queue, reserved piece by piece while a body arrives and released when
/// the delivery is stored or dropped. This bounds the memory of all bodies that are
/// read, parsed and stored at a time. A request that only announces a large body
/// reserves nothing.
#[derive(Debug)]
pub struct QueuePermit {
    semaphore: Arc<Semaphore>,
    reserved: Option<OwnedSemaphorePermit>,
    bytes: usize,
    /// Capacity of the queue. A body larger than that is accepted if the queue is
    /// empty.
    capacity: usize,
}

impl QueuePermit {
    /// Extends the reservation to `bytes` in total.
    fn cover(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.grow(bytes.saturating_sub(self.bytes))
    }

    /// Reserves `bytes` more.
    ///
    /// # Errors
    /// [`IngestError::QueueFull`].
    pub fn grow(&mut self, bytes: usize) -> Result<(), IngestError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let wanted = ((self.bytes + OVERHEAD) / UNIT).clamp(1, self.capacity);
        let held = self
            .reserved
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = u32::try_from(wanted.saturating_sub(held)).unwrap_or(u32::MAX);
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(&self.semaphore)
            .try_acquire_many_owned(missing)
            .map_err(|_| IngestError::QueueFull)?;
        match &mut self.reserved {
            Some(reserved) => reserved.merge(more),
            None => self.reserved = Some(more),
        }
        Ok(())
    }
}

/// A rejected request, as shown in the list of deliveries.
#[derive(Clone, Debug)]
pub struct RejectedRequest {
    /// Source in the request.
    pub source: String,
    /// Reason for the rejection.
    pub reason: String,
    /// Request body, if it was read.
    pub body: Option<Bytes>,
    /// Size of the body in bytes, as far as it was read.
    pub body_bytes: usize,
}

/// Reason why a delivery was not stored. All but the first are worth a retry.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The body cannot be parsed.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// The queue has no space left.
    #[error("the ingest queue is full")]
    QueueFull,
    /// The database cannot store the delivery now.
    #[error("the database cannot store deliveries now")]
    Unavailable,
    /// The program is shutting down.
    #[error("the program is stopping")]
    Stopping,
}

pub(super) struct Job {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Result<IngestReport, IngestError>>,
    /// Released when the job is done.
    pub(super) _permit: QueuePermit,
}

pub(super) enum Work {
    Store(Box<PreparedDelivery>),
    Reject {
        received_at: Timestamp,
        rejected: RejectedRequest,
        raw: Option<Vec<u8>>,
    },
}

/// Entrance to the ingest queue. Cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    jobs: mpsc::UnboundedSender<Job>,
    space: Arc<Semaphore>,
    capacity: usize,
    team_label: Arc<str>,
    /// Whether there are routes, which need the labels of alerts.
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

    /// Stores a delivery and returns after the commit. A body that cannot be parsed is
    /// recorded as rejected.
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
                let mut delivery = PreparedDelivery::new(
                    received_at,
                    source,
                    body,
                    (compress(&raw), raw.len()),
                    self.routed.load(Ordering::Relaxed),
                );
                delivery.target = target;
                space.cover(delivery.weight())?;
                // Only the compressed body is stored.
                drop(raw);
                self.submit(Work::Store(Box::new(delivery)), space).await
            }
            Err(error) => {
                let rejected = RejectedRequest {
                    source,
                    reason: error.to_string(),
                    body_bytes: raw.len(),
                    body: Some(raw),
                };
                // The caller gets the parse error even if the request cannot be
                // recorded.
                if let Err(failure) = self.record(received_at, rejected, space).await {
                    tracing::warn!(%failure, "a rejected request was not recorded");
                }
                Err(error.into())
            }
        }
    }

    /// Records a request that was rejected before its body was parsed.
    ///
    /// # Errors
    /// See [`IngestError`]; never [`IngestError::Malformed`].
    pub async fn reject(&self, rejected: RejectedRequest) -> Result<(), IngestError> {
        let mut space = self.permit();
        space.grow(rejected.body.as_ref().map_or(0, Bytes::len))?;
        self.record(self.clock.now(), rejected, space).await
    }

    /// An empty reservation for a delivery.
    pub fn permit(&self) -> QueuePermit {
        QueuePermit {
            semaphore: Arc::clone(&self.space),
            reserved: None,
            bytes: 0,
            capacity: self.capacity,
        }
    }

    /// Bytes in the queue, and its capacity.
    pub fn depth(&self) -> (usize, usize) {
        let waiting = self.capacity - self.space.available_permits().min(self.capacity);
        (waiting * UNIT, self.capacity * UNIT)
    }

    async fn record(
        &self,
        received_at: Timestamp,
        mut rejected: RejectedRequest,
        space: QueuePermit,
    ) -> Result<(), IngestError> {
        let raw = rejected
            .body
            .take()
            .filter(|body| !body.is_empty())
            .map(|body| compress(&body));
        self.submit(
            Work::Reject {
                received_at,
                rejected,
                raw,
            },
            space,
        )
        .await
        .map(drop)
    }

    async fn submit(&self, work: Work, space: QueuePermit) -> Result<IngestReport, IngestError> {
        let (reply, result) = oneshot::channel();
        let job = Job {
            work,
            reply,
            _permit: space,
        };
        self.jobs.send(job).map_err(|_| IngestError::Stopping)?;
        result.await.unwrap_or(Err(IngestError::Unavailable))
    }
}

thread_local! {
    /// Creating a compressor costs more than compressing a small body.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> =
        RefCell::new(zstd::bulk::Compressor::new(1).ok());
}

/// Compresses a raw body with zstd at its fastest level.
fn compress(raw: &[u8]) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let compressed = compressor
            .as_mut()
            .and_then(|compressor| compressor.compress(raw).ok());
        // Compression into memory fails only if memory runs out.
        compressed.unwrap_or_default()
    })
}
