//! Mails kept in memory, for tests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::{Delivered, Mailer, Mode, OutgoingMail, SendError};

/// Keeps every mail, and fails on request.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<OutgoingMail>,
    failures: VecDeque<SendError>,
}

impl MemoryMailer {
    /// Creates a mailer without mails.
    #[must_use]
    pub fn new() -> MemoryMailer {
        MemoryMailer::default()
    }

    /// The mails so far, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<OutgoingMail> {
        self.lock().sent.clone()
    }

    /// Makes a later `send` fail; several errors are used in order.
    pub fn fail_next(&self, error: SendError) {
        self.lock().failures.push_back(error);
    }

    /// A test that panicked while it held the lock left a state that is still valid.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivered, SendError> {
        let mut state = self.lock();
        if let Some(error) = state.failures.pop_front() {
            return Err(error);
        }
        state.sent.push(mail.clone());
        Ok(Delivered::Sent)
    }

    fn mode(&self) -> Mode {
        Mode::Memory
    }

    fn send_timeout(&self) -> Duration {
        Duration::from_secs(1)
    }
}
