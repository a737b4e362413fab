//! Changing who is mailed, and about what: recipients, groups and routes.
//!
//! Each change is checked whole before anything is written, and written in one
//! transaction that counts the directory's version up, by which ingest knows
//! that its routing plan is old.

mod groups;
mod recipients;
mod routes;

pub use groups::{GroupDraft, create_group, delete_group, update_group};
pub use recipients::{
    MailDefaults, RecipientDraft, create_recipient, delete_recipient, update_recipient,
};
pub use routes::{RouteDraft, create_route, delete_route, reorder_routes, update_route};

use tocsin_storage::directory::NamedRef;

use crate::change::Issues;

/// The most numbers that one request may name.
const MAX_REFERENCES: usize = 5_000;

/// Each number once, ascending.
fn distinct(ids: &[i64]) -> Vec<i64> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Bounds a list of numbers before it is looked up.
fn check_length(issues: &mut Issues, field: &str, ids: &[i64]) {
    if ids.len() > MAX_REFERENCES {
        issues.add(
            field,
            format!(
                "expected at most {MAX_REFERENCES} numbers, not {}",
                ids.len()
            ),
        );
    }
}

/// Names the numbers that nothing has.
fn check_missing(issues: &mut Issues, field: &str, what: &str, missing: &[i64]) {
    if !missing.is_empty() {
        let numbers: Vec<String> = missing.iter().take(20).map(i64::to_string).collect();
        issues.add(field, format!("there is no {what} {}", numbers.join(", ")));
    }
}

/// The names of some rows, as a sentence has them.
fn names(rows: &[NamedRef]) -> (String, Vec<String>) {
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    (quoted.join(", "), names)
}
