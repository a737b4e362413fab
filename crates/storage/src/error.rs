use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use crate::Outage;

/// Errors of queries and changes.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database cannot be reached, is full, or is too busy. Retry later.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] DbErr),
    /// The database files are missing or replaced. Nothing is read or written until they
    /// are restored.
    #[error("{0}")]
    Outage(Outage),
    /// A deadlock, in which this transaction was aborted. Retry at once.
    #[error("conflict with a concurrent transaction: {0}")]
    Contended(#[source] DbErr),
    /// A uniqueness or foreign-key constraint was violated.
    #[error("the change conflicts with stored data: {0}")]
    Conflict(#[source] DbErr),
    /// The database reports that its stored data is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(#[source] DbErr),
    /// Any other error of the database.
    #[error("the database rejected a statement: {0}")]
    Database(#[source] DbErr),
    /// A stored row contains data that this program does not write.
    #[error("corrupt row: table {table}, column {column}, id {id}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Row ID.
        id: i64,
    },
    /// The row of a change was deleted or changed concurrently.
    #[error("{0} was changed by another transaction")]
    Stale(&'static str),
    /// A query was stopped because it exceeded the time limit of a request.
    #[error("the query took too long")]
    OverBudget,
    /// A query was stopped because its client disconnected.
    #[error("the query was canceled")]
    Canceled,
    /// The database URL is invalid.
    #[error("database.url: {0}")]
    Url(String),
    /// A directory or file cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The directory or file.
        path: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
}

impl StorageError {
    /// Whether the same call may succeed later, unchanged.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Outage(_) | Self::Contended(_) | Self::OverBudget
        )
    }
}

impl From<DbErr> for StorageError {
    fn from(error: DbErr) -> Self {
        if matches!(
            error.sql_err(),
            Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_))
        ) {
            return Self::Conflict(error);
        }
        match condition(&error) {
            Condition::Contended => Self::Contended(error),
            Condition::Unavailable => Self::Unavailable(error),
            Condition::Timeout => Self::OverBudget,
            Condition::Damaged => Self::Damaged(error),
            Condition::Other => Self::Database(error),
        }
    }
}

/// Classification of a driver error.
enum Condition {
    /// A deadlock or serialization failure.
    Contended,
    /// Temporary: unreachable, full, too busy, restarting.
    Unavailable,
    /// Stopped by PostgreSQL after `statement_timeout`.
    Timeout,
    /// Stored data cannot be read.
    Damaged,
    Other,
}

fn condition(error: &DbErr) -> Condition {
    let inner = match error {
        DbErr::ConnectionAcquire(_) => return Condition::Unavailable,
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => &**inner,
        DbErr::Conn(_) => return Condition::Unavailable,
        _ => return Condition::Other,
    };
    match inner {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        // The server closed the connection in the middle of a response.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Condition::Unavailable,
        sqlx::Error::Database(answer) => answer.code().map_or(Condition::Other, |code| {
            // SQLite's codes are numbers; PostgreSQL's have five characters.
            if answer.try_downcast_ref::<SqliteError>().is_some() {
                sqlite(&code)
            } else {
                postgres(&code)
            }
        }),
        _ if matches!(error, DbErr::Conn(_)) => Condition::Unavailable,
        _ => Condition::Other,
    }
}

/// <https://sqlite.org/rescode.html>; the low byte of an extended code is the primary code.
fn sqlite(code: &str) -> Condition {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    const NOTADB: u32 = 26;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(BUSY | LOCKED | READONLY | IOERR | FULL | CANTOPEN) => Condition::Unavailable,
        Ok(CORRUPT | NOTADB) => Condition::Damaged,
        _ => Condition::Other,
    }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres(code: &str) -> Condition {
    match code {
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Condition::Contended,
        // query_canceled
        "57014" => Condition::Timeout,
        // object_not_in_prerequisite_state: a database that does not accept connections;
        // the transaction timed out; a standby.
        "55000" | "25P03" | "25006" => Condition::Unavailable,
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => Condition::Damaged,
        _ => match code.get(..2) {
            // Connection; resources; an operator (shutdown, startup); the system (disk).
            Some("08" | "53" | "57" | "58") => Condition::Unavailable,
            _ => Condition::Other,
        },
    }
}
