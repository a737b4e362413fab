//! Statements with many rows. A table's rows are described once, as columns and values;
//! each database has its own way to take them.
//!
//! SQLite takes `VALUES (…), (…)`. The number of rows in a statement is always a power of
//! two, so that the connection's cache of prepared statements holds all variants. Small
//! batches use one padded statement, because a statement costs more than a row: 300 rows
//! become a statement of 256 and one of 64 whose last 20 rows are null and ignored.
//! PostgreSQL takes one array per column, `unnest($1, …)`: one statement for any number of
//! rows, planned once.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::sea_query::ArrayType;
use sea_orm::{FromQueryResult, Value};

use crate::query::{self, Reads};
use crate::{Backend, StorageError, Tx};

/// SQLite accepts 32,766 values per statement; more rows than this are no faster.
const MOST_ROWS: usize = 512;
const MOST_VALUES: usize = 16_384;

/// Fewer rows than this go into one statement.
const FEW_ROWS: usize = 64;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// BIGINT, nullable.
    Big,
    /// SMALLINT, nullable.
    Small,
    /// TEXT
    Text,
    /// TEXT, nullable.
    MaybeText,
    /// BLOB or BYTEA
    Bytes,
    /// BOOLEAN
    Bool,
}

/// Name and type of each column.
pub(super) type Columns = &'static [(&'static str, Type)];

/// Rows of one shape. The first column is never null.
pub(super) struct Rows {
    columns: Columns,
    values: Vec<Value>,
}

impl Rows {
    /// Creates an empty list with capacity for `rows` rows.
    pub(super) fn new(columns: Columns, rows: usize) -> Self {
        Self {
            columns,
            values: Vec::with_capacity(rows * columns.len()),
        }
    }

    /// Appends a row, one value per column.
    pub(super) fn push<const N: usize>(&mut self, row: [Value; N]) {
        debug_assert_eq!(N, self.columns.len(), "a value for each column");
        self.values.extend(row);
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// The statements that insert the rows: the SQL of a chunk, its values, and the number
    /// of rows it has placeholders for.
    fn statements(self, backend: Backend) -> Vec<(String, Vec<Value>, usize)> {
        if self.values.is_empty() {
            return Vec::new();
        }
        match backend {
            Backend::Sqlite => self.tuples(),
            Backend::Postgres => vec![self.arrays()],
        }
    }

    fn tuples(self) -> Vec<(String, Vec<Value>, usize)> {
        let columns = self.columns.len();
        let mut left = self.values.len() / columns;
        let mut values = self.values.into_iter();
        let mut statements = Vec::new();
        while left > 0 {
            let rows = chunk(left, columns);
            let mut bound = Vec::with_capacity(rows * columns);
            bound.extend(values.by_ref().take(rows * columns));
            bound.resize(rows * columns, Value::BigInt(None));
            statements.push((tuples_sql(columns, rows), bound, rows));
            left = left.saturating_sub(rows);
        }
        statements
    }

    /// Arrays contain no nulls here: a value that no column holds stands in for null.
    fn arrays(self) -> (String, Vec<Value>, usize) {
        let columns = self.columns;
        let rows = self.values.len() / columns.len();
        let mut arrays: Vec<Vec<Value>> =
            columns.iter().map(|_| Vec::with_capacity(rows)).collect();
        for (at, value) in self.values.into_iter().enumerate() {
            let place = at % columns.len();
            arrays[place].push(columns[place].1.filled(value));
        }
        let chosen: Vec<String> = columns
            .iter()
            .map(|(name, kind)| kind.emptied(name))
            .collect();
        let lists: Vec<&str> = columns.iter().map(|(_, kind)| kind.list()).collect();
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let sql = format!(
            "SELECT {} FROM unnest({}) AS batch ({})",
            chosen.join(", "),
            lists.join(", "),
            names.join(", ")
        );
        let values = arrays
            .into_iter()
            .zip(columns)
            .map(|(values, (_, kind))| Value::Array(kind.array(), Some(Box::new(values))))
            .collect();
        (sql, values, rows)
    }
}

impl Type {
    fn array(self) -> ArrayType {
        match self {
            Self::Big => ArrayType::BigInt,
            Self::Small => ArrayType::SmallInt,
            Self::Text | Self::MaybeText => ArrayType::String,
            Self::Bytes => ArrayType::Bytes,
            Self::Bool => ArrayType::Bool,
        }
    }

