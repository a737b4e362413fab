//! Changing routes and their order.

use tocsin_core::matcher::{self, MAX_MATCHERS};
use tocsin_storage::directory::{self, RouteRow, RouteView};
use tocsin_storage::{Db, StorageError, Tx};

use super::{check_length, check_missing, distinct};
use crate::change::{ChangeError, Issues, name};

/// What a person writes of a route.
#[derive(Clone, Debug)]
pub struct RouteDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// Matchers as Alertmanager writes them; kept in their canonical form.
    pub matchers: Vec<String>,
    /// The groups that get mail. None: what matches is not mailed.
    pub group_ids: Vec<i64>,
    /// Go on to the routes below after a match.
    pub go_on: bool,
    /// Mail incidents that are told again.
    pub repeat: bool,
    /// Its place in the order, from 1; beyond the end is the end. Left out:
    /// last for a new route, unchanged for another.
    pub position: Option<i64>,
}

/// Adds a route.
///
/// # Errors
/// [`ChangeError::Invalid`] with every wrong field.
pub async fn create_route(db: &Db, draft: &RouteDraft) -> Result<RouteView, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let (row, groups) = check(&tx, draft).await?;
    let id = directory::insert_route(&tx, &row, &groups).await?;
    finish(tx, id, draft.position).await
}

/// Rewrites a route.
///
/// # Errors
/// As [`create_route`], and [`ChangeError::NotFound`].
pub async fn update_route(db: &Db, id: i64, draft: &RouteDraft) -> Result<RouteView, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    if directory::get_route(&tx, id).await?.is_none() {
        return Err(not_found(id));
    }
    let (row, groups) = check(&tx, draft).await?;
    directory::update_route(&tx, id, &row, &groups).await?;
    finish(tx, id, draft.position).await
}

/// Deletes a route; nothing refers to routes.
///
/// # Errors
/// [`ChangeError::NotFound`].
pub async fn delete_route(db: &Db, id: i64) -> Result<(), ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    if !directory::delete_route(&tx, id).await? {
        return Err(not_found(id));
    }
    Ok(tx.commit().await?)
}

/// Puts the routes into the order of `ids`, which names every route once.
///
/// # Errors
/// [`ChangeError::Invalid`] where it does not: somebody may have added or
/// deleted a route meanwhile.
pub async fn reorder_routes(db: &Db, ids: &[i64]) -> Result<(), ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let order = directory::route_order(&tx).await?;
    if order.len() != ids.len() || distinct(&order) != distinct(ids) {
        let mut issues = Issues::default();
        let numbers: Vec<String> = order.iter().map(i64::to_string).collect();
        issues.add(
            "ids",
            format!("expected every route exactly once: {}", numbers.join(", ")),
        );
        return issues.finish();
    }
    directory::set_route_order(&tx, ids).await?;
    Ok(tx.commit().await?)
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
        issues.add("position", "expected a place in the order, from 1");
    }
    check_length(&mut issues, "groupIds", &draft.group_ids);
    let groups = distinct(&draft.group_ids);
    let missing = directory::missing_groups(tx, &groups).await?;
    check_missing(&mut issues, "groupIds", "group", &missing);
    issues.finish()?;
    Ok((row, groups))
}

/// The matchers in canonical form. Not kept as typed, so that what is shown is
/// what was understood.
fn matchers(issues: &mut Issues, texts: &[String]) -> Vec<String> {
    if texts.len() > MAX_MATCHERS {
        issues.add(
            "matchers",
            format!(
                "expected at most {MAX_MATCHERS} matchers, not {}",
                texts.len()
            ),
        );
        return Vec::new();
    }
    let mut canonical = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match matcher::parse(text) {
            Ok(matcher) => canonical.push(matcher.to_string()),
            Err(error) => issues.add(format!("matchers[{index}]"), error.to_string()),
        }
    }
    canonical
}

async fn finish(tx: Tx, id: i64, position: Option<i64>) -> Result<RouteView, ChangeError> {
    if let Some(position) = position {
        let mut order = directory::route_order(&tx).await?;
        order.retain(|other| *other != id);
        let index = usize::try_from(position - 1).unwrap_or(usize::MAX);
        order.insert(index.min(order.len()), id);
        directory::set_route_order(&tx, &order).await?;
    }
    let view = directory::get_route(&tx, id).await?;
    let view = view.ok_or(StorageError::Stale("route"))?;
    tx.commit().await?;
    Ok(view)
}

fn not_found(id: i64) -> ChangeError {
    ChangeError::NotFound { what: "route", id }
}
