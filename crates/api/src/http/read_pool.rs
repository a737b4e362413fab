//! Thread pool for reads, separate from the request threads.
//!
//! A search can take seconds of CPU time: regular expressions over thousands of labels,
//! statistics over millions of log entries. On a request thread it would delay the deliveries
//! on the connections of that thread. The pool has a few threads of lower priority, and bounds
//! the number and the duration of reads.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures::future::BoxFuture;
use tocsin_storage::{Db, ReadBudget};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::export;
use super::problem::{ApiError, ProblemKind};
use super::state::AppState;

/// Maximum time that a request waits for a slot.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Niceness of the threads. Under full load they get about a tenth of the CPU time of
/// ingest.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Database connections that are not available to the pool.
const RESERVED_CONNECTIONS: usize = 2;

/// The threads, and the slots for concurrent reads.
pub(crate) struct ReadPool {
    /// `None` only during the drop.
    runtime: Option<Runtime>,
    slots: Arc<Semaphore>,
}

impl ReadPool {
    /// Starts the threads. `connections` is the number of database connections for reads, of
    /// which some are reserved for other reads, such as the lookup of a token.
    ///
    /// # Errors
    /// Fails if the threads cannot be started.
    pub(crate) fn start(connections: u32) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let reserved = export::MAX_CONCURRENT + RESERVED_CONNECTIONS;
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        let slots = (2 * cores)
            .max(4)
            .min(connections.saturating_sub(reserved))
            .max(1);
        let runtime = Builder::new_multi_thread()
            .thread_name("read")
            // One thread is always free to poll database connections, which tasks outside
            // the pool may wait for.
            .worker_threads(slots + export::MAX_CONCURRENT + 1)
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
            slots: Arc::new(Semaphore::new(slots)),
        })
    }

    /// Runs work whose concurrency is limited elsewhere.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// Runs `work` as soon as a slot is free.
    ///
    /// # Errors
    /// The error of `work`; [`ProblemKind::Unavailable`] if no slot becomes free in time.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: BoxFuture<'static, Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        self.run_within(MAX_WAIT, work).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        max_wait: Duration,
        work: BoxFuture<'static, Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let slot = timeout(max_wait, Arc::clone(&self.slots).acquire_owned());
        let (Ok(Ok(slot)), Some(runtime)) = (slot.await, &self.runtime) else {
            return Err(ApiError::new(
                ProblemKind::Unavailable,
                "Too many searches are running. Try again in a moment.",
            ));
        };
        let work = runtime.spawn(async move {
            let _slot = slot;
            work.await
        });
        // The join fails only after a panic, which is logged.
        work.await
            .unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        // Dropping a runtime blocks until its threads end, which an async task must not do.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of the calling thread, if the platform supports it.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

/// Guard that marks a request as canceled when dropped. The middleware holds it until the
/// response is complete or the client disconnects.
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    pub(crate) fn begin(request: &impl HttpMessage) -> Self {
        let is_canceled = Arc::new(AtomicBool::new(false));
        request
            .extensions_mut()
            .insert(Canceled(Arc::clone(&is_canceled)));
        Self(is_canceled)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Canceled(Arc<AtomicBool>);

/// Extractor with which handlers run potentially expensive reads.
pub(crate) struct Reader {
    state: Data<AppState>,
    is_canceled: Arc<AtomicBool>,
}

impl Reader {
    /// Runs `read` in the pool, within the read budget of a request.
    ///
    /// # Errors
    /// The error of `read`; [`ProblemKind::Unavailable`] if no slot becomes free in time.
    pub(crate) async fn read<T, F>(&self, read: impl FnOnce(Db) -> F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let budget = ReadBudget::new(ReadBudget::TIME, Arc::clone(&self.is_canceled));
        let work = Box::pin(read(self.state.db.within(budget)));
        self.state.read_pool.run(work).await
    }
}

impl FromRequest for Reader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<AppState>>().cloned();
        let canceled = request.extensions().get::<Canceled>().cloned();
        let (Some(state), Some(Canceled(is_canceled))) = (state, canceled) else {
            // The middleware handles every request.
            let detail = "The request did not pass the middleware.";
            return ready(Err(ApiError::new(ProblemKind::Internal, detail)));
        };
        ready(Ok(Self { state, is_canceled }))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn read_without_a_free_slot_is_rejected() {
        let pool = Arc::new(ReadPool::start(8).unwrap());
        let slots = pool.slots.available_permits();
        let (stops, running): (Vec<_>, Vec<_>) = (0..slots)
            .map(|_| {
                let (stop, stopped) = oneshot::channel::<()>();
                let pool = Arc::clone(&pool);
                let work = Box::pin(async move { Ok(stopped.await.is_ok()) });
                let run = tokio::spawn(async move { pool.run(work).await });
                (stop, run)
            })
            .unzip();
        while pool.slots.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let full = pool.run_within(Duration::from_millis(1), Box::pin(async { Ok(()) }));
        assert!(full.await.unwrap_err().is(ProblemKind::Unavailable));
        for stop in stops {
            stop.send(()).unwrap();
        }
        for run in running {
            assert!(run.await.unwrap().unwrap());
        }
        let free = pool.run(Box::pin(async { Ok(7) }));
        assert_eq!(free.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn panic_frees_the_slot() {
        let pool = ReadPool::start(8).unwrap();
        let slots = pool.slots.available_permits();
        let work = Box::pin(async { panic!("on purpose") });
        let result: Result<(), ApiError> = pool.run(work).await;
        assert!(result.unwrap_err().is(ProblemKind::Internal));
        assert_eq!(pool.slots.available_permits(), slots);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn reads_have_a_lower_priority() {
        let pool = ReadPool::start(8).unwrap();
        let work = Box::pin(async { Ok(rustix::process::nice(0).ok()) });
        let niceness = pool.run(work).await.unwrap();
        let own = rustix::process::nice(0).ok();
        // 19 is the maximum niceness.
        assert!(
            niceness > own || own == Some(19),
            "{niceness:?} and {own:?}"
        );
    }
}