    /// Placeholder for an array.
    fn list(self) -> &'static str {
        match self {
            Self::Big => "CAST(? AS BIGINT[])",
            Self::Small => "CAST(? AS SMALLINT[])",
            Self::Text | Self::MaybeText => "CAST(? AS TEXT[])",
            Self::Bytes => "CAST(? AS BYTEA[])",
            Self::Bool => "CAST(? AS BOOLEAN[])",
        }
    }

    fn filled(self, value: Value) -> Value {
        match (self, value) {
            (Self::Big, Value::BigInt(None)) => i64::MIN.into(),
            (Self::Small, Value::SmallInt(None)) => i16::MIN.into(),
            (Self::MaybeText, Value::String(Some(text))) => format!("={text}").into(),
            (Self::MaybeText, _) => "".into(),
            (_, value) => value,
        }
    }

    fn emptied(self, name: &str) -> String {
        match self {
            Self::Big => format!("NULLIF({name}, (-9223372036854775807 - 1))"),
            Self::Small => format!("CAST(NULLIF({name}, -32768) AS SMALLINT)"),
            Self::MaybeText => format!("CASE WHEN {name} <> '' THEN SUBSTR({name}, 2) END"),
            Self::Text | Self::Bytes | Self::Bool => name.to_owned(),
        }
    }
}

/// Inserts rows into a table; `tail` follows the values.
pub(super) async fn insert(
    tx: &Tx,
    table: &str,
    tail: &str,
    rows: Rows,
) -> Result<(), StorageError> {
    let names = rows.names();
    for (rows_sql, values, room) in rows.statements(tx.backend) {
        let sql = format!("INSERT INTO {table} ({names}) {rows_sql} {tail}");
        tx.defer(&sql, values, room).await?;
    }
    Ok(())
}

/// As [`insert`], for statements that return rows (`RETURNING` in `tail`).
pub(super) async fn insert_returning<T: FromQueryResult>(
    tx: &Tx,
    table: &str,
    tail: &str,
    rows: Rows,
) -> Result<Vec<T>, StorageError> {
    let names = rows.names();
    let mut returned = Vec::new();
    for (rows_sql, values, _) in rows.statements(tx.backend) {
        let sql = format!("INSERT INTO {table} ({names}) {rows_sql} {tail}");
        returned.extend(query::all::<T>(tx, &sql, values).await?);
    }
    Ok(returned)
}

/// Runs a statement that can read the rows as a table called `name`.
pub(super) async fn with(
    tx: &Tx,
    name: &str,
    statement: &str,
    rows: Rows,
) -> Result<(), StorageError> {
    let names = rows.names();
    for (rows_sql, values, room) in rows.statements(tx.backend) {
        let sql = format!("WITH {name} ({names}) AS ({rows_sql}) {statement}");
        tx.defer(&sql, values, room).await?;
    }
    Ok(())
}

/// Selects the rows whose key is one of `keys`; `head` ends with the key column.
pub(super) async fn select_in<T: FromQueryResult>(
    db: &impl Reads,
    head: &str,
    kind: Type,
    keys: Vec<Value>,
    tail: &str,
) -> Result<Vec<T>, StorageError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    if db.backend() == Backend::Postgres {
        let sql = format!("{head} = ANY({}) {tail}", kind.list());
        let list = Value::Array(kind.array(), Some(Box::new(keys)));
        return query::all(db, &sql, vec![list]).await;
    }
    let mut found = Vec::with_capacity(keys.len());
    for part in keys.chunks(MOST_ROWS) {
        let Some(last) = part.last() else { continue };
        let width = part.len().next_power_of_two();
        let mut values = Vec::with_capacity(width);
        values.extend_from_slice(part);
        values.resize(width, last.clone());
        let sql = format!("{head} IN {} {tail}", tuple_sql(width));
        found.extend(query::all::<T>(db, &sql, values).await?);
    }
    Ok(found)
}

/// Content that is stored once per key.
pub(super) trait Content: Sync {
    /// The key.
    type Key: Clone + Eq + Hash + Ord + Send + Sync;

