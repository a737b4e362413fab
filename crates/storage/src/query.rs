//! Reading through [`Db`] or an open [`Tx`], and the SQL in which the two databases
//! differ.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, Statement, Value};
use tocsin_core::alert::Labels;
use tocsin_core::time::Timestamp;

use crate::{Backend, Db, StorageError, Tx};

/// A source of reads: the database, or an open transaction, which sees its own changes.
pub trait Reads: sealed::Connection {}

impl Reads for Db {}
impl Reads for Tx {}

pub(crate) use sealed::Connection;

mod sealed {
    use super::*;

    /// Keeps the database library out of the signatures of this crate.
    pub trait Connection: Sync {
        fn backend(&self) -> Backend;
        /// Records signs of database damage in the error of a statement.
        fn note(&self, error: &StorageError, sql: &str);
        fn run(
            &self,
            statement: Statement,
        ) -> impl Future<Output = Result<Vec<QueryResult>, StorageError>> + Send;
    }

    impl Connection for Db {
        fn backend(&self) -> Backend {
            Db::backend(self)
        }

        fn note(&self, error: &StorageError, sql: &str) {
            self.damage.note(error, sql);
        }

        async fn run(&self, statement: Statement) -> Result<Vec<QueryResult>, StorageError> {
            self.health().verify()?;
            let _turn = self.slow_lane.turn(self.budget.as_ref()).await;
            Ok(self.reader()?.query_all_raw(statement).await?)
        }
    }

    impl Connection for Tx {
        fn backend(&self) -> Backend {
            self.backend
        }

        fn note(&self, error: &StorageError, sql: &str) {
            self.damage.note(error, sql);
        }

        async fn run(&self, statement: Statement) -> Result<Vec<QueryResult>, StorageError> {
            self.run_deferred().await?;
            Ok(self.inner.query_all_raw(statement).await?)
        }
    }
}

/// Returns all rows of a query.
pub(crate) async fn all<T: FromQueryResult>(
    db: &impl Reads,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, StorageError> {
    let statement = crate::sql::statement(db.backend(), sql, values);
    let rows = db.run(statement).await;
    let rows = rows.inspect_err(|error| db.note(error, sql))?;
    rows.iter()
        .map(|row| T::from_query_result(row, "").map_err(StorageError::from))
        .collect()
}

/// Returns the first row of a query, if any.
pub(crate) async fn first<T: FromQueryResult>(
    db: &impl Reads,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<T>, StorageError> {
    Ok(all(db, sql, values).await?.into_iter().next())
}

/// Returns the integer column `n` of all rows of a query.
pub(crate) async fn numbers(
    db: &impl Reads,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<i64>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        n: i64,
    }
    let rows: Vec<Row> = all(db, sql, values).await?;
    Ok(rows.into_iter().map(|row| row.n).collect())
}

/// Subquery for a list of IDs of any length, bound as one JSON value. Returns rows with a
/// column `value`.
pub(crate) fn id_list(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SELECT value FROM json_each(?)",
        Backend::Postgres => {
            "SELECT CAST(value AS BIGINT) AS value FROM json_array_elements_text(CAST(? AS json))"
        }
    }
}

/// The condition that `column` is one of [`ids`]. On PostgreSQL the list is an array: the
/// planner assumes an array of unknown length to be short and looks up each element, but
/// would join a subquery of unknown length by scanning the table.
pub(crate) fn among(backend: Backend, column: &str) -> String {
    let list = id_list(backend);
    match backend {
        Backend::Sqlite => format!("{column} IN ({list})"),
        Backend::Postgres => format!("{column} = ANY (ARRAY({list}))"),
    }
}

/// As [`id_list`], for any JSON elements; `->>` extracts parts of `value`.
pub(crate) fn json_list(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SELECT value FROM json_each(?)",
        Backend::Postgres => "SELECT value FROM json_array_elements(CAST(? AS json))",
    }
}

/// As [`id_list`], for strings.
pub(crate) fn text_list(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SELECT value FROM json_each(?)",
        Backend::Postgres => "SELECT value FROM json_array_elements_text(CAST(? AS json))",
    }
}

/// The bound value for [`id_list`].
pub(crate) fn ids(ids: &[i64]) -> Value {
    let mut json = String::with_capacity(ids.len() * 8 + 2);
    json.push('[');
    for (index, id) in ids.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(json, "{comma}{id}");
    }
    json.push(']');
    json.into()
}

/// The bound value for [`text_list`].
pub(crate) fn texts(texts: &[String]) -> Value {
    let clean: Vec<String> = texts.iter().map(|text| without_nul(text)).collect();
    serde_json::Value::from(clean).to_string().into()
}

/// A string from outside. PostgreSQL rejects NUL, so it is stored and searched as
/// U+FFFD.
pub(crate) fn text(text: &str) -> Value {
    without_nul(text).into()
}

/// Replaces NUL by U+FFFD.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// Orders strings by their bytes on both databases; PostgreSQL otherwise uses the locale
/// of its cluster.
pub(crate) fn bytewise(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "",
        Backend::Postgres => " COLLATE \"C\"",
    }
}

/// Converts a stored time, in microseconds.
pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// Parses stored labels.
pub(crate) fn labels(
    json: &str,
    table: &'static str,
    column: &'static str,
    id: i64,
) -> Result<Labels, StorageError> {
    serde_json::from_str(json).map_err(|_| StorageError::Corrupt { table, column, id })
}

/// SQL conditions joined by AND, with their values in the order of the placeholders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition.
    pub(crate) fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push('(');
        self.sql.push_str(sql);
        self.sql.push(')');
        self.values.extend(values);
    }

    /// Returns ` WHERE …`, or an empty string, and the values.
    pub(crate) fn into_where(self) -> (String, Vec<Value>) {
        match self.sql.is_empty() {
            true => (String::new(), self.values),
            false => (format!(" WHERE {}", self.sql), self.values),
        }
    }

    /// Returns the bare conditions and their values.
    pub(crate) fn into_parts(self) -> (String, Vec<Value>) {
        (self.sql, self.values)
    }
}
