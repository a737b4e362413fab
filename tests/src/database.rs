//! A database of its own for each program under test.

use std::path::Path;
use std::sync::Arc;

use tocsin_test_postgres::{OwnServer, TestDatabase};

use crate::TcpProxy;

/// Where a program keeps its data. Clones name the same database.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file in the program's data directory.
    Sqlite,
    /// A database on the test server.
    Postgres(Arc<TestDatabase>),
    /// The same, behind a gate that can be shut.
    Behind(Arc<TcpProxy>),
    /// A server of its own, which can be stopped.
    Own(Arc<OwnServer>),
}

impl Database {
    /// The default: nothing to install.
    #[must_use]
    pub fn sqlite() -> Self {
        Self::Sqlite
    }

    /// A fresh one on PostgreSQL.
    pub async fn postgres() -> Self {
        let made = tokio::task::spawn_blocking(TestDatabase::create).await;
        Self::Postgres(Arc::new(made.expect("a database on PostgreSQL")))
    }

    /// One on PostgreSQL, and the gate before it.
    pub async fn behind_a_gate() -> (Self, Arc<TcpProxy>) {
        let gate = Arc::new(TcpProxy::open().await);
        (Self::Behind(Arc::clone(&gate)), gate)
    }

    /// One on a PostgreSQL server of its own.
    pub async fn own() -> (Self, Arc<OwnServer>) {
        let made = tokio::task::spawn_blocking(OwnServer::start).await;
        let server = Arc::new(made.expect("a PostgreSQL server"));
        (Self::Own(Arc::clone(&server)), server)
    }

    /// Its address, for a program with this data directory.
    #[must_use]
    pub fn url(&self, data_dir: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", data_dir.join("tocsin.sqlite").display()),
            Self::Postgres(database) => database.url().to_owned(),
            Self::Behind(gate) => gate.url(),
            Self::Own(server) => server.url(),
        }
    }
}
