//! User changes to groups.

use tocsin_core::time::Timestamp;
use tocsin_storage::directory::{self, GroupRow, GroupView};
use tocsin_storage::{Db, StorageError, Tx};

use super::{
    audit_change, check_length, check_missing, check_version, distinct, names, snapshot_group,
};
use crate::Actor;
use crate::change::{ChangeError, Expected, Issues, name};
use crate::idempotency::{self, Created, IdempotentRequest};

/// Input for a group.
#[derive(Clone, Debug)]
pub struct GroupDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// `None`: false for a new group, unchanged otherwise. Setting it clears the flag
    /// of the previous default group.
    pub is_default: Option<bool>,
    /// `None`: empty for a new group, unchanged otherwise.
    pub recipient_ids: Option<Vec<i64>>,
}

/// Creates a group; a retried request creates no second one.
///
/// # Errors
/// [`ChangeError::Invalid`] with all invalid fields; [`ChangeError::StaleReference`] if
/// a recipient does not exist; [`ChangeError::Conflict`] if another group has the name;
/// [`ChangeError::KeyReused`].
pub async fn create_group(
    db: &Db,
    actor: &Actor,
    idempotent: Option<&IdempotentRequest>,
    draft: &GroupDraft,
    now: Timestamp,
) -> Result<Created<GroupView>, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    if let Some(id) = idempotency::begin(&tx, idempotent, now).await? {
        let object = directory::get_group(&tx, id).await?;
        return idempotency::replay(object, "group", id);
    }
    let row = check(&tx, draft, false).await?;
    check_unique(&tx, None, &row).await?;
    let former = former_default(&tx, &row).await?;
    let id = directory::insert_group(&tx, &row).await?;
    let object = set_members_and_load(&tx, id, draft).await?;
    audit_former_default(&tx, actor, former, id, now).await?;
    let after = snapshot_group(&object);
    audit_change(&tx, actor, "group", None, Some(&after), now).await?;
    idempotency::finish(&tx, idempotent, id).await?;
    tx.commit().await?;
    Ok(Created::now(object))
}

/// Updates a group.
///
/// # Errors
/// As [`create_group`], [`ChangeError::NotFound`] and
/// [`ChangeError::PreconditionFailed`].
pub async fn update_group(
    db: &Db,
    actor: &Actor,
    id: i64,
    expected: Option<&Expected>,
    draft: &GroupDraft,
    now: Timestamp,
) -> Result<GroupView, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let group = directory::get_group(&tx, id).await?;
    let group = group.ok_or_else(|| not_found(id))?;
    let before = snapshot_group(&group);
    let row = check(&tx, draft, group.group.is_default).await;
    let row = check_version(row, expected, &before)?;
    check_unique(&tx, Some(id), &row).await?;
    let former = former_default(&tx, &row).await?;
    directory::update_group(&tx, id, &row).await?;
    let object = set_members_and_load(&tx, id, draft).await?;
    audit_former_default(&tx, actor, former, id, now).await?;
    let after = snapshot_group(&object);
    audit_change(&tx, actor, "group", Some(&before), Some(&after), now).await?;
    tx.commit().await?;
    Ok(object)
}

/// Deletes a group; its recipients are removed from it.
///
/// # Errors
/// [`ChangeError::InUse`] if a route refers to it; [`ChangeError::NotFound`];
/// [`ChangeError::PreconditionFailed`].
pub async fn delete_group(
    db: &Db,
    actor: &Actor,
    id: i64,
    expected: Option<&Expected>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let before = directory::get_group(&tx, id).await?;
    let before = snapshot_group(&before.ok_or_else(|| not_found(id))?);
    Expected::check(expected, &before)?;
    let routes = directory::routes_of(&tx, id).await?;
    if !routes.is_empty() {
        let (quoted, users) = names(&routes);
        let routes = if users.len() == 1 { "route" } else { "routes" };
        let detail = format!(
            "The group is used by the {routes} {quoted}. Remove it from the {routes} first."
        );
        return Err(ChangeError::InUse { detail, users });
    }
    if !directory::delete_group(&tx, id).await? {
        return Err(not_found(id));
    }
    audit_change(&tx, actor, "group", Some(&before), None, now).await?;
    Ok(tx.commit().await?)
}

/// Returns the current default group if `row` replaces it.
async fn former_default(tx: &Tx, row: &GroupRow) -> Result<Option<GroupView>, StorageError> {
    if !row.is_default {
        return Ok(None);
    }
    match directory::default_group(tx).await? {
        Some(id) => directory::get_group(tx, id).await,
        None => Ok(None),
    }
}

/// Logs the change of the previous default group, unless it is the group `new_default`.
async fn audit_former_default(
    tx: &Tx,
    actor: &Actor,
    former: Option<GroupView>,
    new_default: i64,
    now: Timestamp,
) -> Result<(), StorageError> {
    let Some(former) = former.filter(|former| former.id != new_default) else {
        return Ok(());
    };
    let before = snapshot_group(&former);
    let after = directory::get_group(tx, former.id).await?;
    let after = after.as_ref().map(snapshot_group);
    audit_change(tx, actor, "group", Some(&before), after.as_ref(), now).await
}

async fn check(tx: &Tx, draft: &GroupDraft, was_default: bool) -> Result<GroupRow, ChangeError> {
    let mut issues = Issues::default();
    let row = GroupRow {
        name: issues.take("name", name(&draft.name)),
        is_default: draft.is_default.unwrap_or(was_default),
    };
    if let Some(ids) = &draft.recipient_ids {
        check_length(&mut issues, "recipientIds", ids);
    }
    issues.finish()?;
    if let Some(ids) = &draft.recipient_ids {
        let missing = directory::missing_recipients(tx, &distinct(ids)).await?;
        check_missing("recipientIds", "recipient", &missing)?;
    }
    Ok(row)
}

async fn check_unique(tx: &Tx, id: Option<i64>, row: &GroupRow) -> Result<(), ChangeError> {
    match directory::group_by_name(tx, &row.name).await? {
        Some(other) if Some(other) != id => Err(ChangeError::Conflict {
            field: "name",
            message: format!("group {other} has this name already"),
        }),
        _ => Ok(()),
    }
}

async fn set_members_and_load(
    tx: &Tx,
    id: i64,
    draft: &GroupDraft,
) -> Result<GroupView, ChangeError> {
    if let Some(ids) = &draft.recipient_ids {
        directory::set_members(tx, id, ids).await?;
    }
    let view = directory::get_group(tx, id).await?;
    Ok(view.ok_or(StorageError::Stale("group"))?)
}

fn not_found(id: i64) -> ChangeError {
    ChangeError::NotFound { what: "group", id }
}
