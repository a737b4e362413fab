//! Waiting for what happens by itself.

use std::future::Future;
use std::time::{Duration, Instant};

/// Long enough for a loaded machine; what is right is there much sooner.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `condition` answers something, and returns that.
///
/// # Panics
/// It never does; the message says `what` was waited for.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    condition: impl FnMut() -> F,
) -> T {
    eventually_within(PATIENCE, what, condition).await
}

/// As [`eventually`], for what may take so long by design.
///
/// # Panics
/// It takes longer.
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
            "waited {patience:?} in vain for: {what}"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks until `condition` holds.
///
/// # Panics
/// It never does.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    eventually(what, || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
    .await;
}
