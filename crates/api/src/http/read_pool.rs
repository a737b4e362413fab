//! Threads for what people read, apart from those that answer requests.
//!
//! A search may cost seconds of a processor: regular expressions over thousands of
//! labels, statistics over millions of log entries. On a request thread it would hold up
//! the deliveries whose connections belong to that thread. Here it runs on a few threads
//! of lower priority, with a bound on how many run at once and how long each may take.

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

/// How long a request waits for one of the places.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much these threads stand behind the others where there is not enough processor for
/// all: they get about a tenth of what ingest wants.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Connections of the database that nobody in the pool takes.
const CONNECTIONS_OF_OTHERS: usize = 2;

/// The threads, and the places of those who may use them.
pub(crate) struct ReadPool {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    places: Arc<Semaphore>,
}

impl ReadPool {
    /// Starts the threads. `connections` is how many the database has for reading: some
    /// are left to those who are not here, such as the look-up of a sender's token.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub(crate) fn start(connections: u32) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let others = export::AT_ONCE + CONNECTIONS_OF_OTHERS;
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        let places = (2 * cores)
            .max(4)
            .min(connections.saturating_sub(others))
            .max(1);
        let runtime = Builder::new_multi_thread()
            .thread_name("read")
            // One is always free to see that a connection of the database has an answer:
            // others than readers may wait for it, too.
            .worker_threads(places + export::AT_ONCE + 1)
            .on_thread_start(stand_behind)
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
            places: Arc::new(Semaphore::new(places)),
        })
    }

    /// Runs something that has a bound of its own on how many there are.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// Runs one of the pool's works.
    ///
    /// # Errors
    /// What `work` answers; [`Kind::Unavailable`] where too many run already.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: BoxFuture<'static, Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        self.run_within(PATIENCE, work).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        patience: Duration,
        work: BoxFuture<'static, Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let place = timeout(patience, Arc::clone(&self.places).acquire_owned());
        let (Ok(Ok(place)), Some(runtime)) = (place.await, &self.runtime) else {
            return Err(ApiError::new(
                ProblemKind::Unavailable,
                "Too many searches are running; try again in a moment.",
            ));
        };
        let work = runtime.spawn(async move {
            let _place = place;
            work.await
        });
        // It ends without an answer only by a panic, which is logged.
        work.await
            .unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }
}

impl Drop for ReadPool {
    fn drop(&mut self) {
        // Dropping it as it is would wait for its threads, which an async task must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of the calling thread. Where that is not possible, all are alike.
fn stand_behind() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICENESS);
}

/// Whether the client still waits for the answer of a request. `edge` puts one into each
/// request and drops its own when the answer is there, or the client has gone.
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

/// What a handler reads with that may be asked for much.
pub(crate) struct Reader {
    state: Data<AppState>,
    is_canceled: Arc<AtomicBool>,
}

impl Reader {
    /// Reads in the pool, within the budget of a request.
    ///
    /// # Errors
    /// What `read` answers; [`Kind::Unavailable`] where too many read already.
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
            // `edge` leaves none out.
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
    async fn who_finds_no_place_in_time_is_told_to_come_again() {
        let pool = Arc::new(ReadPool::start(8).unwrap());
        let places = pool.places.available_permits();
        let (stops, running): (Vec<_>, Vec<_>) = (0..places)
            .map(|_| {
                let (stop, stopped) = oneshot::channel::<()>();
                let pool = Arc::clone(&pool);
                let work = Box::pin(async move { Ok(stopped.await.is_ok()) });
                let run = tokio::spawn(async move { pool.run(work).await });
                (stop, run)
            })
            .unzip();
        while pool.places.available_permits() > 0 {
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
    async fn a_panic_frees_the_place() {
        let pool = ReadPool::start(8).unwrap();
        let places = pool.places.available_permits();
        let work = Box::pin(async { panic!("on purpose") });
        let answer: Result<(), ApiError> = pool.run(work).await;
        assert!(answer.unwrap_err().is(ProblemKind::Internal));
        assert_eq!(pool.places.available_permits(), places);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn readers_stand_behind_all_others() {
        let pool = ReadPool::start(8).unwrap();
        let work = Box::pin(async { Ok(rustix::process::nice(0).ok()) });
        let niceness = pool.run(work).await.unwrap();
        let own = rustix::process::nice(0).ok();
        // 19 is the least that there is.
        assert!(
            niceness > own || own == Some(19),
            "{niceness:?} and {own:?}"
        );
    }
}
