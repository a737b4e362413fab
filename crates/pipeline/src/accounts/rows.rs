//! Writes users in an open transaction, with all consequences.

use serde_json::{Value, json};
use tocsin_core::time::Timestamp;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::{Language, Role, Theme};
use tocsin_storage::{StorageError, Tx};

use super::lockout;
use crate::change::{ChangeError, clean};
use crate::{Actor, AuditEntry};

/// Creates a user in an open transaction.
pub(super) async fn add(
    tx: &Tx,
    actor: &Actor,
    row: UserRow,
    now: Timestamp,
) -> Result<UserView, ChangeError> {
    check_unique(tx, None, &row).await?;
    let id = accounts::insert_user(tx, &row).await?;
    if is_admin(&row) {
        accounts::delete_setup_links(tx).await?;
    }
    let view = accounts::get_user(tx, id).await?;
    let view = view.ok_or(StorageError::Stale("user"))?;
    let after = snapshot_user(&view);
    let entry = AuditEntry {
        action: "user.create",
        kind: "user",
        id: Some(id),
        name: &view.user.name,
        before: None,
        after: Some(&after),
    };
    actor.record(tx, &entry, now).await?;
    Ok(view)
}

/// Updates a user in an open transaction, ends sessions that are no longer valid, and
/// writes the audit log entry.
pub(super) async fn rewrite(
    tx: &Tx,
    actor: &Actor,
    before: &UserView,
    row: UserRow,
    keep: Option<i64>,
    now: Timestamp,
) -> Result<UserView, ChangeError> {
    let id = before.id;
    check_unique(tx, Some(id), &row).await?;
    accounts::update_user(tx, id, &row).await?;
    let has_new_password = row.password != before.user.password;
    if has_new_password || !row.enabled {
        accounts::delete_sessions(tx, id, keep).await?;
    }
    if has_new_password {
        accounts::forget_failures(tx, &lockout::account(&row.email)).await?;
    }
    if is_admin(&row) {
        accounts::delete_setup_links(tx).await?;
    }
    let view = accounts::get_user(tx, id).await?;
    let view = view.ok_or(StorageError::Stale("user"))?;
    let (old, new) = (snapshot_user(before), snapshot_user(&view));
    let mut entry = AuditEntry {
        action: "user.update",
        kind: "user",
        id: Some(id),
        name: &view.user.name,
        before: Some(&old),
        after: Some(&new),
    };
    if old != new || !has_new_password {
        actor.record(tx, &entry, now).await?;
    }
    if has_new_password {
        entry.action = "password.change";
        entry.before = None;
        entry.after = None;
        actor.record(tx, &entry, now).await?;
    }
    Ok(view)
}

/// Snapshot of a user for the audit log and the entity tag, without secrets and without
/// fields that change automatically.
#[must_use]
pub fn snapshot_user(view: &UserView) -> Value {
    let UserView { user, .. } = view;
    json!({
        "name": user.name,
        "email": user.email,
        "role": role(user.role),
        "matchers": user.matchers,
        "enabled": user.enabled,
        "hasPassword": user.password.is_some(),
        "singleSignOn": user.subject.is_some(),
        "language": user.language.map(|language| match language {
            Language::En => "en",
            Language::Zh => "zh",
        }),
        "timeZone": user.time_zone,
        "theme": user.theme.map(|theme| match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }),
    })
}

/// A role as the API names it.
fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Responder => "responder",
        Role::Admin => "admin",
    }
}

/// Checks an e-mail address of up to 254 bytes.
pub(super) fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    clean(text)?;
    match tocsin_mailer::Address::new("", text).check() {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn is_admin(row: &UserRow) -> bool {
    row.enabled && row.role == Role::Admin
}

async fn check_unique(tx: &Tx, id: Option<i64>, row: &UserRow) -> Result<(), ChangeError> {
    match accounts::user_by_email(tx, &row.email).await? {
        Some(other) if Some(other.id) != id => Err(ChangeError::Conflict {
            field: "email",
            message: format!("user {} has this e-mail address already", other.id),
        }),
        _ => Ok(()),
    }
}

/// Checks that an enabled administrator remains. `after` is the new state of the user;
/// `None` if it is deleted.
pub(super) async fn check_last_admin(
    tx: &Tx,
    before: &UserRow,
    after: Option<&UserRow>,
) -> Result<(), ChangeError> {
    let is_removed = is_admin(before) && !after.is_some_and(is_admin);
    if is_removed && accounts::count_enabled_admins(tx).await? <= 1 {
        return Err(ChangeError::InvalidState(
            "This is the last administrator who can sign in. Create another one first.".to_owned(),
        ));
    }
    Ok(())
}

pub(super) fn not_found(id: i64) -> ChangeError {
    ChangeError::NotFound { what: "user", id }
}
