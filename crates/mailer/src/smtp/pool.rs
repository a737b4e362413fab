//! Connection pool.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::connection::Connection;
use super::step::Limit;

/// Maximum number of idle connections.
const MAX_IDLE: usize = 4;
/// Idle time after which a connection is closed. Below the five minutes after which a server may
/// close it (RFC 5321, 4.5.3.2.7), and short, because mail servers limit connections.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// Maximum number of mails over one connection: servers have a limit (often 100) and then answer
/// 421.
const MAX_USES: u32 = 90;

/// Idle connections.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    /// Whether a task waits to close expired connections.
    reaping: bool,
}

struct Idle {
    connection: Connection,
    until: Instant,
}

impl Pool {
    /// Takes the connection used last, so that the others expire.
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

    /// Returns a usable connection to the pool, or closes it.
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

    /// Takes the expired connections; also returns when the next one expires.
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

    /// A panic of another thread leaves the list valid.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes expired connections until there are none, or the pool was dropped.
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
