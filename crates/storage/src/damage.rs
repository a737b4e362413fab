//! Damage found in the stored data, kept until the program restarts: one failed query alone
//! does not reveal a disk that returns wrong data.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Db, StorageError};

/// Maximum number of findings kept. The first few are enough to act on; a damaged disk
/// could produce one per row.
const MAX_FINDINGS: usize = 20;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The database reports damage, such as in file pages or an index. It does not report
    /// the table; only that of the statement is known.
    Database {
        /// A table of the failed statement; empty if unknown.
        table: String,
    },
    /// One row contains data that this program does not write. All others are usable.
    Row {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Row ID.
        id: i64,
    },
}

/// All findings since the start. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Damage {
    found: Arc<Mutex<BTreeSet<Finding>>>,
}

impl Damage {
    fn findings(&self) -> Vec<Finding> {
        self.found().iter().cloned().collect()
    }

    /// Records the damage that an error reports, if any. `sql` is the failed statement, if
    /// known.
    pub(crate) fn note(&self, error: &StorageError, sql: &str) {
        let finding = match error {
            StorageError::Damaged(_) => Finding::Database {
                table: first_table(sql).to_owned(),
            },
            StorageError::Corrupt { table, column, id } => Finding::Row {
                table,
                column,
                id: *id,
            },
            _ => return,
        };
        let mut found = self.found();
        if found.len() < MAX_FINDINGS && found.insert(finding.clone()) {
            match finding {
                Finding::Database { table } => tracing::error!(
                    table,
                    %error,
                    "the database is damaged: stop Tocsin and restore a backup"
                ),
                Finding::Row { .. } => tracing::error!(%error, "a stored row cannot be read"),
            }
        }
    }

    /// As [`Damage::note`], for a result.
    pub(crate) fn noted<T, E: Into<StorageError>>(
        &self,
        sql: &str,
        result: Result<T, E>,
    ) -> Result<T, StorageError> {
        result.map_err(|error| {
            let error = error.into();
            self.note(&error, sql);
            error
        })
    }

    fn found(&self) -> MutexGuard<'_, BTreeSet<Finding>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Db {
    /// Returns the damage found since the start, the first few findings.
    pub fn findings(&self) -> Vec<Finding> {
        self.damage.findings()
    }

    /// Records the damage that an error reports, for [`Db::findings`]. Errors of statements
    /// are recorded automatically; only the reader of a row detects that it is malformed.
    pub fn note(&self, error: &StorageError) {
        self.damage.note(error, "");
    }
}

/// The first table named by a statement. Keywords are upper-case in our SQL.
fn first_table(sql: &str) -> &str {
    let mut words = sql.split([' ', '\n', '(', ')', ',']).map(str::trim);
    while let Some(word) = words.next() {
        if !matches!(word, "FROM" | "INTO" | "UPDATE" | "JOIN") {
            continue;
        }
        let is_name = |word: &&str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        // For a subquery, the next name is the table.
        if let Some(name) = words.next().filter(is_name) {
            return name;
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_table_of_a_statement_is_found() {
        for (sql, table) in [
            ("SELECT a, b FROM rollups WHERE c = ?", "rollups"),
            ("SELECT x FROM (SELECT y FROM series) AS z", "series"),
            ("INSERT INTO meta (name, value) VALUES (?, ?)", "meta"),
            ("UPDATE incidents SET a = ?", "incidents"),
            ("DELETE FROM changes WHERE id IN (SELECT 1)", "changes"),
            ("PRAGMA quick_check", ""),
            ("", ""),
        ] {
            assert_eq!(first_table(sql), table, "{sql}");
        }
    }

    #[test]
    fn findings_are_bounded_and_distinct() {
        let damage = Damage::default();
        for id in 0..100 {
            let row = StorageError::Corrupt {
                table: "rollups",
                column: "data",
                id,
            };
            damage.note(&row, "");
            damage.note(&row, "");
        }
        assert_eq!(damage.findings().len(), MAX_FINDINGS);
    }
}
