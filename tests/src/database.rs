//! A database of its own for each program under test.

use std::path::Path;
use std::sync::Arc;

use tocsin_test_postgres::TestDatabase;

/// Where a program keeps its data. Clones name the same database.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file in the program's data directory.
    Sqlite,
    /// A database on the test server.
    Postgres(Arc<TestDatabase>),
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

    /// Its address, for a program with this data directory.
    #[must_use]
    pub fn url(&self, data_dir: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", data_dir.join("tocsin.sqlite").display()),
            Self::Postgres(database) => database.url().to_owned(),
        }
    }
}
