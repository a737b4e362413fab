//! Places for event streams: a bounded number, of which no one caller may take
//! all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tocsin_storage::enums::ActorKind;

use super::caller::Caller;
use super::problem::{ApiError, ProblemKind};

/// One caller may have a fifth of all places, but at least this many: a person's
/// tabs, or a script's processes.
const OF_ONE: usize = 20;

/// When somebody who has too many may try again.
const LATER: Duration = Duration::from_secs(5);

/// A user or token.
type Who = (ActorKind, Option<i64>, String);

/// All the places.
#[derive(Debug)]
pub(crate) struct StreamLimits {
    most: usize,
    taken: Mutex<HashMap<Who, usize>>,
}

/// A place, free again when dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    seats: Arc<StreamLimits>,
    who: Who,
}

impl StreamLimits {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.held().values().sum()
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`Kind::TooManyRequests`] where the caller has its share,
    /// [`Kind::Unavailable`] where all are taken.
    pub(crate) fn take(self: &Arc<Self>, caller: &Caller) -> Result<StreamPermit, ApiError> {
        let actor = &caller.actor;
        let who = (actor.kind, actor.id, actor.name.clone());
        let share = (self.most / 5).max(OF_ONE);
        let mut taken = self.held();
        if taken.values().sum::<usize>() >= self.most {
            let most = self.most;
            return Err(ApiError::new(
                ProblemKind::Unavailable,
                format!("All {most} event streams are taken; see server.max_event_streams."),
            ));
        }
        let own = taken.entry(who.clone()).or_default();
        if *own >= share {
            return Err(ApiError::too_many(
                format!("You follow {share} event streams already, which is the share of one."),
                LATER,
            ));
        }
        *own += 1;
        drop(taken);
        Ok(StreamPermit {
            seats: Arc::clone(self),
            who,
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Who, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut taken = self.seats.held();
        if let Some(own) = taken.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.who);
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
    fn one_caller_leaves_places_to_others() {
        let seats = StreamLimits::new(110);
        let of_one: Vec<_> = (0..22).map(|_| seats.take(&caller(1)).unwrap()).collect();
        let refused = seats.take(&caller(1)).unwrap_err();
        assert!(refused.is(ProblemKind::TooManyRequests));
        let of_others: Vec<_> = (2..90).map(|id| seats.take(&caller(id)).unwrap()).collect();
        assert_eq!(seats.taken(), 110);
        let refused = seats.take(&caller(90)).unwrap_err();
        assert!(refused.is(ProblemKind::Unavailable));
        drop(of_one);
        assert!(seats.take(&caller(1)).is_ok());
        drop(of_others);
        assert_eq!(seats.taken(), 0);
    }

    #[test]
    fn few_places_are_for_whoever_comes() {
        let seats = StreamLimits::new(2);
        let taken = [seats.take(&caller(1)), seats.take(&caller(1))];
        assert!(taken.iter().all(Result::is_ok));
        assert!(
            seats
                .take(&caller(1))
                .is_err_and(|e| e.is(ProblemKind::Unavailable))
        );
    }
}
