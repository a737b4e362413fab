//! Statements that answer nothing and can wait for the next one that does.
//!
//! SQLite runs in a thread of its own, and handing it a statement costs more
//! than most small statements do. So those of a small batch are handed over
//! together, as one text with all values. They run in their order, at the
//! latest with the commit; what fails fails the transaction.

use sea_orm::Value;

/// The statements of a transaction that wait.
#[derive(Debug, Default)]
pub(crate) struct DeferredStatement {
    sql: String,
    values: Vec<Value>,
    /// How many rows the larger ones of them are for.
    rows: usize,
}

/// Texts of statements are held prepared, so there must not be too many
/// different ones: statements for more rows than this go together only with
/// those for as many.
const SMALL: usize = 8;

/// Statements for more rows than this go alone: handing over is the least of
/// what they cost.
const LARGE: usize = 64;

impl DeferredStatement {
    /// Whether a statement for `rows` rows may wait at all.
    pub(crate) fn may_wait(rows: usize) -> bool {
        rows <= LARGE
    }

    /// Whether it may go together with those that wait.
    pub(crate) fn goes_with(&self, rows: usize) -> bool {
        rows <= SMALL || self.rows == 0 || self.rows == rows
    }

    /// Adds a statement, every value of which is given.
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

    /// Takes all that waits; `None` where nothing does.
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
    fn large_ones_go_with_those_of_their_size() {
        let mut waiting = DeferredStatement::default();
        assert!(waiting.take().is_none());
        waiting.add("A ?", vec![1.into()], 1);
        assert!(waiting.goes_with(64));
        waiting.add("B ?, ?", vec![2.into(), 3.into()], 64);
        assert!(waiting.goes_with(64) && waiting.goes_with(8));
        assert!(!waiting.goes_with(32));
        let values = vec![1.into(), 2.into(), 3.into()];
        assert_eq!(waiting.take(), Some(("A ?; B ?, ?".to_owned(), values)));
        assert!(waiting.goes_with(32));
        assert!(!DeferredStatement::may_wait(128));
    }
}