    /// Table name, for errors.
    const TABLE: &'static str;

    /// Returns the IDs of the keys that are stored.
    fn find(
        &self,
        wanted: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<(Self::Key, i64)>, StorageError>> + Send;

    /// Stores the missing keys and returns the IDs of those it stored.
    fn store(
        &self,
        missing: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<(Self::Key, i64)>, StorageError>> + Send;
}

/// Returns the ID of each key, storing those that are missing. Another replica may store
/// the same key at the same time: the insert then skips it, and the second lookup finds it.
pub(super) async fn find_or_store<C: Content>(
    content: &C,
    wanted: Vec<C::Key>,
) -> Result<HashMap<C::Key, i64>, StorageError> {
    let mut ids: HashMap<C::Key, i64> = content.find(&wanted).await?.into_iter().collect();
    let mut missing: Vec<C::Key> = wanted
        .into_iter()
        .filter(|key| !ids.contains_key(key))
        .collect();
    if missing.is_empty() {
        return Ok(ids);
    }
    // Same order in all replicas, which prevents deadlocks.
    missing.sort();
    missing.dedup();
    ids.extend(content.store(&missing).await?);
    missing.retain(|key| !ids.contains_key(key));
    if !missing.is_empty() {
        ids.extend(content.find(&missing).await?);
        if missing.iter().any(|key| !ids.contains_key(key)) {
            return Err(StorageError::Stale(C::TABLE));
        }
    }
    Ok(ids)
}

/// Number of rows in the next statement, given the number of rows left.
fn chunk(left: usize, columns: usize) -> usize {
    if left < FEW_ROWS {
        return left.next_power_of_two();
    }
    let most = left.min(MOST_ROWS).min((MOST_VALUES / columns).max(1));
    1 << most.ilog2()
}

fn tuple_sql(columns: usize) -> String {
    let mut row = String::with_capacity(columns * 2 + 2);
    row.push('(');
    for column in 0..columns {
        row.push_str(if column == 0 { "?" } else { ",?" });
    }
    row.push(')');
    row
}

fn tuples_sql(columns: usize, rows: usize) -> String {
    let row = tuple_sql(columns);
    let mut sql = String::with_capacity(64 + rows * (row.len() + 1));
    let with_room = 1 < rows && rows <= FEW_ROWS;
    sql.push_str(if with_room {
        "SELECT * FROM (VALUES "
    } else {
        "VALUES "
    });
    for index in 0..rows {
        if index > 0 {
            sql.push(',');
        }
        sql.push_str(&row);
    }
    if with_room {
        sql.push_str(") WHERE column1 IS NOT NULL");
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::{Columns, Rows, Type, chunk, tuples_sql};

    #[test]
    fn statement_sizes_are_powers_of_two() {
        assert_eq!(chunk(1, 10), 1);
        assert_eq!(chunk(300, 10), 256);
        assert_eq!(chunk(44, 10), 64);
        assert_eq!(chunk(65, 10), 64);
        assert_eq!(chunk(100_000, 10), 512);
        assert_eq!(chunk(100_000, 100), 128);
    }

    #[test]
    fn sqlite_pads_small_statements() {
        assert_eq!(tuples_sql(2, 1), "VALUES (?,?)");
        assert_eq!(
            tuples_sql(2, 2),
            "SELECT * FROM (VALUES (?,?),(?,?)) WHERE column1 IS NOT NULL"
        );
        assert!(tuples_sql(2, 128).starts_with("VALUES "));
    }

    #[test]
    fn postgres_takes_one_array_per_column() {
        const COLUMNS: Columns = &[("a", Type::Big), ("b", Type::Text)];
        let mut rows = Rows::new(COLUMNS, 2);
        rows.push([1i64.into(), "x".into()]);
        rows.push([None::<i64>.into(), "y".into()]);
        let (sql, values, room) = rows.arrays();
        assert_eq!(
            sql,
            "SELECT NULLIF(a, (-9223372036854775807 - 1)), b FROM \
             unnest(CAST(? AS BIGINT[]), CAST(? AS TEXT[])) AS batch (a, b)"
        );
        assert_eq!((values.len(), room), (2, 2));
    }
}
