//! Statements of many rows.
//!
//! The number of rows in a statement is always a power of two, so that a
//! connection's cache of prepared statements holds them all; a batch of 300
//! rows is 256 + 32 + 8 + 4.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::{FromQueryResult, Value};

use crate::query::Reads;
use crate::{StorageError, Tx, query};

/// SQLite takes 32,766 values a statement, PostgreSQL 65,535; more rows than
/// this bring nothing.
const MOST_ROWS: usize = 512;
const MOST_VALUES: usize = 16_384;

/// Inserts rows of `columns` values each, which lie one after another in
/// `values`. `head` is `INSERT INTO table (columns) VALUES `, `tail` what
/// follows the rows.
pub(super) async fn insert(
    tx: &Tx,
    head: &str,
    columns: usize,
    tail: &str,
    values: Vec<Value>,
) -> Result<(), StorageError> {
    let mut values = values.into_iter();
    let mut left = values.len() / columns;
    while left > 0 {
        let rows = chunk(left, columns);
        let sql = rows_sql(head, columns, rows, tail);
        tx.execute(&sql, values.by_ref().take(rows * columns).collect())
            .await?;
        left -= rows;
    }
    Ok(())
}

/// As [`insert`], for statements that return rows (`RETURNING` in `tail`).
pub(super) async fn insert_returning<T: FromQueryResult>(
    tx: &Tx,
    head: &str,
    columns: usize,
    tail: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, StorageError> {
    let mut values = values.into_iter();
    let mut left = values.len() / columns;
    let mut returned = Vec::with_capacity(left);
    while left > 0 {
        let rows = chunk(left, columns);
        let sql = rows_sql(head, columns, rows, tail);
        let bound = values.by_ref().take(rows * columns).collect();
        returned.extend(query::all::<T>(tx, &sql, bound).await?);
        left -= rows;
    }
    Ok(returned)
}

/// The rows whose key is one of `keys`: `head` ends in `IN `, and `fixed` are
/// the values of the placeholders before it.
pub(super) async fn select_in<T: FromQueryResult>(
    db: &impl Reads,
    head: &str,
    fixed: &[Value],
    keys: &[Value],
    tail: &str,
) -> Result<Vec<T>, StorageError> {
    let mut found = Vec::with_capacity(keys.len());
    for part in keys.chunks(MOST_ROWS) {
        let Some(last) = part.last() else { continue };
        let width = part.len().next_power_of_two();
        let mut values = Vec::with_capacity(fixed.len() + width);
        values.extend_from_slice(fixed);
        values.extend_from_slice(part);
        values.resize(fixed.len() + width, last.clone());
        let sql = rows_sql(head, width, 1, tail);
        found.extend(query::all::<T>(db, &sql, values).await?);
    }
    Ok(found)
}

/// Content that is stored once under a key.
pub(super) trait Content: Sync {
    /// The key.
    type Key: Clone + Eq + Hash + Ord + Send + Sync;

    /// The table, for errors.
    const TABLE: &'static str;

    /// The ids of what is stored already.
    fn find(
        &self,
        wanted: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<(Self::Key, i64)>, StorageError>> + Send;

    /// Stores what is missing and answers the ids of what it stored.
    fn store(
        &self,
        missing: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<(Self::Key, i64)>, StorageError>> + Send;
}

/// The ids of content, stored where it is missing. Another replica may store
/// the same meanwhile: then storing skips it, and it is found the second time.
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
    // One order for all replicas, so that none waits for another in a circle.
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

/// The largest power of two that is not above `left` and the bounds.
fn chunk(left: usize, columns: usize) -> usize {
    let most = left.min(MOST_ROWS).min((MOST_VALUES / columns).max(1));
    1 << most.ilog2()
}

fn rows_sql(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let mut row = String::with_capacity(columns * 2 + 2);
    row.push('(');
    for column in 0..columns {
        row.push_str(if column == 0 { "?" } else { ",?" });
    }
    row.push(')');
    let mut sql = String::with_capacity(head.len() + tail.len() + rows * (row.len() + 1) + 1);
    sql.push_str(head);
    for index in 0..rows {
        if index > 0 {
            sql.push(',');
        }
        sql.push_str(&row);
    }
    sql.push(' ');
    sql.push_str(tail);
    sql
}

#[cfg(test)]
mod tests {
    use super::{chunk, rows_sql};

    #[test]
    fn statements_come_in_powers_of_two() {
        assert_eq!(chunk(1, 10), 1);
        assert_eq!(chunk(300, 10), 256);
        assert_eq!(chunk(44, 10), 32);
        assert_eq!(chunk(100_000, 10), 512);
        assert_eq!(chunk(100_000, 100), 128);
    }

    #[test]
    fn rows_are_written_out() {
        assert_eq!(
            rows_sql("INSERT INTO t (a, b) VALUES ", 2, 2, "X"),
            "INSERT INTO t (a, b) VALUES (?,?),(?,?) X"
        );
        assert_eq!(
            rows_sql("SELECT a FROM t WHERE b IN ", 3, 1, ""),
            "SELECT a FROM t WHERE b IN (?,?,?) "
        );
    }
}
