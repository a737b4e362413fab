//! Whether the database can be used, looked at all the time.
//!
//! **PostgreSQL.** A server that was stopped, or whose machine hangs, often does
//! not refuse: it says nothing, and a query waits for as long as the system keeps
//! the connection. Nor can a time limit on queries tell that from a server that is
//! busy. So one connection of its own asks again and again for nothing, which a
//! busy server answers at once; whoever waits can give up when it does not.
//!
//! **SQLite** answers from files that may be gone ([`crate::files`]): then nothing
//! is read or written until they are back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection};
use sea_orm::sqlx::{self, Connection as _};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::files::DatabaseFiles;
use crate::{FileProblem, StorageError};

/// Between two questions.
const EVERY: Duration = Duration::from_millis(200);

/// How long an answer may take. With [`EVERY`] it is less than a second until
/// those who wait are told.
const PATIENCE: Duration = Duration::from_millis(650);

/// Between two looks at the files of SQLite, for those who wait or ask how it is.
/// Each query and each commit looks by itself.
const FILES_EVERY: Duration = Duration::from_millis(500);

/// Why the database cannot be used now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// Its server does not answer.
    #[error("the database does not answer")]
    NoAnswer,
    /// A file of SQLite is no longer the one that was opened.
    #[error("{0}")]
    File(FileProblem),
}

/// Says whether the database can be used. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DatabaseHealth {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// In the memory of this process.
    Memory,
    /// SQLite's files.
    Files(Arc<FileHealth>),
    /// A server, with whether it answers.
    Server(watch::Receiver<bool>),
}

#[derive(Debug)]
struct FileHealth {
    files: DatabaseFiles,
    problem: watch::Sender<Option<FileProblem>>,
    /// False once the database is closed, which removes files too.
    is_open: AtomicBool,
}

impl DatabaseHealth {
    /// Of a database that nothing can happen to.
    pub(crate) fn always() -> Self {
        Self { kind: Kind::Memory }
    }

    /// Starts asking. It goes on while somebody holds the pulse, and finds by
    /// itself when the server is back.
    pub(crate) fn of(server: PgConnectOptions) -> Self {
        let (said, answers) = watch::channel(true);
        tokio::spawn(ask_on_and_on(server, said));
        Self {
            kind: Kind::Server(answers),
        }
    }

    /// Starts to watch the files, while the pulse is held.
    pub(crate) fn of_files(files: DatabaseFiles) -> Self {
        let pulse = Arc::new(FileHealth {
            files,
            problem: watch::Sender::new(None),
            is_open: AtomicBool::new(true),
        });
        tokio::spawn(watch_files(Arc::downgrade(&pulse)));
        Self {
            kind: Kind::Files(pulse),
        }
    }

    /// Why the database cannot be used, as of the last look.
    pub fn outage(&self) -> Option<Outage> {
        match &self.kind {
            Kind::Memory => None,
            Kind::Files(pulse) => pulse.problem.borrow().clone().map(Outage::File),
            Kind::Server(answers) => (!*answers.borrow()).then_some(Outage::NoAnswer),
        }
    }

    /// Whether the database could be used at the last look.
    pub fn is_available(&self) -> bool {
        match &self.kind {
            Kind::Memory => true,
            Kind::Files(pulse) => pulse.problem.borrow().is_none(),
            Kind::Server(answers) => *answers.borrow(),
        }
    }

    /// Whether it is in another process, so that a query may wait for an answer
    /// that never comes. One of SQLite always ends.
    pub fn is_watched(&self) -> bool {
        matches!(self.kind, Kind::Server(_))
    }

    /// Waits until the database cannot be used; for ever while it can.
    pub async fn unavailable(&self) {
        let stopped = match &self.kind {
            Kind::Memory => false,
            Kind::Files(pulse) => {
                let mut problem = pulse.problem.subscribe();
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

    /// Looks at SQLite's files now. Before anything is read or written: a connection
    /// opened while they are gone would make new ones. And after each commit: what
    /// is not in the file that the path names is not durable. A server says itself
    /// when it is away.
    ///
    /// # Errors
    /// [`StorageError::Outage`].
    pub(crate) fn verify(&self) -> Result<(), StorageError> {
        match &self.kind {
            Kind::Files(pulse) => match pulse.look() {
                None => Ok(()),
                Some(problem) => Err(StorageError::Outage(Outage::File(problem))),
            },
            Kind::Memory | Kind::Server(_) => Ok(()),
        }
    }

    /// The database is about to be closed.
    pub(crate) fn end(&self) {
        if let Kind::Files(pulse) = &self.kind {
            pulse.is_open.store(false, Ordering::Relaxed);
        }
    }

    /// The database is closed.
    pub(crate) fn ended(&self) {
        if let Kind::Files(pulse) = &self.kind {
            pulse.files.set_aside();
        }
    }
}

impl FileHealth {
    /// Compares, and says once in the log what has changed.
    fn look(&self) -> Option<FileProblem> {
        if !self.is_open.load(Ordering::Relaxed) {
            return None;
        }
        let found = self.files.problem();
        // Nobody else is woken or held up while all is well.
        if *self.problem.borrow() == found {
            return found;
        }
        let mut found = found;
        let changed = self.problem.send_if_modified(|problem| {
            // Looked at again where others cannot: what was found above may be older
            // than what another thread has found and logged since.
            found = self.files.problem();
            let changed = *problem != found;
            problem.clone_from(&found);
            changed
        });
        match &found {
            Some(problem) if changed => {
                tracing::error!(%problem, "the database cannot be used");
            }
            None if changed => tracing::info!("the files of the database are back"),
            _ => {}
        }
        found
    }
}

async fn watch_files(pulse: Weak<FileHealth>) {
    while let Some(pulse) = pulse.upgrade() {
        pulse.look();
        drop(pulse);
        sleep(FILES_EVERY).await;
    }
}

async fn ask_on_and_on(server: PgConnectOptions, said: watch::Sender<bool>) {
    let mut connection = None;
    while !said.is_closed() {
        let answer = timeout(PATIENCE, ask(&server, &mut connection)).await;
        let reason = match answer {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        if reason.is_some() {
            // In doubt what it will say next: the next question has a new one.
            connection = None;
        }
        let changed = said.send_if_modified(|answers| {
            let changed = *answers != reason.is_none();
            *answers = reason.is_none();
            changed
        });
        match reason {
            Some(error) if changed => tracing::warn!(error, "the database does not answer"),
            None if changed => tracing::info!("the database answers again"),
            _ => {}
        }
        sleep(EVERY).await;
    }
}

async fn ask(
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
