//! Connections kept for the next mail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::connection::Connection;
use super::step::Limit;

/// How many connections wait at most.
const MAX_IDLE: usize = 4;
/// How long one waits before it is closed. Below the five minutes after which a server may hang
/// up (RFC 5321, 4.5.3.2.7), and short, because a mail server counts its connections.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// How many mails go over one connection: servers set a limit (often 100) and then answer 421.
const MAX_USES: u32 = 90;

/// Open connections that nobody uses now.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    /// A task waits to close what is idle for too long.
    reaping: bool,
}

struct Idle {
    connection: Connection,
    until: Instant,
}

impl Pool {
    /// The connection used last, so that the others grow old and are closed.
    pub(super) fn take(&self) -> Option<Connection> {
        let now = Instant::now();
        let mut state = self.lock();
        while let Some(idle) = state.idle.pop() {
            if idle.until > now {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Keeps a connection that is in order, or says good-bye to it.
    pub(super) fn put(self: &Arc<Self>, connection: Connection, timeout: Duration) {
        let mut state = self.lock();
        if connection.used >= MAX_USES || state.idle.len() >= MAX_IDLE {
            drop(state);
            tokio::spawn(async move { connection.quit(&Limit::start(timeout)).await });
            return;
        }
        let until = Instant::now() + IDLE_FOR;
        state.idle.push(Idle { connection, until });
        if !state.reaping {
            state.reaping = true;
            tokio::spawn(reap(Arc::downgrade(self), until, timeout));
        }
    }

    /// What is idle for too long, and when the next one will be.
    fn expired(&self) -> (Vec<Connection>, Option<Instant>) {
        let now = Instant::now();
        let mut state = self.lock();
        let (over, left): (Vec<_>, Vec<_>) = std::mem::take(&mut state.idle)
            .into_iter()
            .partition(|idle| idle.until <= now);
        state.idle = left;
        let next = state.idle.iter().map(|idle| idle.until).min();
        state.reaping = next.is_some();
        (over.into_iter().map(|idle| idle.connection).collect(), next)
    }

    /// The list stays in order whoever panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes idle connections until there are none, or the pool itself is gone.
async fn reap(pool: Weak<Pool>, first: Instant, timeout: Duration) {
    let mut next = Some(first);
    while let Some(at) = next {
        sleep_until(at).await;
        let Some(pool) = pool.upgrade() else { return };
        let (over, then) = pool.expired();
        drop(pool);
        for connection in over {
            connection.quit(&Limit::start(timeout)).await;
        }
        next = then;
    }
}
