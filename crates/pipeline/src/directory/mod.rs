//! Changing who is mailed, and about what: recipients, groups and routes.
//!
//! Each change is checked whole before anything is written, and written in one
//! transaction that counts the directory's version up, by which ingest knows
//! that its routing plan is old, and that tells the audit log what was changed.
//! What changes nothing is not told.

mod groups;
mod recipients;
mod routes;
mod snapshot;

pub use groups::{GroupDraft, create_group, delete_group, update_group};
pub use recipients::{
    MailDefaults, RecipientDraft, create_recipient, delete_recipient, update_recipient,
};
pub use routes::{
    RouteDraft, create_route, delete_route, reorder_routes, set_team_route, update_route,
};
pub use snapshot::{snapshot_group, snapshot_recipient, snapshot_route};

use serde_json::Value;
use tocsin_core::time::Timestamp;
use tocsin_storage::directory::NamedRef;
use tocsin_storage::{StorageError, Tx};

use crate::change::{ChangeError, Expected, FieldIssue, Issues};
use crate::{Actor, AuditEntry};

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
    if ids.iter().any(|id| *id < 1) {
        issues.add(field, "expected numbers from 1");
    }
}

/// What was checked, of the version that it was asked of. A wrong field is told
/// whatever the version; what is missing may be so because of a newer one.
fn of_version<T>(
    checked: Result<T, ChangeError>,
    expected: Option<&Expected>,
    before: &Value,
) -> Result<T, ChangeError> {
    if let Err(ChangeError::Invalid(issues)) = checked {
        return Err(ChangeError::Invalid(issues));
    }
    Expected::check(expected, before)?;
    checked
}

/// Names the numbers that nothing has.
fn check_missing(field: &str, what: &str, missing: &[i64]) -> Result<(), ChangeError> {
    if missing.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = missing.iter().take(20).map(i64::to_string).collect();
    let message = format!("there is no {what} {}", numbers.join(", "));
    Err(ChangeError::StaleReference(vec![FieldIssue::new(
        field, message,
    )]))
}

/// The names of some rows, as a sentence has them.
fn names(rows: &[NamedRef]) -> (String, Vec<String>) {
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    (quoted.join(", "), names)
}

/// Tells the audit log what became of one object, which one of `before` and
/// `after` has. Nothing is told where they are equal.
async fn audit_change(
    tx: &Tx,
    actor: &Actor,
    kind: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    now: Timestamp,
) -> Result<(), StorageError> {
    if before == after {
        return Ok(());
    }
    let verb = match (before, after) {
        (None, _) => "create",
        (Some(_), Some(_)) => "update",
        (Some(_), None) => "delete",
    };
    let [short_before, short_after] = snapshot::shorten(before, after);
    let field = |name| after.or(before).and_then(|object| object.get(name));
    let deed = AuditEntry {
        action: &format!("{kind}.{verb}"),
        kind,
        id: field("id").and_then(Value::as_i64),
        name: field("name").and_then(Value::as_str).unwrap_or_default(),
        before: short_before.as_ref(),
        after: short_after.as_ref(),
    };
    actor.record(tx, &deed, now).await
}
