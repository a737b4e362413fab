//! Recipient groups.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};

use super::{BoundRow, ByGroup, NamedRef, Page, PageRequest, by_owner};
use crate::cursor::Place;
use crate::query::{self, Conditions, Reads};
use crate::{StorageError, Tx};

/// A group with its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Database ID.
    pub id: i64,
    /// The stored fields.
    pub group: GroupRow,
    /// Recipients, sorted by name.
    pub recipients: Vec<NamedRef>,
}

/// Fields of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Name; unique.
    pub name: String,
    /// Receives alerts that no route matched. At most one group is the default.
    pub is_default: bool,
}

/// One page of the groups.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_groups(
    db: &impl Reads,
    page: &PageRequest<ByGroup>,
) -> Result<Page<GroupView>, StorageError> {
    let mut conditions = Conditions::default();
    page.continue_after(&mut conditions, "g.id", vec![], "g.id");
    let items = select(db, conditions, &page.order_and_limit("g.id", "g.id")).await?;
    Ok(page.page(items, |row| Place {
        value: row.id,
        id: row.id,
        as_of: None,
    }))
}

/// Returns one group.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get_group(db: &impl Reads, id: i64) -> Result<Option<GroupView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("g.id = ?", [Value::from(id)]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Returns the ID of the group with exactly this name.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn group_by_name(db: &impl Reads, name: &str) -> Result<Option<i64>, StorageError> {
    let sql = "SELECT id AS n FROM recipient_groups WHERE name = ?";
    Ok(query::numbers(db, sql, vec![query::text(name)])
        .await?
        .first()
        .copied())
}

/// Returns the ID of the default group.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn default_group(db: &impl Reads) -> Result<Option<i64>, StorageError> {
    let sql = "SELECT id AS n FROM recipient_groups WHERE is_default";
    let found = query::numbers(db, sql, vec![]).await?;
    Ok(found.first().copied())
}

/// Returns the routes that refer to a group, in order.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn routes_of(db: &impl Reads, group_id: i64) -> Result<Vec<NamedRef>, StorageError> {
    let sql = "SELECT rg.group_id AS owner, r.id, r.name FROM route_groups rg \
               JOIN routes r ON r.id = rg.route_id \
               WHERE rg.group_id = ? ORDER BY r.position, r.id";
    let rows: Vec<BoundRow> = query::all(db, sql, vec![group_id.into()]).await?;
    Ok(by_owner(rows).remove(&group_id).unwrap_or_default())
}

/// Adds a group and returns its ID. A new default group replaces the previous default.
///
/// # Errors
/// [`StorageError::Conflict`] if the name is taken.
pub async fn insert_group(tx: &Tx, row: &GroupRow) -> Result<i64, StorageError> {
    clear_other_default(tx, row, 0).await?;
    let sql = "INSERT INTO recipient_groups (name, is_default) VALUES (?, ?) RETURNING id AS n";
    let values = vec![query::text(&row.name), row.is_default.into()];
    let ids = query::numbers(tx, sql, values).await?;
    ids.first().copied().ok_or(StorageError::Stale("group"))
}

/// Replaces the fields of a group. A new default group replaces the previous default.
///
/// # Errors
/// [`StorageError::Conflict`] if the name is taken, [`StorageError::Stale`] if the group
/// does not exist.
pub async fn update_group(tx: &Tx, id: i64, row: &GroupRow) -> Result<(), StorageError> {
    clear_other_default(tx, row, id).await?;
    let sql = "UPDATE recipient_groups SET name = ?, is_default = ? WHERE id = ?";
    let values = vec![query::text(&row.name), row.is_default.into(), id.into()];
    match tx.execute(sql, values).await? {
        1 => Ok(()),
        _ => Err(StorageError::Stale("group")),
    }
}

/// Deletes a group that no route refers to, with its memberships. Returns whether it
/// existed.
///
/// # Errors
/// [`StorageError::Conflict`] if a route refers to it.
pub async fn delete_group(tx: &Tx, id: i64) -> Result<bool, StorageError> {
    tx.execute(
        "DELETE FROM group_members WHERE group_id = ?",
        vec![id.into()],
    )
    .await?;
    Ok(tx
        .execute("DELETE FROM recipient_groups WHERE id = ?", vec![id.into()])
        .await?
        == 1)
}

async fn clear_other_default(tx: &Tx, row: &GroupRow, id: i64) -> Result<(), StorageError> {
    if row.is_default {
        let sql = "UPDATE recipient_groups SET is_default = FALSE WHERE is_default AND id <> ?";
        tx.execute(sql, vec![id.into()]).await?;
    }
    Ok(())
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<GroupView>, StorageError> {
    let (filter, values) = conditions.into_where();
    let sql = format!("SELECT g.id, g.name, g.is_default FROM recipient_groups g{filter}{end}");
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut recipients = recipients_of_all(db, &ids).await?;
    let view = |row: Row| GroupView {
        id: row.id,
        recipients: recipients.remove(&row.id).unwrap_or_default(),
        group: GroupRow {
            name: row.name,
            is_default: row.is_default,
        },
    };
    Ok(rows.into_iter().map(view).collect())
}

async fn recipients_of_all(
    db: &impl Reads,
    groups: &[i64],
) -> Result<HashMap<i64, Vec<NamedRef>>, StorageError> {
    let sql = format!(
        "SELECT m.group_id AS owner, r.id, r.name FROM group_members m \
         JOIN recipients r ON r.id = m.recipient_id \
         WHERE m.group_id IN ({}) ORDER BY r.name{}, r.id",
        query::id_list(db.backend()),
        query::bytewise(db.backend()),
    );
    let rows: Vec<BoundRow> = query::all(db, &sql, vec![query::ids(groups)]).await?;
    Ok(by_owner(rows))
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    name: String,
    is_default: bool,
}
