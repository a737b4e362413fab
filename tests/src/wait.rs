//! Waiting for asynchronous results.

use std::future::Future;
use std::time::{Duration, Instant};

/// Time limit, long enough for a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Time between two polls.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Polls until `condition` returns a value, and returns it.
///
/// # Panics
/// On a timeout; the message contains `what`.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    condition: impl FnMut() -> F,
) -> T {
    eventually_within(PATIENCE, what, condition).await
}

/// Same as [`eventually`], with another time limit.
///
/// # Panics
/// On a timeout.
pub async fn eventually_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            began.elapsed() < patience,
            "timed out after {patience:?} waiting for: {what}"
        );
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Polls until `condition` holds.
///
/// # Panics
/// On a timeout.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    eventually(what, || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
    .await;
}
