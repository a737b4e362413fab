//! How much may be read for one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::StorageError;

/// Ends a reader's work between two statements: when its time is spent, or when nobody
/// waits for the answer any more. A statement that runs is let finish, for one that is
/// dropped half-way can spoil its connection; PostgreSQL ends it by itself after
/// [`ReadBudget::TIME`].
#[derive(Clone, Debug)]
pub struct ReadBudget {
    until: Instant,
    is_canceled: Arc<AtomicBool>,
}

impl ReadBudget {
    /// What one request may take. A page takes some milliseconds; most of this is needed
    /// by statistics of a restricted user over millions of log entries.
    pub const TIME: Duration = Duration::from_secs(30);

    /// Ends `time` from now, or when `is_canceled` becomes true.
    pub fn new(time: Duration, is_canceled: Arc<AtomicBool>) -> Self {
        Self {
            until: Instant::now() + time,
            is_canceled,
        }
    }

    /// # Errors
    /// [`StorageError::Canceled`], [`StorageError::OverBudget`].
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
