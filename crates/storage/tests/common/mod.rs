//! A new database for each test, on SQLite and on PostgreSQL.

pub(crate) mod rows;

use std::time::Duration;

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, QueryResult, Statement};
use tocsin_core::time::Timestamp;
use tocsin_storage::{Backend, Db, DbSettings};
use tocsin_test_postgres::TestDatabase;

pub(crate) use sea_orm::Value;

/// A database with the schema, a second connection for fixtures, and the resources that
/// must outlive it.
pub(crate) struct TestDb {
    pub(crate) db: Db,
    raw: DatabaseConnection,
    _directory: Option<tempfile::TempDir>,
    _server: Option<TestDatabase>,
}

/// Creates a test for each database from `async fn NAME(test: &TestDb)`.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&$crate::common::TestDb::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&$crate::common::TestDb::postgres().await).await;
            })+
        }
    };
}

impl TestDb {
    /// Creates an SQLite database in a temporary directory.
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("test.db").display());
        Self::open(&url, Some(directory), None).await
    }

    /// Creates a PostgreSQL database.
    pub(crate) async fn postgres() -> Self {
        let server = TestDatabase::create();
        let url = server.url().to_owned();
        Self::open(&url, None, Some(server)).await
    }

    async fn open(
        url: &str,
        directory: Option<tempfile::TempDir>,
        server: Option<TestDatabase>,
    ) -> Self {
        let settings = DbSettings {
            url: url.to_owned(),
            max_connections: 4,
            connect_timeout: Duration::from_secs(10),
        };
        let db = Db::open(&settings).await.unwrap();
        let raw = Database::connect(url).await.unwrap();
        Self {
            db,
            raw,
            _directory: directory,
            _server: server,
        }
    }

    /// Runs SQL with `?` placeholders, bypassing the functions under test.
    pub(crate) async fn run(&self, sql: &str, values: Vec<Value>) {
        let statement = self.statement(sql, values);
        self.raw.execute_raw(statement).await.unwrap();
    }

    /// Reads rows, bypassing the functions under test.
    pub(crate) async fn query(&self, sql: &str, values: Vec<Value>) -> Vec<QueryResult> {
        let statement = self.statement(sql, values);
        self.raw.query_all_raw(statement).await.unwrap()
    }

    /// Reads the first column of the first row, an integer.
    pub(crate) async fn number(&self, sql: &str, values: Vec<Value>) -> i64 {
        let rows = self.query(sql, values).await;
        rows[0].try_get_by_index(0).unwrap()
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        match self.db.backend() {
            Backend::Sqlite => Statement::from_sql_and_values(DbBackend::Sqlite, sql, values),
            Backend::Postgres => {
                let parts: Vec<&str> = sql.split('?').collect();
                let mut numbered = parts[0].to_owned();
                for (number, part) in (1..).zip(&parts[1..]) {
                    numbered.push_str(&format!("${number}{part}"));
                }
                Statement::from_sql_and_values(DbBackend::Postgres, numbered, values)
            }
        }
    }
}

/// The time `seconds` after an arbitrary start.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_760_000_000 + seconds) * 1_000_000)
}
