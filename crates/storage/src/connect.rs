//! Opening connections and their settings.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use sea_orm::sqlx::pool::PoolConnectionMetadata;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, Connection as _, SqliteConnection};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, RuntimeErr};

use crate::files::DatabaseFiles;
use crate::health::DatabaseHealth;
use crate::{DbSettings, StorageError};

/// The two connection pools, and the health of the database.
pub(crate) struct Pools {
    pub(crate) read: DatabaseConnection,
    pub(crate) write: DatabaseConnection,
    pub(crate) health: DatabaseHealth,
}

/// Page cache of SQLite's single writer, in KiB.
const WRITER_CACHE: u32 = 16_000;

/// Page cache of each reader. There are up to `max_connections` of them, and they share the
/// page cache of the system anyway.
const READER_CACHE: u32 = 2_000;

/// An idle reader is closed after this time, to release its memory.
const IDLE: Duration = Duration::from_secs(60);

/// Connections for writing on PostgreSQL: ingest writers, outbox, workers and changes by
/// users. They are separate from those for reading, so that slow queries never delay a
/// writer.
const WRITE_CONNECTIONS: u32 = 12;

/// As [`crate::ReadBudget::TIME`].
const READ_TIMEOUT: &str = "30s";

/// A connection that was used within this time is not tested. Testing it each time would
/// add a round trip to every query.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);

pub(crate) async fn sqlite(settings: &DbSettings) -> Result<Pools, StorageError> {
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
    let writer = sqlite_options(path, settings, 1, WRITER_CACHE, |sqlite| {
        // Lets retention release free space in steps. Set by the writer only, because it
        // takes the write lock.
        sqlite.pragma("auto_vacuum", "INCREMENTAL")
    });
    let readers = settings.max_connections.max(1);
    let mut readers = sqlite_options(path, settings, readers, READER_CACHE, |sqlite| {
        sqlite.create_if_missing(false)
    });
    readers.idle_timeout(IDLE);
    // A minimum of one would make the pool reconnect by itself, possibly to another file at
    // that path; only queries check the files first (`DatabaseHealth::verify`).
    readers.min_connections(0);
    // First, because it creates the database.
    let write = Database::connect(writer).await?;
    // After that, no connection creates another file in its place.
    let pool = write.get_sqlite_connection_pool();
    let options = SqliteConnectOptions::clone(&pool.connect_options());
    pool.set_connect_options(options.create_if_missing(false));
    let read = Database::connect(readers).await?;
    let file = format!("sqlite://{path}").parse::<SqliteConnectOptions>();
    let files = file
        .ok()
        .and_then(|file| DatabaseFiles::opened(file.get_filename()));
    Ok(Pools {
        write,
        read,
        health: files.map_or_else(DatabaseHealth::always, DatabaseHealth::of_files),
    })
}

fn sqlite_options(
    path: &str,
    settings: &DbSettings,
    connections: u32,
    cache_kib: u32,
    more: fn(SqliteConnectOptions) -> SqliteConnectOptions,
) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite://{path}"));
    options
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None::<Duration>)
        .max_lifetime(None::<Duration>)
        .acquire_timeout(settings.connect_timeout)
        // SQLite runs in this process: there is nothing to test.
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(has_no_transaction_left))
        .map_sqlx_sqlite_opts(move |sqlite| {
            more(
                sqlite
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10))
                    // A commit is on disk when it returns.
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    // Truncates the write-ahead log after it has grown, due to many writes
                    // or a long query.
                    .pragma("journal_size_limit", "67108864")
                    .pragma("cache_size", format!("-{cache_kib}"))
                    .pragma("temp_store", "MEMORY")
                    .statement_cache_capacity(256),
            )
        });
    options
}

/// Whether a connection can be reused.
///
/// If the disk is full, SQLite itself rolls a transaction back. The ROLLBACK that follows
/// then fails, and sqlx still counts that transaction: the next one would be a savepoint
/// within it, and its COMMIT a RELEASE that makes nothing durable.
fn has_no_transaction_left(
    connection: &mut SqliteConnection,
    _: PoolConnectionMetadata,
) -> Pin<Box<dyn Future<Output = Result<bool, sqlx::Error>> + Send + '_>> {
    Box::pin(async move {
        // A rollback on drop is only queued so far; this waits for it.
        connection.ping().await?;
        let is_left = connection.is_in_transaction();
        if is_left {
            tracing::warn!("SQLite rolled a transaction back by itself; its connection is closed");
        }
        Ok(!is_left)
    })
}

pub(crate) async fn postgres(settings: &DbSettings) -> Result<Pools, StorageError> {
    let server: PgConnectOptions = settings
        .url
        .parse()
        .map_err(|error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    let write = postgres_options(settings, WRITE_CONNECTIONS, |postgres| {
        // Limits how long the locks of a replica that hangs or crashes in a transaction
        // block the others.
        postgres.options([
            ("idle_in_transaction_session_timeout", "10s"),
            // Writers look up rows by key only. For a table that grows by thousands of rows
            // a second PostgreSQL has no current statistics, would assume it is small, and
            // scan it.
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("plan_cache_mode", "force_generic_plan"),
            ("jit", "off"),
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ])
    });
    let readers = settings.max_connections.max(1);
    let read = postgres_options(settings, readers, |postgres| {
        postgres.options([
            // Compiling costs more than it saves for these queries.
            ("jit", "off"),
            // Readers stop between statements; this stops a running statement.
            ("statement_timeout", READ_TIMEOUT),
        ])
    });
    Ok(Pools {
        write: Database::connect(write).await?,
        read: Database::connect(read).await?,
        health: DatabaseHealth::of(server.application_name("tocsin health")),
    })
}

fn postgres_options(
    settings: &DbSettings,
    connections: u32,
    more: fn(PgConnectOptions) -> PgConnectOptions,
) -> ConnectOptions {
    let mut options = ConnectOptions::new(settings.url.clone());
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(settings.connect_timeout)
        .acquire_timeout(settings.connect_timeout)
        .idle_timeout(IDLE)
        .test_before_acquire_if_idle_for(TEST_AFTER_IDLE)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |postgres| {
            more(
                postgres
                    // A default of the server or user must not weaken durability.
                    .options([("synchronous_commit", "on"), ("timezone", "UTC")])
                    .application_name("tocsin")
                    .statement_cache_capacity(256),
            )
        });
    options
}
