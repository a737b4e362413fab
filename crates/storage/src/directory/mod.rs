//! Recipients, recipient groups and routes.
//!
//! A change begins with [`begin_change`], which serializes all changes of the directory:
//! the caller can first check a condition ("is the name taken?"), and it still holds when
//! the change is applied.

mod groups;
mod members;
mod plan;
mod recipients;
mod routes;

use crate::query::{self, Reads};
use crate::{Page, PageRequest, SortKey, StorageError, Tx};

pub use groups::{
    GroupRow, GroupView, default_group, delete_group, get_group, group_by_name, insert_group,
    list_groups, routes_of, update_group,
};
pub use members::{set_groups_of_recipient, set_members};
pub use plan::{PlanGroup, PlanRecipient, PlanRoute, PlanRows, load_plan_rows};
pub use recipients::{
    RecipientRow, RecipientView, delete_recipient, get_recipient, groups_of, insert_recipient,
    list_recipients, recipient_by_email, update_recipient,
};
pub use routes::{
    RouteRow, RouteView, delete_route, get_route, insert_route, list_routes, route_order,
    set_route_order, update_route,
};

/// Reference to a recipient, group or route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRef {
    /// Database ID.
    pub id: i64,
    /// Name.
    pub name: String,
}

/// Recipients sorted by ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByRecipient;

/// Groups sorted by ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByGroup;

/// Routes in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByPosition;

impl SortKey for ByRecipient {
    fn name(self) -> &'static str {
        "recipients.id"
    }
}

impl SortKey for ByGroup {
    fn name(self) -> &'static str {
        "groups.id"
    }
}

impl SortKey for ByPosition {
    fn name(self) -> &'static str {
        "routes.position"
    }
}

/// Locks the directory for a change until the transaction ends, and increments its version,
/// which invalidates cached routing tables.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn begin_change(tx: &Tx) -> Result<(), StorageError> {
    tx.execute(
        "INSERT INTO meta (name, value) VALUES ('directory_version', '1') \
         ON CONFLICT (name) DO UPDATE \
         SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)",
        vec![],
    )
    .await?;
    Ok(())
}

/// Returns the version of the directory; 0 before the first change.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn version(db: &impl Reads) -> Result<i64, StorageError> {
    let sql = "SELECT CAST(value AS BIGINT) AS n FROM meta WHERE name = 'directory_version'";
    Ok(query::numbers(db, sql, vec![])
        .await?
        .first()
        .copied()
        .unwrap_or_default())
}

/// Whether alerts that no route matched go to the group with the name of their team.
/// Enabled by default.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn team_route(db: &impl Reads) -> Result<bool, StorageError> {
    let sql = "SELECT CAST(1 AS BIGINT) AS n FROM meta WHERE name = 'team_route' AND value = 'off'";
    Ok(query::numbers(db, sql, vec![]).await?.is_empty())
}

/// Enables or disables the team route.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn set_team_route(tx: &Tx, on: bool) -> Result<(), StorageError> {
    let sql = "INSERT INTO meta (name, value) VALUES ('team_route', ?) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let value = if on { "on" } else { "off" };
    tx.execute(sql, vec![value.into()]).await?;
    Ok(())
}

/// Returns those of `ids` that are not in `table`, in the given order.
async fn missing(
    db: &impl Reads,
    table: &'static str,
    ids: &[i64],
) -> Result<Vec<i64>, StorageError> {
    let list = query::id_list(db.backend());
    let sql = format!("SELECT id AS n FROM {table} WHERE id IN ({list})");
    let found = query::numbers(db, &sql, vec![query::ids(ids)]).await?;
    Ok(ids
        .iter()
        .copied()
        .filter(|id| !found.contains(id))
        .collect())
}

/// Returns those of `ids` that are not recipients.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn missing_recipients(db: &impl Reads, ids: &[i64]) -> Result<Vec<i64>, StorageError> {
    missing(db, "recipients", ids).await
}

/// Returns those of `ids` that are not groups.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn missing_groups(db: &impl Reads, ids: &[i64]) -> Result<Vec<i64>, StorageError> {
    missing(db, "recipient_groups", ids).await
}

/// A row that belongs to another row (`owner`).
#[derive(sea_orm::FromQueryResult)]
struct BoundRow {
    owner: i64,
    id: i64,
    name: String,
}

/// Groups rows by their owner, keeping their order.
fn by_owner(rows: Vec<BoundRow>) -> std::collections::HashMap<i64, Vec<NamedRef>> {
    let mut bound: std::collections::HashMap<i64, Vec<NamedRef>> = Default::default();
    for BoundRow { owner, id, name } in rows {
        bound.entry(owner).or_default().push(NamedRef { id, name });
    }
    bound
}
