//! Connections and transactions.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use tocsin_migrations::Migrator;

use crate::connect::{self, Pools};
use crate::damage::Damage;
use crate::deferred::DeferredStatement;
use crate::{DatabaseHealth, ReadBudget, StorageError};

/// Which database is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded one: one process, one writer.
    Sqlite,
    /// A server shared by any number of replicas.
    Postgres,
}

/// How the schema stands to what this program needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There is none: nothing was ever stored here.
    Missing,
    /// It is of an earlier version of this program.
    Old,
    /// It is what this program needs.
    Current,
}

/// What is needed to open the database.
#[derive(Clone, Debug)]
pub struct DbSettings {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: String,
    /// Connections for reading, at most. Those for writing are apart: one on
    /// SQLite, a dozen at most on PostgreSQL.
    pub max_connections: u32,
    /// How long a query waits for a free connection, and how long to connect.
    pub connect_timeout: Duration,
}

/// The database. Cheap to clone.
///
/// Changes and reads have connections of their own, so that neither waits for
/// the other. On SQLite all changes go through one connection: writers wait for
/// their turn in a fair queue instead of failing with "database is locked".
#[derive(Clone, Debug)]
pub struct Db {
    backend: Backend,
    read: DatabaseConnection,
    write: DatabaseConnection,
    health: DatabaseHealth,
    pub(crate) damage: Damage,
    budget: Option<ReadBudget>,
}

/// One transaction: everything in it happens, or nothing. Dropped without
/// [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    pub(crate) backend: Backend,
    pub(crate) inner: DatabaseTransaction,
    pub(crate) damage: Damage,
    pulse: DatabaseHealth,
    waiting: Mutex<DeferredStatement>,
}

impl Db {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// [`StorageError::Url`] for an address of another kind,
    /// [`StorageError::Unavailable`] where nothing answers.
    pub async fn open(settings: &DbSettings) -> Result<Self, StorageError> {
        let db = Self::connect(settings).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Opens the database as it is.
    ///
    /// # Errors
    /// As [`Db::open`].
    pub async fn connect(settings: &DbSettings) -> Result<Self, StorageError> {
        let (backend, pools) = match settings.url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => (Backend::Sqlite, connect::sqlite(settings).await?),
            Some("postgres" | "postgresql") => {
                (Backend::Postgres, connect::postgres(settings).await?)
            }
            _ => {
                return Err(StorageError::Url(
                    "expected sqlite://PATH or postgres://USER@HOST/DATABASE".to_owned(),
                ));
            }
        };
        let Pools { read, write, pulse } = pools;
        Ok(Self {
            backend,
            read,
            write,
            health: pulse,
            damage: Damage::default(),
            budget: None,
        })
    }

    /// The same database, for reading within `budget`. Transactions are not bounded by it.
    #[must_use]
    pub fn within(&self, budget: ReadBudget) -> Self {
        Self {
            budget: Some(budget),
            ..self.clone()
        }
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Whether its server answers, or SQLite's files are in place.
    pub fn health(&self) -> &DatabaseHealth {
        &self.health
    }

    /// Applies what is missing of the schema. Replicas that start together
    /// take turns by an advisory lock.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        use sea_orm_migration::MigratorTrait;
        match self.backend {
            Backend::Sqlite => Migrator::up(&self.write, None).await?,
            Backend::Postgres => {
                let lock = self.write.begin().await?;
                lock.execute_unprepared("SELECT pg_advisory_xact_lock(8462073115)")
                    .await?;
                Migrator::up(&self.write, None).await?;
                lock.commit().await?;
            }
        }
        Ok(())
    }

    /// How the schema stands to what this program needs. Changes nothing.
    ///
    /// # Errors
    /// Whatever the database answers; also where the schema is of a later version
    /// of this program.
    pub async fn schema(&self) -> Result<Schema, StorageError> {
        use sea_orm_migration::{MigrationStatus, MigratorTrait};
        let all = Migrator::get_migration_with_status_read_only(&self.write).await?;
        let pending = all
            .iter()
            .filter(|migration| migration.status() == MigrationStatus::Pending)
            .count();
        Ok(match pending {
            0 => Schema::Current,
            _ if pending == all.len() => Schema::Missing,
            _ => Schema::Old,
        })
    }

