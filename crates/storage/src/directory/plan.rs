//! All data of the routing table, loaded at once.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use super::routes;
use crate::StorageError;
use crate::enums::{Coded, Language};
use crate::query::{self, Reads};

/// All routes and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanRows {
    /// Routes in the order in which they are tried.
    pub routes: Vec<PlanRoute>,
    /// Groups, sorted by ID.
    pub groups: Vec<PlanGroup>,
    /// Whether alerts that no route matched go to the group with the name of their team.
    pub team_route: bool,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRoute {
    /// Database ID.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Matchers in Alertmanager syntax, which must all match.
    pub matchers: Vec<String>,
    /// IDs of the notified groups, ascending.
    pub group_ids: Vec<i64>,
    /// Whether later routes are tried after a match.
    pub go_on: bool,
    /// Whether repeated incidents are notified.
    pub repeat: bool,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanGroup {
    /// Database ID.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Receives alerts that no route matched.
    pub is_default: bool,
    /// Enabled recipients, sorted by ID.
    pub recipients: Vec<PlanRecipient>,
}

/// One enabled recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRecipient {
    /// Database ID.
    pub id: i64,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Language of notifications.
    pub language: Language,
    /// IANA time zone.
    pub time_zone: String,
}

/// Loads the whole directory, which is small: users enter it by hand.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn load_plan_rows(db: &impl Reads) -> Result<PlanRows, StorageError> {
    let mut targets: HashMap<i64, Vec<i64>> = HashMap::new();
    let sql = "SELECT route_id, group_id FROM route_groups ORDER BY route_id, group_id";
    for row in query::all::<TargetRow>(db, sql, vec![]).await? {
        targets.entry(row.route_id).or_default().push(row.group_id);
    }
    let sql = "SELECT id, name, matchers, go_on, repeat FROM routes ORDER BY position, id";
    let mut plan = PlanRows::default();
    for row in query::all::<RouteRow>(db, sql, vec![]).await? {
        plan.routes.push(PlanRoute {
            id: row.id,
            matchers: routes::matchers(&row.matchers, row.id)?,
            group_ids: targets.remove(&row.id).unwrap_or_default(),
            name: row.name,
            go_on: row.go_on,
            repeat: row.repeat,
        });
    }
    let mut members = members(db).await?;
    let sql = "SELECT id, name, is_default FROM recipient_groups ORDER BY id";
    for row in query::all::<GroupRow>(db, sql, vec![]).await? {
        plan.groups.push(PlanGroup {
            recipients: members.remove(&row.id).unwrap_or_default(),
            id: row.id,
            name: row.name,
            is_default: row.is_default,
        });
    }
    plan.team_route = super::team_route(db).await?;
    Ok(plan)
}

async fn members(db: &impl Reads) -> Result<HashMap<i64, Vec<PlanRecipient>>, StorageError> {
    let sql = "SELECT m.group_id, r.id, r.name, r.email, r.language, r.time_zone \
               FROM group_members m JOIN recipients r ON r.id = m.recipient_id \
               WHERE r.enabled ORDER BY m.group_id, r.id";
    let mut members: HashMap<i64, Vec<PlanRecipient>> = HashMap::new();
    for row in query::all::<MemberRow>(db, sql, vec![]).await? {
        members
            .entry(row.group_id)
            .or_default()
            .push(PlanRecipient {
                language: Language::read(row.language, "recipients", "language", row.id)?,
                id: row.id,
                name: row.name,
                email: row.email,
                time_zone: row.time_zone,
            });
    }
    Ok(members)
}

#[derive(FromQueryResult)]
struct TargetRow {
    route_id: i64,
    group_id: i64,
}

#[derive(FromQueryResult)]
struct RouteRow {
    id: i64,
    name: String,
    matchers: String,
    go_on: bool,
    repeat: bool,
}

#[derive(FromQueryResult)]
struct GroupRow {
    id: i64,
    name: String,
    is_default: bool,
}

#[derive(FromQueryResult)]
struct MemberRow {
    group_id: i64,
    id: i64,
    name: String,
    email: String,
    language: i16,
    time_zone: String,
}
