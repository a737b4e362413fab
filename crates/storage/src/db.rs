//! Connections and transactions.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use tocsin_migrations::Migrator;

use crate::budget::SlowLane;
use crate::connect::{self, Pools};
use crate::damage::Damage;
use crate::deferred::DeferredStatement;
use crate::{DatabaseHealth, ReadBudget, StorageError};

/// The database in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Embedded: one process, one writer.
    Sqlite,
    /// A server shared by any number of replicas.
    Postgres,
}

/// State of the schema compared with this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// No schema: the database is empty.
    Missing,
    /// Schema of an earlier version of this program.
    Old,
    /// Schema of this version.
    Current,
}

/// Settings for opening the database.
#[derive(Clone, Debug)]
pub struct DbSettings {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: String,
    /// Maximum number of connections for reading. Writers have connections of their own:
    /// one on SQLite, at most a dozen on PostgreSQL.
    pub max_connections: u32,
    /// Timeout for connecting, and for waiting for a free connection.
    pub connect_timeout: Duration,
}

/// The database. Cheap to clone.
///
/// Reads and writes use separate connections, so that neither waits for the other. On
/// SQLite all writes use one connection: writers wait in a fair queue instead of failing
/// with "database is locked".
#[derive(Clone, Debug)]
pub struct Db {
    backend: Backend,
    read: DatabaseConnection,
    write: DatabaseConnection,
    health: DatabaseHealth,
    pub(crate) damage: Damage,
    pub(crate) budget: Option<ReadBudget>,
    pub(crate) slow_lane: SlowLane,
}

/// A transaction. It is rolled back when dropped without [`Tx::commit`].
#[derive(Debug)]
pub struct Tx {
    pub(crate) backend: Backend,
    pub(crate) inner: DatabaseTransaction,
    pub(crate) damage: Damage,
    health: DatabaseHealth,
    deferred: Mutex<DeferredStatement>,
}

impl Db {
    /// Opens the database and migrates its schema.
    ///
    /// # Errors
    /// [`StorageError::Url`] for an unsupported URL, [`StorageError::Unavailable`] if the
    /// database cannot be reached.
    pub async fn open(settings: &DbSettings) -> Result<Self, StorageError> {
        let db = Self::connect(settings).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Opens the database without migrating it.
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
        let Pools {
            read,
            write,
            health,
        } = pools;
        Ok(Self {
            backend,
            read,
            write,
            health,
            damage: Damage::default(),
            budget: None,
            slow_lane: SlowLane::default(),
        })
    }

    /// The same database with a budget for reads. Transactions are not limited by it.
    #[must_use]
    pub fn within(&self, budget: ReadBudget) -> Self {
        Self {
            budget: Some(budget),
            ..self.clone()
        }
    }

    /// Returns the kind of database.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Health of the database: whether its server responds, or SQLite's files are in place.
    pub fn health(&self) -> &DatabaseHealth {
        &self.health
    }

    /// Applies the missing migrations. Replicas that start together are serialized by an
    /// advisory lock.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
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

    /// Compares the schema with this program. Changes nothing.
    ///
    /// # Errors
    /// [`StorageError`] from the database, also for a schema of a later version of this
    /// program.
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

    /// Begins a read-write transaction.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if no connection becomes free in time;
    /// [`StorageError::Outage`] while SQLite's files are missing.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        // SQLite takes the write lock at once and waits for it while another program (a
        // backup, a migration) holds it; a transaction that reads first and takes the lock
        // later would fail instead.
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
            health: self.health.clone(),
            deferred: Mutex::default(),
        })
    }

    /// Checks that the database responds and is writable.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if it does not.
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

    /// Durability settings of each kind of connection, for tests: (journal mode or `fsync`,
    /// synchronous setting).
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn durability(&self) -> Result<Vec<(String, String)>, StorageError> {
        let mut settings = Vec::new();
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
                    settings.push((journal, name.to_owned()));
                }
            }
            Backend::Postgres => {
                let fsync = text(&self.write, "SELECT current_setting('fsync')").await?;
                let commit =
                    text(&self.write, "SELECT current_setting('synchronous_commit')").await?;
                settings.push((fsync, commit));
            }
        }
        Ok(settings)
    }

    /// Number of open connections and of idle ones, for the metrics.
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

    /// Writes a consistent copy of a running SQLite database to `file`, which must not
    /// exist.
    ///
    /// # Errors
    /// [`StorageError::Url`] on PostgreSQL, which has its own tools.
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

    /// Closes all connections. SQLite then checkpoints its write-ahead log.
    pub async fn close(self) {
        self.health.mark_closing();
        for pool in [self.read, self.write] {
            if let Err(error) = pool.close().await {
                tracing::warn!(%error, "closing the database failed");
            }
        }
        self.health.mark_closed();
    }

    /// Returns the connection for reading if the budget is not exhausted.
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
    /// Makes the changes durable and visible.
    ///
    /// # Errors
    /// [`StorageError`] from the database. The changes are then rolled back, or their
    /// outcome is unknown if the connection broke or SQLite's files are missing.
    pub async fn commit(self) -> Result<(), StorageError> {
        self.run_deferred().await?;
        self.damage.noted("", self.inner.commit().await)?;
        // A commit into a deleted file is durable for SQLite only.
        self.health.verify()
    }

    /// Undoes the changes.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn rollback(self) -> Result<(), StorageError> {
        Ok(self.inner.rollback().await?)
    }

    /// Runs one statement with `?` placeholders and returns the number of changed rows.
    pub(crate) async fn execute(&self, sql: &str, values: Vec<Value>) -> Result<u64, StorageError> {
        self.run_deferred().await?;
        let statement = crate::sql::statement(self.backend, sql, values);
        let done = self.inner.execute_raw(statement).await;
        Ok(self.damage.noted(sql, done)?.rows_affected())
    }

    /// Runs one statement for `rows` rows with all its values, now or together with the
    /// next one. Its result is not available.
    pub(crate) async fn defer(
        &self,
        sql: &str,
        values: Vec<Value>,
        rows: usize,
    ) -> Result<(), StorageError> {
        if self.backend == Backend::Postgres || !DeferredStatement::can_defer(rows) {
            self.execute(sql, values).await?;
            return Ok(());
        }
        if !self.deferred().can_combine(rows) {
            self.run_deferred().await?;
        }
        self.deferred().add(sql, values, rows);
        Ok(())
    }

    /// Runs the deferred statements; called before every statement with a result.
    pub(crate) async fn run_deferred(&self) -> Result<(), StorageError> {
        let deferred = self.deferred().take();
        if let Some((sql, values)) = deferred {
            let statement = crate::sql::statement(self.backend, &sql, values);
            let done = self.inner.execute_raw(statement).await;
            self.damage.noted(&sql, done)?;
        }
        Ok(())
    }

    fn deferred(&self) -> MutexGuard<'_, DeferredStatement> {
        self.deferred.lock().unwrap_or_else(PoisonError::into_inner)
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
