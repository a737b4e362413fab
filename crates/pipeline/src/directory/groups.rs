//! Changing groups.

use tocsin_storage::directory::{self, GroupRow, GroupView};
use tocsin_storage::{Db, StorageError, Tx};

use super::{check_length, check_missing, distinct, names};
use crate::change::{ChangeError, Issues, name};

/// What a person writes of a group.
#[derive(Clone, Debug)]
pub struct GroupDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// Left out: no for a new group, unchanged for another. Setting it takes
    /// it from the group that had it.
    pub is_default: Option<bool>,
    /// Left out: none for a new group, unchanged for another.
    pub recipient_ids: Option<Vec<i64>>,
}

/// Adds a group.
///
/// # Errors
/// [`ChangeError::Invalid`] with every wrong field; [`ChangeError::Conflict`]
/// where the name is another group's.
pub async fn create_group(db: &Db, draft: &GroupDraft) -> Result<GroupView, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let row = check(&tx, draft, false).await?;
    check_unique(&tx, None, &row).await?;
    let id = directory::insert_group(&tx, &row).await?;
    finish(tx, id, draft).await
}

/// Rewrites a group.
///
/// # Errors
/// As [`create_group`], and [`ChangeError::NotFound`].
pub async fn update_group(db: &Db, id: i64, draft: &GroupDraft) -> Result<GroupView, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let before = directory::get_group(&tx, id).await?;
    let before = before.ok_or_else(|| not_found(id))?;
    let row = check(&tx, draft, before.group.is_default).await?;
    check_unique(&tx, Some(id), &row).await?;
    directory::update_group(&tx, id, &row).await?;
    finish(tx, id, draft).await
}

/// Deletes a group; its recipients leave it.
///
/// # Errors
/// [`ChangeError::InUse`] while a route refers to it;
/// [`ChangeError::NotFound`].
pub async fn delete_group(db: &Db, id: i64) -> Result<(), ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let routes = directory::routes_of(&tx, id).await?;
    if !routes.is_empty() {
        let (quoted, users) = names(&routes);
        let (routes, them) = match users.len() {
            1 => ("route", "it"),
            _ => ("routes", "them"),
        };
        let detail =
            format!("The group is used by the {routes} {quoted}. Take it out of {them} first.");
        return Err(ChangeError::InUse { detail, users });
    }
    if !directory::delete_group(&tx, id).await? {
        return Err(not_found(id));
    }
    Ok(tx.commit().await?)
}

async fn check(tx: &Tx, draft: &GroupDraft, was_default: bool) -> Result<GroupRow, ChangeError> {
    let mut issues = Issues::default();
    let row = GroupRow {
        name: issues.take("name", name(&draft.name)),
        is_default: draft.is_default.unwrap_or(was_default),
    };
    if let Some(ids) = &draft.recipient_ids {
        check_length(&mut issues, "recipientIds", ids);
        let missing = directory::missing_recipients(tx, &distinct(ids)).await?;
        check_missing(&mut issues, "recipientIds", "recipient", &missing);
    }
    issues.finish()?;
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

async fn finish(tx: Tx, id: i64, draft: &GroupDraft) -> Result<GroupView, ChangeError> {
    if let Some(ids) = &draft.recipient_ids {
        directory::set_members(&tx, id, ids).await?;
    }
    let view = directory::get_group(&tx, id).await?;
    let view = view.ok_or(StorageError::Stale("group"))?;
    tx.commit().await?;
    Ok(view)
}

fn not_found(id: i64) -> ChangeError {
    ChangeError::NotFound { what: "group", id }
}
