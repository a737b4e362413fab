//! Reading, the same through [`Db`] and through an open [`Tx`], and the few
//! phrases in which the two databases differ.

use std::fmt::Write as _;

use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, Statement, Value};
use tocsin_core::alert::Labels;
use tocsin_core::time::Timestamp;

use crate::{Backend, Db, StorageError, Tx};

/// What can be read from: the database, or an open transaction, which sees its
/// own changes.
pub trait Reads: sealed::Connection {}

impl Reads for Db {}
impl Reads for Tx {}

pub(crate) use sealed::Connection;

mod sealed {
    use super::*;

    /// Keeps the database library out of the signatures of this crate.
    pub trait Connection: Sync {
        fn backend(&self) -> Backend;
        /// Keeps what the error of a statement says of damage.
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

/// All rows of a query.
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

/// The first row of a query, if any.
pub(crate) async fn first<T: FromQueryResult>(
    db: &impl Reads,
    sql: &str,
    values: Vec<Value>,
) -> Result<Option<T>, StorageError> {
    Ok(all(db, sql, values).await?.into_iter().next())
}

/// The rows of a query for one column of whole numbers, named `n`.
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

/// A query whose single placeholder list of ids may be of any length: it is
/// bound as one JSON text. Yields rows with a column `value`.
pub(crate) fn id_list(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SELECT value FROM json_each(?)",
        Backend::Postgres => {
            "SELECT CAST(value AS BIGINT) AS value FROM json_array_elements_text(CAST(? AS json))"
        }
    }
}

/// The condition that `column` is one of the numbers of [`ids`]. On PostgreSQL
/// as an array: of a list of unknown length it thinks as of a few, and looks
/// each up, where it would join a table of unknown length by reading the other.
pub(crate) fn among(backend: Backend, column: &str) -> String {
    let list = id_list(backend);
    match backend {
        Backend::Sqlite => format!("{column} IN ({list})"),
        Backend::Postgres => format!("{column} = ANY (ARRAY({list}))"),
    }
}

/// As [`id_list`], of anything: `value` is one element as JSON, of which `->>`
/// takes parts.
pub(crate) fn json_list(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SELECT value FROM json_each(?)",
        Backend::Postgres => "SELECT value FROM json_array_elements(CAST(? AS json))",
    }
}

/// As [`id_list`], of texts.
pub(crate) fn text_list(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "SELECT value FROM json_each(?)",
        Backend::Postgres => "SELECT value FROM json_array_elements_text(CAST(? AS json))",
    }
}

/// The value for [`id_list`].
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

/// The value for [`text_list`].
pub(crate) fn texts(texts: &[String]) -> Value {
    let clean: Vec<String> = texts.iter().map(|text| without_nul(text)).collect();
    serde_json::Value::from(clean).to_string().into()
}

/// A text from outside. NUL is stored as U+FFFD (rule 7), for PostgreSQL takes
/// none; so it is looked for as U+FFFD, too.
pub(crate) fn text(text: &str) -> Value {
    without_nul(text).into()
}

/// `text` with U+FFFD for NUL.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// Orders texts by their bytes on both databases; PostgreSQL would otherwise
/// follow the language of its cluster.
pub(crate) fn bytewise(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "",
        Backend::Postgres => " COLLATE \"C\"",
    }
}

/// The time of a stored number.
pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// The labels of a stored JSON text.
pub(crate) fn labels(
    json: &str,
    table: &'static str,
    column: &'static str,
    id: i64,
) -> Result<Labels, StorageError> {
    serde_json::from_str(json).map_err(|_| StorageError::Corrupt { table, column, id })
}

/// Conditions that must all hold, with their values in the order of the
/// placeholders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// One more condition.
    pub(crate) fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        if !self.sql.is_empty() {
            self.sql.push_str(" AND ");
        }
        self.sql.push('(');
        self.sql.push_str(sql);
        self.sql.push(')');
        self.values.extend(values);
    }

    /// ` WHERE …`, or nothing, and the values.
    pub(crate) fn into_where(self) -> (String, Vec<Value>) {
        match self.sql.is_empty() {
            true => (String::new(), self.values),
            false => (format!(" WHERE {}", self.sql), self.values),
        }
    }

    /// The bare conditions and their values.
    pub(crate) fn into_parts(self) -> (String, Vec<Value>) {
        (self.sql, self.values)
    }
}
