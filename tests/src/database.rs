//! A separate database for each program under test.

use std::path::Path;
use std::sync::Arc;

use tocsin_test_postgres::{OwnServer, TestDatabase};

use crate::TcpProxy;

/// The database of a program. Clones refer to the same database.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file in the program's data directory.
    Sqlite,
    /// A database on the test server.
    Postgres(Arc<TestDatabase>),
    /// A database on the test server, through a proxy that can be disconnected.
    Proxied(Arc<TcpProxy>),
    /// A database on a separate server that can be stopped.
    Own(Arc<OwnServer>),
}

impl Database {
    /// SQLite, the default.
    #[must_use]
    pub fn sqlite() -> Self {
        Self::Sqlite
    }

    /// A new database on the PostgreSQL test server.
    pub async fn postgres() -> Self {
        let created = tokio::task::spawn_blocking(TestDatabase::create).await;
        Self::Postgres(Arc::new(created.expect("a database on PostgreSQL")))
    }

    /// A new database on PostgreSQL, and the proxy in front of it.
    pub async fn behind_proxy() -> (Self, Arc<TcpProxy>) {
        let proxy = Arc::new(TcpProxy::open().await);
        (Self::Proxied(Arc::clone(&proxy)), proxy)
    }

    /// A database on a separate PostgreSQL server.
    pub async fn own() -> (Self, Arc<OwnServer>) {
        let started = tokio::task::spawn_blocking(OwnServer::start).await;
        let server = Arc::new(started.expect("a PostgreSQL server"));
        (Self::Own(Arc::clone(&server)), server)
    }

    /// The database URL, for a program with this data directory.
    #[must_use]
    pub fn url(&self, data_dir: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", data_dir.join("tocsin.sqlite").display()),
            Self::Postgres(database) => database.url().to_owned(),
            Self::Proxied(proxy) => proxy.url(),
            Self::Own(server) => server.url(),
        }
    }
}
