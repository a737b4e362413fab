//! User changes to recipients, groups and routes.
//!
//! Each change is validated completely before anything is written. It runs in one
//! transaction, which increments the version of the directory, so that ingest reloads
//! its routing table, and writes an audit log entry. A change without effect is not
//! logged.

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

/// Limit of IDs per request.
const MAX_REFERENCES: usize = 5_000;

/// Returns the IDs sorted and without duplicates.
fn distinct(ids: &[i64]) -> Vec<i64> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Checks a list of IDs before it is looked up.
fn check_length(issues: &mut Issues, field: &str, ids: &[i64]) {
    if ids.len() > MAX_REFERENCES {
        issues.add(
            field,
            format!("expected at most {MAX_REFERENCES} IDs, not {}", ids.len()),
        );
    }
    if ids.iter().any(|id| *id < 1) {
        issues.add(field, "expected IDs of 1 or more");
    }
}

/// Checks the expected version. Invalid fields are reported first, regardless of the
/// version; missing references are reported last, because a newer version may be the
/// cause.
fn check_version<T>(
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

/// Returns an error that lists the IDs without an object.
fn check_missing(field: &str, what: &str, missing: &[i64]) -> Result<(), ChangeError> {
    if missing.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = missing.iter().take(20).map(i64::to_string).collect();
    let message = format!("there is no {what} {}", ids.join(", "));
    Err(ChangeError::StaleReference(vec![FieldIssue::new(
        field, message,
    )]))
}

/// Returns the names of rows, quoted for a sentence and as a list.
fn names(rows: &[NamedRef]) -> (String, Vec<String>) {
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    (quoted.join(", "), names)
}

/// Writes an audit log entry for a created, updated or deleted object. Equal snapshots
/// are not logged.
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
    let entry = AuditEntry {
        action: &format!("{kind}.{verb}"),
        kind,
        id: field("id").and_then(Value::as_i64),
        name: field("name").and_then(Value::as_str).unwrap_or_default(),
        before: short_before.as_ref(),
        after: short_after.as_ref(),
    };
    actor.record(tx, &entry, now).await
}
