//! Messages about database damage for `/readyz` and the pages.

use tocsin_api_types::DatabaseStatus;
use tocsin_storage::{Backend, Finding};

/// Reason why a damaged database is not ready: further writes can be lost, and an
/// administrator must act. It is cleared by the restart that a repair requires anyway.
pub(super) fn reason(backend: Backend, findings: &[Finding]) -> Option<String> {
    let status = status(findings);
    if !status.damaged {
        return None;
    }
    let tables = match status.damaged_tables.is_empty() {
        true => String::new(),
        false => format!(" (found in {})", status.damaged_tables.join(", ")),
    };
    let remedy = match backend {
        Backend::Sqlite => {
            "stop Tocsin, delete the -wal and -shm files of the database and restore a backup, or repair it with \
             \"sqlite3 FILE .recover\""
        }
        Backend::Postgres => {
            "stop Tocsin and restore a backup, or repair the database with the tools of PostgreSQL"
        }
    };
    Some(format!("the database is damaged{tables}: {remedy}"))
}

/// Warnings about unreadable rows. Other rows can be read, and deliveries are stored.
pub(super) fn warnings(findings: &[Finding]) -> Vec<String> {
    let rows = findings.iter().filter_map(|finding| match finding {
        Finding::Row { table, column, id } => Some(format!(
            "a stored row cannot be read: table {table}, column {column}, id {id}; restore a backup if the disk is \
             faulty"
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
    fn damage_is_a_reason_and_an_unreadable_row_a_warning() {
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
