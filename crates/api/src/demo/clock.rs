//! A clock that is set by the program.

use std::sync::atomic::{AtomicI64, Ordering};

use tocsin_core::time::Timestamp;
use tocsin_pipeline::Clock;

/// Returns the time that it was set to.
#[derive(Debug)]
pub(super) struct DemoClock(AtomicI64);

impl DemoClock {
    pub(super) fn at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.as_micros()))
    }

    /// Never moves backwards, so that later writes have later times.
    pub(super) fn set(&self, time: Timestamp) {
        self.0.fetch_max(time.as_micros(), Ordering::AcqRel);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Acquire))
    }
}
