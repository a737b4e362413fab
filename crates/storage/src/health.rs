//! Continuous health check of the database.
//!
//! **PostgreSQL.** A stopped server or a hanging machine often does not refuse connections:
//! a query waits for as long as the system keeps the connection. A timeout on queries
//! cannot distinguish that from a busy server. So one connection pings the server
//! continuously, which a busy server answers at once; callers give up when it stops
//! responding.
//!
//! **SQLite** uses files that may disappear ([`crate::files`]): then nothing is read or
//! written until they are restored.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection as _};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::files::DatabaseFiles;
use crate::{FileProblem, StorageError};

/// Interval between two pings.
const PING_INTERVAL: Duration = Duration::from_millis(200);

/// Timeout of a ping. Together with [`PING_INTERVAL`] an outage is detected in less than a
/// second.
const PING_TIMEOUT: Duration = Duration::from_millis(650);

/// Interval between two checks of SQLite's files. Each query and each commit also checks
/// them.
const FILE_CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Why the database is not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// The server does not respond.
    #[error("the database does not answer")]
    NoAnswer,
    /// A file of SQLite is no longer the one that was opened.
    #[error("{0}")]
    File(FileProblem),
}

/// Health of the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DatabaseHealth {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A database in the memory of this process.
    Memory,
    /// SQLite's files.
    Files(Arc<FileHealth>),
    /// A server, with whether it responds.
    Server(watch::Receiver<bool>),
}

#[derive(Debug)]
struct FileHealth {
    files: DatabaseFiles,
    problem: watch::Sender<Option<FileProblem>>,
    /// False once the database is closed, which deletes files too.
    is_open: AtomicBool,
}

impl DatabaseHealth {
    /// Health of a database that is always available.
    pub(crate) fn always() -> Self {
        Self { kind: Kind::Memory }
    }

    /// Starts to ping the server. It continues while the value is in use, and detects when
    /// the server is back.
    pub(crate) fn of(server: PgConnectOptions) -> Self {
        let (state, answers) = watch::channel(true);
        tokio::spawn(ping_loop(server, state));
        Self {
            kind: Kind::Server(answers),
        }
    }

    /// Starts to watch the files while the value is in use.
    pub(crate) fn of_files(files: DatabaseFiles) -> Self {
        let health = Arc::new(FileHealth {
            files,
            problem: watch::Sender::new(None),
            is_open: AtomicBool::new(true),
        });
        tokio::spawn(watch_files(Arc::downgrade(&health)));
        Self {
            kind: Kind::Files(health),
        }
    }

    /// Returns why the database is not available, as of the last check.
    pub fn outage(&self) -> Option<Outage> {
        match &self.kind {
            Kind::Memory => None,
            Kind::Files(health) => health.problem.borrow().clone().map(Outage::File),
            Kind::Server(answers) => (!*answers.borrow()).then_some(Outage::NoAnswer),
        }
    }

    /// Whether the database was available at the last check.
    pub fn is_available(&self) -> bool {
        match &self.kind {
            Kind::Memory => true,
            Kind::Files(health) => health.problem.borrow().is_none(),
            Kind::Server(answers) => *answers.borrow(),
        }
    }

    /// Whether the database runs in another process, so that a query may wait indefinitely.
    /// Queries of SQLite always end.
    pub fn is_watched(&self) -> bool {
        matches!(self.kind, Kind::Server(_))
    }

    /// Waits until the database is not available; forever while it is.
    pub async fn unavailable(&self) {
        let stopped = match &self.kind {
            Kind::Memory => false,
            Kind::Files(health) => {
                let mut problem = health.problem.subscribe();
                problem.wait_for(Option::is_some).await.is_ok()
            }
            Kind::Server(answers) => {
                let mut answers = answers.clone();
                answers.wait_for(|answers| !answers).await.is_ok()
            }
        };
        if !stopped {
            std::future::pending().await
        }
    }

    /// Checks SQLite's files now. Called before every read or write, because a connection
    /// opened while they are missing would create new ones, and after each commit, because
    /// data outside the file at the path is not durable. A server reports its own outages.
    ///
    /// # Errors
    /// [`StorageError::Outage`] if a file is missing or replaced.
    pub(crate) fn verify(&self) -> Result<(), StorageError> {
        match &self.kind {
            Kind::Files(health) => match health.check() {
                None => Ok(()),
                Some(problem) => Err(StorageError::Outage(Outage::File(problem))),
            },
            Kind::Memory | Kind::Server(_) => Ok(()),
        }
    }

    /// Marks the database as about to be closed.
    pub(crate) fn mark_closing(&self) {
        if let Kind::Files(health) = &self.kind {
            health.is_open.store(false, Ordering::Relaxed);
        }
    }

    /// Marks the database as closed.
    pub(crate) fn mark_closed(&self) {
        if let Kind::Files(health) = &self.kind {
            health.files.set_aside();
        }
    }
}

impl FileHealth {
    /// Compares the files and logs each change once.
    fn check(&self) -> Option<FileProblem> {
        if !self.is_open.load(Ordering::Relaxed) {
            return None;
        }
        let found = self.files.problem();
        // Other threads are not notified or blocked while there is no problem.
        if *self.problem.borrow() == found {
            return found;
        }
        let mut found = found;
        let changed = self.problem.send_if_modified(|problem| {
            // Checked again under the lock: the result above may be older than what another
            // thread has found and logged since.
            found = self.files.problem();
            let changed = *problem != found;
            problem.clone_from(&found);
            changed
        });
        match &found {
            Some(problem) if changed => {
                tracing::error!(%problem, "the database cannot be used");
            }
            None if changed => tracing::info!("the files of the database are restored"),
            _ => {}
        }
        found
    }
}

async fn watch_files(health: Weak<FileHealth>) {
    while let Some(health) = health.upgrade() {
        health.check();
        drop(health);
        sleep(FILE_CHECK_INTERVAL).await;
    }
}

async fn ping_loop(server: PgConnectOptions, state: watch::Sender<bool>) {
    let mut connection = None;
    while !state.is_closed() {
        let answer = timeout(PING_TIMEOUT, ping(&server, &mut connection)).await;
        let reason = match answer {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("timeout".to_owned()),
        };
        if reason.is_some() {
            // The state of the connection is unknown: the next ping opens a new one.
            connection = None;
        }
        let changed = state.send_if_modified(|answers| {
            let changed = *answers != reason.is_none();
            *answers = reason.is_none();
            changed
        });
        match reason {
            Some(error) if changed => tracing::warn!(error, "the database does not answer"),
            None if changed => tracing::info!("the database responds again"),
            _ => {}
        }
        sleep(PING_INTERVAL).await;
    }
}

async fn ping(
    server: &PgConnectOptions,
    connection: &mut Option<PgConnection>,
) -> Result<(), sqlx::Error> {
    match connection {
        Some(connection) => connection.ping().await,
        None => {
            *connection = Some(PgConnection::connect_with(server).await?);
            Ok(())
        }
    }
}
