//! Statements without a result, deferred until the next statement that has one.
//!
//! SQLite runs in a thread of its own, and passing a statement to it costs more than most
//! small statements. So those of a small batch are passed together, as one string with all
//! values. They run in order, at the latest with the commit; a failure fails the
//! transaction.

use sea_orm::Value;

/// Deferred statements of a transaction.
#[derive(Debug, Default)]
pub(crate) struct DeferredStatement {
    sql: String,
    values: Vec<Value>,
    /// Number of rows of the larger statements among them.
    rows: usize,
}

/// The combined strings are cached as prepared statements, so the number of variants is
/// limited: a statement with more rows than this is combined only with statements of the
/// same number of rows.
const SMALL: usize = 8;

/// A statement with more rows than this is not deferred: the cost of passing it is
/// negligible.
const LARGE: usize = 64;

impl DeferredStatement {
    /// Whether a statement for `rows` rows can be deferred.
    pub(crate) fn can_defer(rows: usize) -> bool {
        rows <= LARGE
    }

    /// Whether it can be combined with the deferred statements.
    pub(crate) fn can_combine(&self, rows: usize) -> bool {
        rows <= SMALL || self.rows == 0 || self.rows == rows
    }

    /// Adds a statement with all its values.
    pub(crate) fn add(&mut self, sql: &str, values: Vec<Value>, rows: usize) {
        if !self.sql.is_empty() {
            self.sql.push_str("; ");
        }
        self.sql.push_str(sql);
        self.values.extend(values);
        if rows > SMALL {
            self.rows = rows;
        }
    }

    /// Takes the deferred statements; `None` if there are none.
    pub(crate) fn take(&mut self) -> Option<(String, Vec<Value>)> {
        if self.sql.is_empty() {
            return None;
        }
        let all = std::mem::take(self);
        Some((all.sql, all.values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_statements_are_combined_by_size() {
        let mut deferred = DeferredStatement::default();
        assert!(deferred.take().is_none());
        deferred.add("A ?", vec![1.into()], 1);
        assert!(deferred.can_combine(64));
        deferred.add("B ?, ?", vec![2.into(), 3.into()], 64);
        assert!(deferred.can_combine(64) && deferred.can_combine(8));
        assert!(!deferred.can_combine(32));
        let values = vec![1.into(), 2.into(), 3.into()];
        assert_eq!(deferred.take(), Some(("A ?; B ?, ?".to_owned(), values)));
        assert!(deferred.can_combine(32));
        assert!(!DeferredStatement::can_defer(128));
    }
}
