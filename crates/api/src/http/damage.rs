//! Damage that was found in the database, in words for `/readyz` and for the pages.

use tocsin_api_types::DatabaseStatus;
use tocsin_storage::{Backend, Finding};

/// Why a damaged database is not ready: what it stores next may be lost, and its
/// administrator has to act. That ends with the restart that a repair needs anyway.
pub(super) fn reason(backend: Backend, findings: &[Finding]) -> Option<String> {
    let status = status(findings);
    if !status.damaged {
        return None;
    }
    let found = match status.damaged_tables.is_empty() {
        true => String::new(),
        false => format!(" (found in {})", status.damaged_tables.join(", ")),
    };
    let remedy = match backend {
        Backend::Sqlite => {
            "stop Tocsin, remove the -wal and -shm files beside the database and restore a backup, or repair it with \
             \"sqlite3 FILE .recover\""
        }
        Backend::Postgres => {
            "stop Tocsin and restore a backup, or repair the database by PostgreSQL's means"
        }
    };
    Some(format!("the database is damaged{found}: {remedy}"))
}

/// Rows that cannot be read. All others can, and deliveries are stored.
pub(super) fn warnings(findings: &[Finding]) -> Vec<String> {
    let rows = findings.iter().filter_map(|finding| match finding {
        Finding::Row { table, column, id } => Some(format!(
            "a stored row cannot be read: table {table}, column {column}, id {id}; restore a backup if the disk is \
             at fault"
        )),
        Finding::Database { .. } => None,
    });
    rows.collect()
}

pub(super) fn status(findings: &[Finding]) -> DatabaseStatus {
    let mut status = DatabaseStatus::default();
    for finding in findings {
        match finding {
            Finding::Database { table } => {
                status.damaged = true;
                if !table.is_empty() {
                    status.damaged_tables.push(table.clone());
                }
            }
            Finding::Row { .. } => status.unreadable_rows += 1,
        }
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_a_reason_and_a_row_is_a_warning() {
        let table = |table: &str| Finding::Database {
            table: table.to_owned(),
        };
        let row = Finding::Row {
            table: "rollups",
            column: "data",
            id: 7,
        };
        let rows = [row];
        assert_eq!(reason(Backend::Sqlite, &rows), None);
        let warnings = warnings(&rows);
        assert!(warnings[0].contains("table rollups, column data, id 7"));
        let both = [table(""), table("series"), table("rollups")];
        let reason = reason(Backend::Sqlite, &both).unwrap();
        assert!(reason.contains("(found in series, rollups)"), "{reason}");
        assert!(reason.contains(".recover"), "{reason}");
    }
}
