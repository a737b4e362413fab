//! Damage found in the stored data, kept until the program restarts: a disk that
//! returns other bytes than were written is not shown by one failed query only.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Db, StorageError};

/// Findings that are kept. The first few say what to do; a damaged disk would
/// yield one for every row.
const MAX_FINDINGS: usize = 20;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// The database reports that it is damaged itself: pages of the file, an index.
    /// Which table is not said, only that of the statement is known.
    Database {
        /// A table of the statement that failed; empty where it is not known.
        table: String,
    },
    /// One row does not hold what this program writes. All others can be used.
    Row {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
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

    /// Keeps what an error says of damage. `sql` is the statement that failed, if
    /// it is known.
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

    /// As [`Damage::note`], of a result.
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
    /// The damage that was found since the start, the first few findings of it.
    pub fn findings(&self) -> Vec<Finding> {
        self.damage.findings()
    }

    /// Keeps what an error says of damage, for [`Db::findings`]. Errors of statements
    /// are kept by themselves; a row that was read and cannot be understood is known
    /// to its reader only.
    pub fn note(&self, error: &StorageError) {
        self.damage.note(error, "");
    }
}

/// The table that a statement names first. Our SQL has its keywords in capitals.
fn first_table(sql: &str) -> &str {
    let mut words = sql.split([' ', '\n', '(', ')', ',']).map(str::trim);
    while let Some(word) = words.next() {
        if !matches!(word, "FROM" | "INTO" | "UPDATE" | "JOIN") {
            continue;
        }
        let is_name = |word: &&str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        };
        // Of a subquery the table is the next one.
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
    fn the_first_table_of_a_statement_is_named() {
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
    fn findings_are_bounded_and_kept_once() {
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