    /// Begins a transaction that may change things.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] where no connection is to be had in time;
    /// [`StorageError::Outage`] while SQLite's files are gone.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        // SQLite takes the write lock at once and waits for it, should another
        // program (a backup, a migration) hold it; a transaction that reads
        // first and takes it later fails instead.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.health.verify()?;
        let began = self.write.begin_with_options(options).await;
        Ok(Tx {
            backend: self.backend,
            inner: self.damage.noted("", began)?,
            damage: self.damage.clone(),
            pulse: self.health.clone(),
            waiting: Mutex::default(),
        })
    }

    /// Answers whether the database answers, and can be written to.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] where it does not.
    pub async fn check(&self) -> Result<(), StorageError> {
        let tx = self.begin().await?;
        tx.execute(
            "INSERT INTO meta (name, value) VALUES ('checked', '') \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            vec![],
        )
        .await?;
        tx.inner.rollback().await?;
        Ok(())
    }

    /// What each connection kind says of its durability, for the test of
    /// rule 1: (journal mode or "wal", synchronous setting).
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn durability(&self) -> Result<Vec<(String, String)>, StorageError> {
        let mut said = Vec::new();
        match self.backend {
            Backend::Sqlite => {
                for connection in [&self.read, &self.write] {
                    let journal = text(connection, "PRAGMA journal_mode").await?;
                    let synchronous = number(connection, "PRAGMA synchronous").await?;
                    // https://sqlite.org/pragma.html#pragma_synchronous
                    let name = if synchronous >= 2 {
                        "full"
                    } else {
                        "less than full"
                    };
                    said.push((journal, name.to_owned()));
                }
            }
            Backend::Postgres => {
                let fsync = text(&self.write, "SELECT current_setting('fsync')").await?;
                let commit =
                    text(&self.write, "SELECT current_setting('synchronous_commit')").await?;
                said.push((fsync, commit));
            }
        }
        Ok(said)
    }

    /// Connections that are open and of those the idle ones, for the metrics.
    pub fn pool_size(&self) -> (u32, u32) {
        let mut size = 0;
        let mut idle = 0;
        for connection in self.pools() {
            let (connections, unused) = match self.backend {
                Backend::Sqlite => {
                    let pool = connection.get_sqlite_connection_pool();
                    (pool.size(), pool.num_idle())
                }
                Backend::Postgres => {
                    let pool = connection.get_postgres_connection_pool();
                    (pool.size(), pool.num_idle())
                }
            };
            size += connections;
            idle += u32::try_from(unused).unwrap_or(u32::MAX);
        }
        (size, idle)
    }

    /// Writes a consistent copy of a running SQLite database to `file`, which
    /// must not exist yet.
    ///
    /// # Errors
    /// [`StorageError::Url`] on PostgreSQL, whose own tools do this.
    pub async fn backup(&self, file: &Path) -> Result<(), StorageError> {
        if self.backend != Backend::Sqlite {
            return Err(StorageError::Url(
                "backup copies an SQLite database; use pg_dump for PostgreSQL".to_owned(),
            ));
        }
        let statement = Statement::from_sql_and_values(
            DbBackend::Sqlite,
            "VACUUM INTO ?",
            [Value::from(file.to_string_lossy().into_owned())],
        );
        let copied = self.read.execute_raw(statement).await;
        self.damage.noted("", copied)?;
        Ok(())
    }

    /// Closes all connections. SQLite then folds its log into the database.
    pub async fn close(self) {
        self.health.end();
        for pool in [self.read, self.write] {
            if let Err(error) = pool.close().await {
                tracing::warn!(%error, "closing the database failed");
            }
        }
        self.health.ended();
    }

    /// The connection for reading, while there is some of the budget left.
    ///
    /// # Errors
    /// As [`ReadBudget::check`].
    pub(crate) fn reader(&self) -> Result<&DatabaseConnection, StorageError> {
        if let Some(budget) = &self.budget {
            budget.check()?;
        }
        Ok(&self.read)
    }

    fn pools(&self) -> [&DatabaseConnection; 2] {
        [&self.read, &self.write]
    }
}

impl Tx {
    /// Makes the transaction's changes durable and visible.
    ///
    /// # Errors
    /// Whatever the database answers; the changes are then undone, or, where
    /// the connection broke or SQLite's files are gone, in doubt.
    pub async fn commit(self) -> Result<(), StorageError> {
        self.run_deferred().await?;
        self.damage.noted("", self.inner.commit().await)?;
        // A commit into a file that was removed is durable for SQLite, and for
        // nobody else.
        self.pulse.verify()
    }

    /// Undoes the transaction's changes.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn rollback(self) -> Result<(), StorageError> {
        Ok(self.inner.rollback().await?)
    }

    /// Runs one statement, whose placeholders are `?`, and returns the number
    /// of changed rows.
    pub(crate) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, StorageError> {
        self.run_deferred().await?;
        let statement = crate::sql::statement(self.backend, sql, values);
        let done = self.inner.execute_raw(statement).await;
        Ok(self.damage.noted(sql, done)?.rows_affected())
    }

    /// Runs one statement for `rows` rows, every value of which is given, now or
    /// with the next one: nobody asks what it did.
    pub(crate) async fn defer(
        &self,
        sql: &str,
        values: Vec<Value>,
        rows: usize,
    ) -> Result<(), StorageError> {
        if self.backend == Backend::Postgres || !DeferredStatement::may_wait(rows) {
            self.execute(sql, values).await?;
            return Ok(());
        }
        if !self.waiting().goes_with(rows) {
            self.run_deferred().await?;
        }
        self.waiting().add(sql, values, rows);
        Ok(())
    }

    /// Runs what waits; before every statement that answers.
    pub(crate) async fn run_deferred(&self) -> Result<(), StorageError> {
        let waiting = self.waiting().take();
        if let Some((sql, values)) = waiting {
            let statement = crate::sql::statement(self.backend, &sql, values);
            let done = self.inner.execute_raw(statement).await;
            self.damage.noted(&sql, done)?;
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, DeferredStatement> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn text(connection: &DatabaseConnection, sql: &str) -> Result<String, StorageError> {
    let row = connection
        .query_one_raw(Statement::from_string(
            connection.get_database_backend(),
            sql,
        ))
        .await?;
    Ok(row
        .map(|row| row.try_get_by_index::<String>(0))
        .transpose()?
        .unwrap_or_default())
}

async fn number(connection: &DatabaseConnection, sql: &str) -> Result<i64, StorageError> {
    let row = connection
        .query_one_raw(Statement::from_string(
            connection.get_database_backend(),
            sql,
        ))
        .await?;
    Ok(row
        .map(|row| row.try_get_by_index::<i64>(0))
        .transpose()?
        .unwrap_or_default())
}
