use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// Why a query or change could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database cannot be reached, is full, or is too busy. Worth trying
    /// again.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] DbErr),
    /// Two transactions waited for each other, and this one was given up.
    /// Worth trying again at once.
    #[error("another change was in the way: {0}")]
    Contended(#[source] DbErr),
    /// A uniqueness or foreign-key rule of the schema was broken.
    #[error("the change conflicts with stored data: {0}")]
    Conflict(#[source] DbErr),
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
        matches!(self, Self::Unavailable(_) | Self::Contended(_))
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
        match &error {
            DbErr::Exec(RuntimeErr::SqlxError(inner))
            | DbErr::Query(RuntimeErr::SqlxError(inner))
                if contended(&inner.to_string()) =>
            {
                Self::Contended(error)
            }
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error),
            DbErr::Exec(RuntimeErr::SqlxError(inner))
            | DbErr::Query(RuntimeErr::SqlxError(inner))
                if unavailable(&inner.to_string()) =>
            {
                Self::Unavailable(error)
            }
            _ => Self::Database(error),
        }
    }
}

/// PostgreSQL's serialization_failure and deadlock_detected.
fn contended(message: &str) -> bool {
    message.contains("deadlock detected") || message.contains("could not serialize access")
}

/// Whether the driver's message speaks of a condition that passes. The drivers
/// give codes in their own types only, which this crate cannot name; these are
/// the texts of SQLite's result codes and PostgreSQL's error classes 08, 40,
/// 53 and 57.
fn unavailable(message: &str) -> bool {
    const SIGNS: [&str; 15] = [
        "database or disk is full",
        "disk I/O error",
        "database is locked",
        "unable to open database file",
        "attempt to write a readonly database",
        "error communicating with database",
        "pool timed out",
        "closed pool",
        "Connection refused",
        "connection closed",
        "No space left on device",
        "could not extend file",
        "terminating connection",
        "the database system is",
        "remaining connection slots",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}
