//! Connections and transactions.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use sea_orm::sqlx::pool::PoolConnectionMetadata;
use sea_orm::sqlx::{self, Connection as _, SqliteConnection};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};
use tocsin_migrations::Migrator;

use crate::StorageError;

/// Which database is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The embedded one: one process, one writer.
    Sqlite,
    /// A server shared by any number of replicas.
    Postgres,
}

/// What is needed to open the database.
#[derive(Clone, Debug)]
pub struct DbSettings {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: String,
    /// Connections at most, for reading (SQLite) or altogether (PostgreSQL).
    pub max_connections: u32,
    /// How long a query waits for a free connection, and how long to connect.
    pub connect_timeout: Duration,
}

/// The database. Cheap to clone.
///
/// On SQLite all changes go through one connection, so that writers wait for
/// their turn in a fair queue instead of failing with "database is locked";
/// reads have connections of their own and never wait for a writer (WAL).
#[derive(Clone, Debug)]
pub struct Db {
    backend: Backend,
    read: DatabaseConnection,
    write: DatabaseConnection,
}

/// One transaction: everything in it happens, or nothing. Dropped without
/// [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub struct Tx {
    pub(crate) backend: Backend,
    pub(crate) inner: DatabaseTransaction,
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
        match settings.url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => connect_sqlite(settings).await,
            Some("postgres" | "postgresql") => connect_postgres(settings).await,
            _ => Err(StorageError::Url(
                "expected sqlite://PATH or postgres://USER@HOST/DATABASE".to_owned(),
            )),
        }
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        self.backend
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

    /// Begins a transaction that may change things.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] where no connection is to be had in time.
    pub async fn begin(&self) -> Result<Tx, StorageError> {
        // SQLite takes the write lock at once and waits for it, should another
        // program (a backup, a migration) hold it; a transaction that reads
        // first and takes it later fails instead.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Tx {
            backend: self.backend,
            inner: self.write.begin_with_options(options).await?,
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
        self.read.execute_raw(statement).await?;
        Ok(())
    }

    /// Closes all connections. SQLite then folds its log into the database.
    pub async fn close(self) {
        for pool in [self.read, self.write] {
            if let Err(error) = pool.close().await {
                tracing::warn!(%error, "closing the database failed");
            }
        }
    }

    /// The connection for reading.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.read
    }

    fn pools(&self) -> Vec<&DatabaseConnection> {
        match self.backend {
            Backend::Sqlite => vec![&self.read, &self.write],
            // Both names stand for one pool there.
            Backend::Postgres => vec![&self.write],
        }
    }
}

impl Tx {
    /// Makes the transaction's changes durable and visible.
    ///
    /// # Errors
    /// Whatever the database answers; the changes are then undone, or, where
    /// the connection broke, in doubt.
    pub async fn commit(self) -> Result<(), StorageError> {
        Ok(self.inner.commit().await?)
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
        let statement = crate::sql::statement(self.backend, sql, values);
        Ok(self.inner.execute_raw(statement).await?.rows_affected())
    }
}

async fn connect_sqlite(settings: &DbSettings) -> Result<Db, StorageError> {
    let path = settings
        .url
        .trim_start_matches("sqlite:")
        .trim_start_matches("//");
    if let Some(directory) = Path::new(path)
        .parent()
        .filter(|d| !d.as_os_str().is_empty())
    {
        std::fs::create_dir_all(directory).map_err(|source| StorageError::File {
            path: directory.display().to_string(),
            source,
        })?;
    }
    let options = |connections: u32, writes: bool| {
        let mut options = ConnectOptions::new(format!("sqlite://{path}"));
        options
            .max_connections(connections)
            .min_connections(1)
            .idle_timeout(None::<Duration>)
            .max_lifetime(None::<Duration>)
            .acquire_timeout(settings.connect_timeout)
            .sqlx_logging(false)
            .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(has_no_transaction_left))
            .map_sqlx_sqlite_opts(move |sqlite| {
                let sqlite = sqlite
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10))
                    // A commit is on the disk when it returns (rule 1).
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    .pragma("cache_size", "-16000")
                    .pragma("temp_store", "MEMORY")
                    .statement_cache_capacity(512);
                // Space freed by retention can be given back in steps. Only the
                // writer says so, because saying it takes the write lock.
                if writes {
                    sqlite.pragma("auto_vacuum", "INCREMENTAL")
                } else {
                    sqlite
                }
            });
        options
    };
    let write = Database::connect(options(1, true)).await?;
    let read = Database::connect(options(settings.max_connections.max(1), false)).await?;
    Ok(Db {
        backend: Backend::Sqlite,
        read,
        write,
    })
}

/// Whether a connection may be used again.
///
/// Where the disk is full SQLite itself rolls a transaction back. The ROLLBACK
/// that follows then fails, and sqlx goes on counting that transaction: the next
/// one would be a savepoint within it, and its COMMIT would be a RELEASE that
/// makes nothing durable (rule 1).
fn has_no_transaction_left(
    connection: &mut SqliteConnection,
    _: PoolConnectionMetadata,
) -> Pin<Box<dyn Future<Output = Result<bool, sqlx::Error>> + Send + '_>> {
    Box::pin(async move {
        // A rollback on drop is only queued by now; this waits for it.
        connection.ping().await?;
        let is_left = connection.is_in_transaction();
        if is_left {
            tracing::warn!("a transaction was ended by SQLite itself; its connection is closed");
        }
        Ok(!is_left)
    })
}

async fn connect_postgres(settings: &DbSettings) -> Result<Db, StorageError> {
    let mut options = ConnectOptions::new(settings.url.clone());
    options
        .max_connections(settings.max_connections.max(2))
        .min_connections(1)
        .connect_timeout(settings.connect_timeout)
        .acquire_timeout(settings.connect_timeout)
        .sqlx_logging(false)
        // A server or user default must not weaken rule 1.
        .map_sqlx_postgres_opts(|postgres| {
            postgres
                .options([("synchronous_commit", "on"), ("timezone", "UTC")])
                .application_name("tocsin")
                .statement_cache_capacity(512)
        });
    let pool = Database::connect(options).await?;
    Ok(Db {
        backend: Backend::Postgres,
        read: pool.clone(),
        write: pool,
    })
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
