//! Limits on concurrent event streams, in total and for each user or token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tocsin_storage::enums::ActorKind;

use super::caller::Caller;
use super::problem::{ApiError, ProblemKind};

/// Minimum limit for one user or token. The limit is a fifth of the total.
const MIN_PER_CALLER: usize = 20;

/// `Retry-After` for callers at their limit.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Key of a user or token.
type CallerKey = (ActorKind, Option<i64>, String);

/// Open event streams by user or token.
#[derive(Debug)]
pub(crate) struct StreamLimits {
    max: usize,
    open: Mutex<HashMap<CallerKey, usize>>,
}

/// Permit for one event stream, released when dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    limits: Arc<StreamLimits>,
    key: CallerKey,
}

impl StreamLimits {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            open: Mutex::default(),
        })
    }

    /// Number of open streams.
    pub(crate) fn count(&self) -> usize {
        self.lock().values().sum()
    }

    /// Acquires a permit.
    ///
    /// # Errors
    /// [`ProblemKind::TooManyRequests`] if the caller has reached its limit,
    /// [`ProblemKind::Unavailable`] if the total limit is reached.
    pub(crate) fn acquire(self: &Arc<Self>, caller: &Caller) -> Result<StreamPermit, ApiError> {
        let actor = &caller.actor;
        let key = (actor.kind, actor.id, actor.name.clone());
        let limit = (self.max / 5).max(MIN_PER_CALLER);
        let mut open = self.lock();
        if open.values().sum::<usize>() >= self.max {
            let max = self.max;
            return Err(ApiError::new(
                ProblemKind::Unavailable,
                format!("Too many event streams: at most {max} (server.max_event_streams)."),
            ));
        }
        let own = open.entry(key.clone()).or_default();
        if *own >= limit {
            return Err(ApiError::too_many(
                format!("Too many event streams: at most {limit} per user or token."),
                RETRY_AFTER,
            ));
        }
        *own += 1;
        drop(open);
        Ok(StreamPermit {
            limits: Arc::clone(self),
            key,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallerKey, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.limits.lock();
        if let Some(own) = open.get_mut(&self.key) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(id: i64) -> Caller {
        let mut caller = Caller::anonymous(None);
        caller.actor.id = Some(id);
        caller
    }

    #[test]
    fn one_caller_cannot_use_all_streams() {
        let limits = StreamLimits::new(110);
        let of_one: Vec<_> = (0..22)
            .map(|_| limits.acquire(&caller(1)).unwrap())
            .collect();
        let rejected = limits.acquire(&caller(1)).unwrap_err();
        assert!(rejected.is(ProblemKind::TooManyRequests));
        let of_others: Vec<_> = (2..90)
            .map(|id| limits.acquire(&caller(id)).unwrap())
            .collect();
        assert_eq!(limits.count(), 110);
        let rejected = limits.acquire(&caller(90)).unwrap_err();
        assert!(rejected.is(ProblemKind::Unavailable));
        drop(of_one);
        assert!(limits.acquire(&caller(1)).is_ok());
        drop(of_others);
        assert_eq!(limits.count(), 0);
    }

    #[test]
    fn small_totals_are_not_divided() {
        let limits = StreamLimits::new(2);
        let permits = [limits.acquire(&caller(1)), limits.acquire(&caller(1))];
        assert!(permits.iter().all(Result::is_ok));
        assert!(
            limits
                .acquire(&caller(1))
                .is_err_and(|e| e.is(ProblemKind::Unavailable))
        );
    }
}
