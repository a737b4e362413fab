//! Routes: alerts matching their matchers go to their groups.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};

use super::{BoundRow, ByPosition, NamedRef, Page, PageRequest, by_owner};
use crate::cursor::Place;
use crate::query::{self, Conditions, Reads};
use crate::{StorageError, Tx};

/// A route with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteView {
    /// Database ID.
    pub id: i64,
    /// Position in the order, from 1.
    pub position: i64,
    /// The stored fields.
    pub route: RouteRow,
    /// Groups, sorted by name.
    pub groups: Vec<NamedRef>,
}

/// Fields of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRow {
    /// Name.
    pub name: String,
    /// Matchers in Alertmanager syntax, which must all match.
    pub matchers: Vec<String>,
    /// Whether later routes are tried after a match.
    pub go_on: bool,
    /// Whether repeated incidents are notified.
    pub repeat: bool,
}

/// One page of the routes.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_routes(
    db: &impl Reads,
    page: &PageRequest<ByPosition>,
) -> Result<Page<RouteView>, StorageError> {
    let mut conditions = Conditions::default();
    page.continue_after(&mut conditions, "r.position", vec![], "r.id");
    let items = select(db, conditions, &page.order_and_limit("r.position", "r.id")).await?;
    Ok(page.page(items, |row| Place {
        value: row.position,
        id: row.id,
        as_of: None,
    }))
}

/// Returns one route.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get_route(db: &impl Reads, id: i64) -> Result<Option<RouteView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("r.id = ?", [Value::from(id)]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Returns the IDs of all routes, in order.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn route_order(db: &impl Reads) -> Result<Vec<i64>, StorageError> {
    query::numbers(
        db,
        "SELECT id AS n FROM routes ORDER BY position, id",
        vec![],
    )
    .await
}

/// Adds a route at the end and returns its ID.
///
/// # Errors
/// [`StorageError::Conflict`] if one of the groups does not exist.
pub async fn insert_route(tx: &Tx, row: &RouteRow, group_ids: &[i64]) -> Result<i64, StorageError> {
    let sql = "INSERT INTO routes (name, matchers, go_on, repeat, position) VALUES (?, ?, ?, ?, \
               (SELECT COALESCE(MAX(position), 0) + 1 FROM routes)) RETURNING id AS n";
    let ids = query::numbers(tx, sql, values(row)).await?;
    let id = ids.first().copied().ok_or(StorageError::Stale("route"))?;
    set_groups(tx, id, group_ids).await?;
    Ok(id)
}

/// Replaces the fields of a route; its position stays.
///
/// # Errors
/// [`StorageError::Conflict`] if one of the groups does not exist, [`StorageError::Stale`]
/// if the route does not exist.
pub async fn update_route(
    tx: &Tx,
    id: i64,
    row: &RouteRow,
    group_ids: &[i64],
) -> Result<(), StorageError> {
    let mut values = values(row);
    values.push(id.into());
    let sql = "UPDATE routes SET name = ?, matchers = ?, go_on = ?, repeat = ? WHERE id = ?";
    if tx.execute(sql, values).await? != 1 {
        return Err(StorageError::Stale("route"));
    }
    set_groups(tx, id, group_ids).await
}

/// Deletes a route and closes the gap in the order. Returns whether it existed.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_route(tx: &Tx, id: i64) -> Result<bool, StorageError> {
    tx.execute(
        "DELETE FROM route_groups WHERE route_id = ?",
        vec![id.into()],
    )
    .await?;
    let deleted = tx
        .execute("DELETE FROM routes WHERE id = ?", vec![id.into()])
        .await?;
    let order = route_order(tx).await?;
    set_route_order(tx, &order).await?;
    Ok(deleted == 1)
}

/// Assigns the positions 1, 2, … in the order of `ids`, which must contain all routes.
///
/// # Errors
/// [`StorageError::Stale`] if one of them does not exist.
pub async fn set_route_order(tx: &Tx, ids: &[i64]) -> Result<(), StorageError> {
    for (position, id) in (1_i64..).zip(ids) {
        let sql = "UPDATE routes SET position = ? WHERE id = ?";
        if tx.execute(sql, vec![position.into(), (*id).into()]).await? != 1 {
            return Err(StorageError::Stale("route"));
        }
    }
    Ok(())
}

async fn set_groups(tx: &Tx, route_id: i64, group_ids: &[i64]) -> Result<(), StorageError> {
    tx.execute(
        "DELETE FROM route_groups WHERE route_id = ?",
        vec![route_id.into()],
    )
    .await?;
    let sql = format!(
        "INSERT INTO route_groups (route_id, group_id) \
         SELECT DISTINCT CAST(? AS BIGINT), o.value FROM ({}) o",
        query::id_list(tx.backend)
    );
    tx.execute(&sql, vec![route_id.into(), query::ids(group_ids)])
        .await?;
    Ok(())
}

fn values(row: &RouteRow) -> Vec<Value> {
    vec![
        query::text(&row.name),
        query::texts(&row.matchers),
        row.go_on.into(),
        row.repeat.into(),
    ]
}

/// Matchers of a stored JSON string.
pub(super) fn matchers(json: &str, id: i64) -> Result<Vec<String>, StorageError> {
    serde_json::from_str(json).map_err(|_| StorageError::Corrupt {
        table: "routes",
        column: "matchers",
        id,
    })
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<RouteView>, StorageError> {
    let (filter, values) = conditions.into_where();
    let sql = format!(
        "SELECT r.id, r.position, r.name, r.matchers, r.go_on, r.repeat FROM routes r{filter}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut groups = groups_of_all(db, &ids).await?;
    rows.into_iter()
        .map(|row| {
            Ok(RouteView {
                id: row.id,
                position: row.position,
                groups: groups.remove(&row.id).unwrap_or_default(),
                route: RouteRow {
                    matchers: matchers(&row.matchers, row.id)?,
                    name: row.name,
                    go_on: row.go_on,
                    repeat: row.repeat,
                },
            })
        })
        .collect()
}

async fn groups_of_all(
    db: &impl Reads,
    routes: &[i64],
) -> Result<HashMap<i64, Vec<NamedRef>>, StorageError> {
    let sql = format!(
        "SELECT rg.route_id AS owner, g.id, g.name FROM route_groups rg \
         JOIN recipient_groups g ON g.id = rg.group_id \
         WHERE rg.route_id IN ({}) ORDER BY g.name{}, g.id",
        query::id_list(db.backend()),
        query::bytewise(db.backend()),
    );
    let rows: Vec<BoundRow> = query::all(db, &sql, vec![query::ids(routes)]).await?;
    Ok(by_owner(rows))
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    position: i64,
    name: String,
    matchers: String,
    go_on: bool,
    repeat: bool,
}
