//! User changes to routes and their order.

use serde_json::json;
use tocsin_core::time::Timestamp;
use tocsin_storage::directory::{self, RouteRow, RouteView};
use tocsin_storage::{Db, StorageError, Tx};

use super::{audit_change, check_length, check_missing, check_version, distinct, snapshot_route};
use crate::change::{ChangeError, Expected, FieldIssue, Issues, matchers, name};
use crate::idempotency::{self, Created, IdempotentRequest};
use crate::{Actor, AuditEntry};

/// Input for a route.
#[derive(Clone, Debug)]
pub struct RouteDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// Matchers in Alertmanager's syntax; stored in canonical form.
    pub matchers: Vec<String>,
    /// IDs of the notified groups. Empty: matching alerts notify no one.
    pub group_ids: Vec<i64>,
    /// Continue to the next routes after a match.
    pub go_on: bool,
    /// Notify of repeated alerts.
    pub repeat: bool,
    /// Position in the order, from 1; larger values mean the end. `None`: last for a
    /// new route, unchanged otherwise.
    pub position: Option<i64>,
}

/// Creates a route; a retried request creates no second one.
///
/// # Errors
/// [`ChangeError::Invalid`] with all invalid fields; [`ChangeError::StaleReference`] if
/// a group does not exist; [`ChangeError::KeyReused`].
pub async fn create_route(
    db: &Db,
    actor: &Actor,
    idempotent: Option<&IdempotentRequest>,
    draft: &RouteDraft,
    now: Timestamp,
) -> Result<Created<RouteView>, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    if let Some(id) = idempotency::begin(&tx, idempotent, now).await? {
        let object = directory::get_route(&tx, id).await?;
        return idempotency::replay(object, "route", id);
    }
    let (row, groups) = check(&tx, draft).await?;
    let id = directory::insert_route(&tx, &row, &groups).await?;
    let object = set_position_and_load(&tx, id, draft.position).await?;
    let after = snapshot_route(&object);
    audit_change(&tx, actor, "route", None, Some(&after), now).await?;
    idempotency::finish(&tx, idempotent, id).await?;
    tx.commit().await?;
    Ok(Created::now(object))
}

/// Updates a route.
///
/// # Errors
/// As [`create_route`], [`ChangeError::NotFound`] and
/// [`ChangeError::PreconditionFailed`].
pub async fn update_route(
    db: &Db,
    actor: &Actor,
    id: i64,
    expected: Option<&Expected>,
    draft: &RouteDraft,
    now: Timestamp,
) -> Result<RouteView, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let before = directory::get_route(&tx, id).await?;
    let before = snapshot_route(&before.ok_or_else(|| not_found(id))?);
    let checked = check(&tx, draft).await;
    let (row, groups) = check_version(checked, expected, &before)?;
    directory::update_route(&tx, id, &row, &groups).await?;
    let object = set_position_and_load(&tx, id, draft.position).await?;
    let after = snapshot_route(&object);
    audit_change(&tx, actor, "route", Some(&before), Some(&after), now).await?;
    tx.commit().await?;
    Ok(object)
}

/// Deletes a route. No other object refers to routes.
///
/// # Errors
/// [`ChangeError::NotFound`]; [`ChangeError::PreconditionFailed`].
pub async fn delete_route(
    db: &Db,
    actor: &Actor,
    id: i64,
    expected: Option<&Expected>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let before = directory::get_route(&tx, id).await?;
    let before = snapshot_route(&before.ok_or_else(|| not_found(id))?);
    Expected::check(expected, &before)?;
    if !directory::delete_route(&tx, id).await? {
        return Err(not_found(id));
    }
    audit_change(&tx, actor, "route", Some(&before), None, now).await?;
    Ok(tx.commit().await?)
}

/// Orders the routes as in `ids`, which contains every route once.
///
/// # Errors
/// [`ChangeError::Invalid`] if an ID is repeated; [`ChangeError::StaleReference`] if
/// the IDs are not those of all routes, because another user may have created or
/// deleted one.
pub async fn reorder_routes(
    db: &Db,
    actor: &Actor,
    ids: &[i64],
    now: Timestamp,
) -> Result<(), ChangeError> {
    let requested = distinct(ids);
    if requested.len() != ids.len() {
        let message = "expected every route once, but an ID is repeated";
        return Err(ChangeError::Invalid(vec![FieldIssue::new("ids", message)]));
    }
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let order = directory::route_order(&tx).await?;
    if distinct(&order) != requested {
        let all: Vec<String> = order.iter().map(i64::to_string).collect();
        let message = format!("expected every route exactly once: {}", all.join(", "));
        return Err(ChangeError::StaleReference(vec![FieldIssue::new(
            "ids", message,
        )]));
    }
    if order == ids {
        return Ok(());
    }
    directory::set_route_order(&tx, ids).await?;
    let entry = AuditEntry {
        action: "route.reorder",
        kind: "route",
        id: None,
        name: "",
        before: Some(&json!({"ids": order})),
        after: Some(&json!({"ids": ids})),
    };
    actor.record(&tx, &entry, now).await?;
    Ok(tx.commit().await?)
}

/// Enables or disables the team route. It is the last route and notifies the group with
/// the name of the alert's team.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn set_team_route(
    db: &Db,
    actor: &Actor,
    enabled: bool,
    now: Timestamp,
) -> Result<(), StorageError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let before = directory::team_route(&tx).await?;
    if before == enabled {
        return tx.rollback().await;
    }
    directory::set_team_route(&tx, enabled).await?;
    let entry = AuditEntry {
        action: "route.team",
        kind: "route",
        id: None,
        name: "",
        before: Some(&json!({"enabled": before})),
        after: Some(&json!({"enabled": enabled})),
    };
    actor.record(&tx, &entry, now).await?;
    tx.commit().await
}

async fn check(tx: &Tx, draft: &RouteDraft) -> Result<(RouteRow, Vec<i64>), ChangeError> {
    let mut issues = Issues::default();
    let row = RouteRow {
        name: issues.take("name", name(&draft.name)),
        matchers: matchers(&mut issues, &draft.matchers),
        go_on: draft.go_on,
        repeat: draft.repeat,
    };
    if draft.position.is_some_and(|position| position < 1) {
        issues.add("position", "expected a position of 1 or more");
    }
    check_length(&mut issues, "groupIds", &draft.group_ids);
    issues.finish()?;
    let groups = distinct(&draft.group_ids);
    let missing = directory::missing_groups(tx, &groups).await?;
    check_missing("groupIds", "group", &missing)?;
    Ok((row, groups))
}

async fn set_position_and_load(
    tx: &Tx,
    id: i64,
    position: Option<i64>,
) -> Result<RouteView, ChangeError> {
    if let Some(position) = position {
        let mut order = directory::route_order(tx).await?;
        order.retain(|other| *other != id);
        let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
        order.insert(index.min(order.len()), id);
        directory::set_route_order(tx, &order).await?;
    }
    let view = directory::get_route(tx, id).await?;
    Ok(view.ok_or(StorageError::Stale("route"))?)
}

fn not_found(id: i64) -> ChangeError {
    ChangeError::NotFound { what: "route", id }
}
