//! Statements written once for both databases.

use sea_orm::{DbBackend, Statement, Value};

use crate::Backend;

/// Builds a statement from SQL with `?` placeholders. The SQL is a constant of this crate
/// and contains no literal question mark; everything from outside is a bound value.
pub(crate) fn statement(backend: Backend, sql: &str, values: Vec<Value>) -> Statement {
    match backend {
        Backend::Sqlite => Statement::from_sql_and_values(DbBackend::Sqlite, sql, values),
        Backend::Postgres => {
            Statement::from_sql_and_values(DbBackend::Postgres, numbered(sql), values)
        }
    }
}

/// Replaces each `?` by `$1`, `$2`, ….
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut next = 0;
    for part in sql.split_inclusive('?') {
        match part.strip_suffix('?') {
            Some(text) => {
                next += 1;
                out.push_str(text);
                out.push('$');
                out.push_str(&next.to_string());
            }
            None => out.push_str(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn placeholders_are_numbered_in_order() {
        assert_eq!(
            numbered("a = ? AND b IN (?, ?)"),
            "a = $1 AND b IN ($2, $3)"
        );
        assert_eq!(numbered("no values"), "no values");
    }
}
