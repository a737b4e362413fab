//! Writing users within an open transaction, with what follows from it.

use serde_json::{Value, json};
use tocsin_core::time::Timestamp;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::{Language, Role, Theme};
use tocsin_storage::{StorageError, Tx};

use super::lockout;
use crate::change::{ChangeError, clean};
use crate::{Actor, AuditEntry};

/// Adds a user to an open transaction.
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
    let deed = AuditEntry {
        action: "user.create",
        kind: "user",
        id: Some(id),
        name: &view.user.name,
        before: None,
        after: Some(&after),
    };
    actor.record(tx, &deed, now).await?;
    Ok(view)
}

/// Writes what became of a user into an open transaction, ends the sessions that
/// hold no more, and says so in the audit log.
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
    let (was, is) = (snapshot_user(before), snapshot_user(&view));
    let mut deed = AuditEntry {
        action: "user.update",
        kind: "user",
        id: Some(id),
        name: &view.user.name,
        before: Some(&was),
        after: Some(&is),
    };
    if was != is || !has_new_password {
        actor.record(tx, &deed, now).await?;
    }
    if has_new_password {
        deed.action = "password.change";
        deed.before = None;
        deed.after = None;
        actor.record(tx, &deed, now).await?;
    }
    Ok(view)
}

/// What people see and edit of a user: for the audit log, and for the version
/// of it. Without secrets, and without what changes by itself.
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

/// A mail address of up to 254 bytes.
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
            message: format!("user {} has this address already", other.id),
        }),
        _ => Ok(()),
    }
}

/// Somebody must stay who may change users. `after` is what becomes of the user.
pub(super) async fn check_last_admin(
    tx: &Tx,
    before: &UserRow,
    after: Option<&UserRow>,
) -> Result<(), ChangeError> {
    let goes = is_admin(before) && !after.is_some_and(is_admin);
    if goes && accounts::count_enabled_admins(tx).await? <= 1 {
        return Err(ChangeError::InvalidState(
            "This is the last administrator who may sign in. Make another one first.".to_owned(),
        ));
    }
    Ok(())
}

pub(super) fn not_found(id: i64) -> ChangeError {
    ChangeError::NotFound { what: "user", id }
}
