//! Limit on the reads of one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::StorageError;

/// A request that takes longer is slow. A page of a list takes some milliseconds.
const SLOW_AFTER: Duration = Duration::from_millis(200);

/// Runs the statements of slow requests one at a time for every two cores, in turn, so
/// that they leave the others to ingest and to quick requests. Lowering the priority of
/// our own threads is not enough: the statements run in PostgreSQL's processes, and in
/// threads that the driver starts for SQLite.
#[derive(Clone, Debug)]
pub(crate) struct SlowLane(Arc<Semaphore>);

impl Default for SlowLane {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new((cores / 2).max(1))))
    }
}

impl SlowLane {
    /// Waits for the turn of a slow request; the statement runs while the permit is held.
    /// `None` for a quick one, which does not wait.
    pub(crate) async fn turn(&self, budget: Option<&ReadBudget>) -> Option<OwnedSemaphorePermit> {
        if budget.is_none_or(|budget| Instant::now() < budget.slow_from) {
            return None;
        }
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// Stops a request between two statements, when its time is up or the client has
/// disconnected. A running statement is allowed to finish, because dropping it halfway
/// can break its connection; PostgreSQL cancels it after [`ReadBudget::TIME`].
#[derive(Clone, Debug)]
pub struct ReadBudget {
    /// From then on the request is slow.
    slow_from: Instant,
    until: Instant,
    is_canceled: Arc<AtomicBool>,
}

impl ReadBudget {
    /// The time limit of one request. A page takes a few milliseconds; only statistics of a
    /// user with restricted visibility over millions of log entries need most of it.
    pub const TIME: Duration = Duration::from_secs(30);

    /// Creates a budget that ends after `time`, or when `is_canceled` becomes true.
    pub fn new(time: Duration, is_canceled: Arc<AtomicBool>) -> Self {
        Self {
            slow_from: Instant::now() + SLOW_AFTER,
            until: Instant::now() + time,
            is_canceled,
        }
    }

    /// # Errors
    /// [`StorageError::Canceled`] or [`StorageError::OverBudget`].
    pub(crate) fn check(&self) -> Result<(), StorageError> {
        if self.is_canceled.load(Ordering::Relaxed) {
            return Err(StorageError::Canceled);
        }
        match Instant::now() < self.until {
            true => Ok(()),
            false => Err(StorageError::OverBudget),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Whether the turn comes at once.
    fn is_immediate(lane: &SlowLane, budget: Option<&ReadBudget>) -> bool {
        let turn = pin!(lane.turn(budget)).poll(&mut Context::from_waker(Waker::noop()));
        matches!(turn, Poll::Ready(_))
    }

    #[tokio::test]
    async fn slow_requests_take_turns_and_quick_ones_do_not_wait() {
        let lane = SlowLane(Arc::new(Semaphore::new(1)));
        let quick = ReadBudget::new(ReadBudget::TIME, Arc::default());
        let slow = ReadBudget {
            slow_from: Instant::now(),
            ..quick.clone()
        };
        let turn = lane.turn(Some(&slow)).await;
        assert!(turn.is_some());
        assert!(!is_immediate(&lane, Some(&slow)));
        assert!(is_immediate(&lane, Some(&quick)));
        assert!(is_immediate(&lane, None), "ingest has no budget");
        drop(turn);
        assert!(is_immediate(&lane, Some(&slow)));
    }
}
