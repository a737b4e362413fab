//! How connections are opened, and what is set on each of them.

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

/// The two pools, and whether what is behind them answers.
pub(crate) struct Pools {
    pub(crate) read: DatabaseConnection,
    pub(crate) write: DatabaseConnection,
    pub(crate) pulse: DatabaseHealth,
}

/// What SQLite's one writer keeps of the database's pages in memory, in KiB.
const WRITER_CACHE: u32 = 16_000;

/// What each reader keeps. There are up to `max_connections` of them, and what
/// they share lies in the system's cache anyway.
const READER_CACHE: u32 = 2_000;

/// A reader that had nothing to do for so long gives its memory back.
const IDLE: Duration = Duration::from_secs(60);

/// Connections for writing on PostgreSQL: the ingest writers, the outbox, the
/// workers and what people change. Apart from those for reading, so that slow
/// queries never make a writer wait for a connection.
const WRITE_CONNECTIONS: u32 = 12;

/// As [`crate::ReadBudget::TIME`].
const READ_TIMEOUT: &str = "30s";

/// A connection that was used within this time is believed to be alive. Asking
/// each time would add a round trip to every query.
const BELIEVED: Duration = Duration::from_secs(1);

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
        // Space freed by retention can be given back in steps. Only the writer
        // says so, because saying it takes the write lock.
        sqlite.pragma("auto_vacuum", "INCREMENTAL")
    });
    let readers = settings.max_connections.max(1);
    let mut readers = sqlite_options(path, settings, readers, READER_CACHE, |sqlite| {
        sqlite.create_if_missing(false)
    });
    readers.idle_timeout(IDLE);
    // The pool would open the last one again by itself, while another file may be there:
    // only a query looks first (`Pulse::verify`).
    readers.min_connections(0);
    // First, because it makes the database.
    let write = Database::connect(writer).await?;
    // Once it is there, no connection makes another in its place.
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
        pulse: files.map_or_else(DatabaseHealth::always, DatabaseHealth::of_files),
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
        // It is in this process: there is nothing to ask for.
        .test_before_acquire(false)
        .sqlx_logging(false)
        .map_sqlx_sqlite_pool_opts(|pool| pool.after_release(has_no_transaction_left))
        .map_sqlx_sqlite_opts(move |sqlite| {
            more(
                sqlite
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10))
                    // A commit is on the disk when it returns (rule 1).
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    // What a storm or a long query made of the log is cut off again.
                    .pragma("journal_size_limit", "67108864")
                    .pragma("cache_size", format!("-{cache_kib}"))
                    .pragma("temp_store", "MEMORY")
                    .statement_cache_capacity(256),
            )
        });
    options
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

pub(crate) async fn postgres(settings: &DbSettings) -> Result<Pools, StorageError> {
    let server: PgConnectOptions = settings
        .url
        .parse()
        .map_err(|error: sqlx::Error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
    let write = postgres_options(settings, WRITE_CONNECTIONS, |postgres| {
        // The locks of a replica that hangs in the middle of a transaction, or
        // whose machine is gone, must not hold the others up for long.
        postgres.options([
            ("idle_in_transaction_session_timeout", "10s"),
            // Writers look rows up by their keys, and nothing else. Of a table
            // that grows by thousands of rows a second PostgreSQL has no
            // statistics, would think it small, and read all of it instead.
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
            // Compiling a query costs more than it ever saves in ours.
            ("jit", "off"),
            // Readers stop between statements, and this stops the statement.
            ("statement_timeout", READ_TIMEOUT),
        ])
    });
    Ok(Pools {
        write: Database::connect(write).await?,
        read: Database::connect(read).await?,
        pulse: DatabaseHealth::of(server.application_name("tocsin pulse")),
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
        .test_before_acquire_if_idle_for(BELIEVED)
        .sqlx_logging(false)
        .map_sqlx_postgres_opts(move |postgres| {
            more(
                postgres
                    // A server or user default must not weaken rule 1.
                    .options([("synchronous_commit", "on"), ("timezone", "UTC")])
                    .application_name("tocsin")
                    .statement_cache_capacity(256),
            )
        });
    options
}
