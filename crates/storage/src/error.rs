use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use crate::Outage;

/// Why a query or change could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database cannot be reached, is full, or is too busy. Worth trying
    /// again.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] DbErr),
    /// The files of the database are gone, or others are in their place. Nothing is
    /// read or written until they are back.
    #[error("{0}")]
    Outage(Outage),
    /// Two transactions waited for each other, and this one was given up.
    /// Worth trying again at once.
    #[error("another change was in the way: {0}")]
    Contended(#[source] DbErr),
    /// A uniqueness or foreign-key rule of the schema was broken.
    #[error("the change conflicts with stored data: {0}")]
    Conflict(#[source] DbErr),
    /// The database reports that what it has stored is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(#[source] DbErr),
    /// Any other answer of the database.
    #[error("the database refused a statement: {0}")]
    Database(#[source] DbErr),
    /// A stored row does not hold what this program writes.
    #[error("corrupt row: table {table}, column {column}, id {id}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: i64,
    },
    /// A change found its row gone or changed by somebody else.
    #[error("{0} was changed by somebody else meanwhile")]
    Stale(&'static str),
    /// A query was stopped, because it took longer than a request may.
    #[error("the query took too long")]
    OverBudget,
    /// A query was stopped, because nobody waits for its answer.
    #[error("the query was canceled")]
    Canceled,
    /// The address of the database cannot be read.
    #[error("database.url: {0}")]
    Url(String),
    /// A directory or file cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The directory or file.
        path: String,
        /// What the system said.
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
            Condition::Away => Self::Unavailable(error),
            Condition::TooLong => Self::OverBudget,
            Condition::Damaged => Self::Damaged(error),
            Condition::Other => Self::Database(error),
        }
    }
}

/// What an answer of the driver is a sign of.
enum Condition {
    /// Two transactions met.
    Contended,
    /// It passes: not reached, full, too busy, being restarted.
    Away,
    /// PostgreSQL stopped it after `statement_timeout`.
    TooLong,
    /// What is stored cannot be read.
    Damaged,
    Other,
}

fn condition(error: &DbErr) -> Condition {
    let inner = match error {
        DbErr::ConnectionAcquire(_) => return Condition::Away,
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => &**inner,
        DbErr::Conn(_) => return Condition::Away,
        _ => return Condition::Other,
    };
    match inner {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        // A server that ends in the middle of an answer.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Condition::Away,
        sqlx::Error::Database(answer) => answer.code().map_or(Condition::Other, |code| {
            // SQLite's codes are numbers; PostgreSQL's have five letters.
            if answer.try_downcast_ref::<SqliteError>().is_some() {
                sqlite(&code)
            } else {
                postgres(&code)
            }
        }),
        _ if matches!(error, DbErr::Conn(_)) => Condition::Away,
        _ => Condition::Other,
    }
}

/// <https://sqlite.org/rescode.html>; an extended code has the plain one in its
/// low byte.
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
        Ok(BUSY | LOCKED | READONLY | IOERR | FULL | CANTOPEN) => Condition::Away,
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
        "57014" => Condition::TooLong,
        // object_not_in_prerequisite_state: a database that allows no
        // connections; the transaction took too long; a standby.
        "55000" | "25P03" | "25006" => Condition::Away,
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => Condition::Damaged,
        _ => match code.get(..2) {
            // Connection; resources; an operator (shut down, starting up);
            // the system (the disk).
            Some("08" | "53" | "57" | "58") => Condition::Away,
            _ => Condition::Other,
        },
    }
}
