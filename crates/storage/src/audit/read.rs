//! The audit log as it is read: within bounds, along the index that leaves the
//! fewest lines to examine.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::search::fold;
use tocsin_core::time::Timestamp;

use crate::enums::{ActorKind, Coded};
use crate::query::{self, Conditions, Reads};
use crate::scan::{
    Direction, End, Found, IndexScan, Key, KeyMapping, MergedScan, RowRef, Rows, ScanBudget, Table,
    find_any,
};
use crate::{Order, Page, PageRequest, SortKey, StorageError, TimeRange};

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditView {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: what kind,
    pub actor_kind: ActorKind,
    /// the user's or token's number,
    pub actor_id: Option<i64>,
    /// and what they were called then.
    pub actor_name: String,
    /// The network address that they came from.
    pub address: Option<String>,
    /// What was done, such as `recipient.update`.
    pub action: String,
    /// To what kind of object,
    pub object_kind: String,
    /// its number where it was one object,
    pub object_id: Option<i64>,
    /// and what it was called then.
    pub object_name: String,
    /// What it was like before, without secrets.
    pub before: Option<serde_json::Value>,
    /// What it was like after.
    pub after: Option<serde_json::Value>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever was called exactly this then.
    Named(String),
    /// Any of this kind.
    Kind(ActorKind),
    /// The user or token with this number.
    One(ActorKind, i64),
}

/// Which lines are wanted; all of it must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// What this one did.
    pub actor: Option<Who>,
    /// Any of these actions; none: all.
    pub actions: Vec<String>,
    /// What was done to this kind of object.
    pub object_kind: Option<String>,
    /// What was done to the object with this number.
    pub object_id: Option<i64>,
    /// When.
    pub at: TimeRange,
    /// All of these words, in lower case (`core::search::words`), in the actor's
    /// name, the object's name or the action.
    pub words: Vec<String>,
}

/// Lines are sorted by their time, then by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByAudit;

impl SortKey for ByAudit {
    fn name(self) -> &'static str {
        "audit.at"
    }
}

/// One page of the audit log.
///
/// # Errors
/// Whatever the database answers.
pub async fn list(
    db: &impl Reads,
    filter: &AuditFilter,
    page: &PageRequest<ByAudit>,
) -> Result<Page<AuditView>, StorageError> {
    list_within(db, filter, page, &ScanBudget::default()).await
}

/// As [`list`], with other bounds, for tests.
///
/// # Errors
/// Whatever the database answers.
pub async fn list_within(
    db: &impl Reads,
    filter: &AuditFilter,
    page: &PageRequest<ByAudit>,
    effort: &ScanBudget,
) -> Result<Page<AuditView>, StorageError> {
    let way = page.direction();
    let found = find(db, filter, way, page.after(), page.limit(), effort).await?;
    let keys: Vec<Key> = found.rows.iter().map(|hit| hit.key).collect();
    let items = views(db, &found.rows, way).await?;
    Ok(page.found(items, &keys, found.end, None))
}

/// One line.
///
/// # Errors
/// Whatever the database answers.
pub async fn get(db: &impl Reads, id: i64) -> Result<Option<AuditView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("a.id = ?", [id.into()]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Reads all that a filter finds, in order, each chunk by short reads of its
/// own. What comes or goes meanwhile may or may not be read, but nothing is
/// read twice.
#[derive(Debug)]
pub struct AuditWalk {
    filter: AuditFilter,
    way: Direction,
    after: Option<Key>,
    done: bool,
}

impl AuditWalk {
    /// Lines of a chunk at most: each may hold all of two objects.
    pub const CHUNK: usize = 1_000;

    /// Begins at the list's beginning.
    pub fn new(filter: AuditFilter, order: Order) -> Self {
        Self {
            filter,
            way: order.direction(),
            after: None,
            done: false,
        }
    }

    /// The next lines, at most [`AuditWalk::CHUNK`]; `None` at the end. A chunk
    /// may be empty where much was looked at in vain.
    ///
    /// # Errors
    /// Whatever the database answers. The same chunk can be asked for again.
    pub async fn next(&mut self, db: &impl Reads) -> Result<Option<Vec<AuditView>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let effort = ScanBudget::for_walking();
        let (filter, way) = (&self.filter, self.way);
        let found = find(db, filter, way, self.after, Self::CHUNK, &effort).await?;
        let views = views(db, &found.rows, way).await?;
        match found.end {
            End::At(key) => self.after = Some(key),
            End::Exhausted => self.done = true,
        }
        Ok(Some(views))
    }
}

/// More actions than these are looked for among all lines: each would be a walk
/// of its own.
const MOST_ACTIONS: usize = 16;

/// Walks along the index of one object, one actor, some actions, or of all.
fn index_scans(filter: &AuditFilter, way: Direction, after: Option<Key>) -> MergedScan {
    let mut lanes = Vec::new();
    let mut rest = Conditions::default();
    let mut lane = |such: &str, values: Vec<Value>| {
        let mut conditions = Conditions::default();
        if !such.is_empty() {
            conditions.and(such, values);
        }
        lanes.push(IndexScan::new(conditions.into(), "r.at", KeyMapping::Plain).within(filter.at));
    };
    let object = filter.object_kind.as_deref().zip(filter.object_id);
    let actor = filter.actor.as_ref().and_then(actor_scan);
    let mut actions: Vec<&String> = filter.actions.iter().collect();
    actions.sort_unstable();
    actions.dedup();
    let has_action_lanes =
        object.is_none() && actor.is_none() && (1..=MOST_ACTIONS).contains(&actions.len());
    if let Some((kind, id)) = object {
        let values = vec![query::text(kind), id.into()];
        lane("r.object_kind = ? AND r.object_id = ?", values);
    } else if let Some((such, values)) = &actor {
        lane(such, values.clone());
    } else if has_action_lanes {
        for action in &actions {
            lane("r.action = ?", vec![query::text(action)]);
        }
    } else {
        lane("", vec![]);
    }
    if object.is_none() {
        if let Some(kind) = &filter.object_kind {
            rest.and("r.object_kind = ?", [query::text(kind)]);
        }
        if let Some(id) = filter.object_id {
            rest.and("r.object_id = ?", [id.into()]);
        }
    }
    match &filter.actor {
        Some(Who::Named(name)) => rest.and("r.actor_name = ?", [query::text(name)]),
        Some(Who::Kind(kind)) if actor.is_none() => {
            rest.and("r.actor_kind = ?", [kind.code().into()]);
        }
        Some(_) if object.is_some() => {
            if let Some((such, values)) = actor.clone() {
                rest.and(such, values);
            }
        }
        _ => {}
    }
    if !actions.is_empty() && !has_action_lanes {
        let any = vec!["?"; actions.len()].join(", ");
        let actions = actions.into_iter().map(|action| query::text(action));
        rest.and(&format!("r.action IN ({any})"), actions);
    }
    MergedScan::new(Table::Audit, lanes, rest.into(), way, after)
}

/// How the index of actors finds what this one did; none where it cannot.
fn actor_scan(who: &Who) -> Option<(&'static str, Vec<Value>)> {
    match who {
        Who::One(kind, id) => Some((
            "r.actor_kind = ? AND r.actor_id = ?",
            vec![kind.code().into(), (*id).into()],
        )),
        // These have no numbers.
        Who::Kind(kind @ (ActorKind::CommandLine | ActorKind::Anonymous)) => Some((
            "r.actor_kind = ? AND r.actor_id IS NULL",
            vec![kind.code().into()],
        )),
        Who::Kind(ActorKind::User | ActorKind::Token) | Who::Named(_) => None,
    }
}

/// Finds up to `limit` lines.
async fn find(
    db: &impl Reads,
    filter: &AuditFilter,
    way: Direction,
    after: Option<Key>,
    limit: usize,
    effort: &ScanBudget,
) -> Result<Found, StorageError> {
    let mut lanes = index_scans(filter, way, after);
    if filter.words.is_empty() {
        return find_any(db, Rows::Indexes(lanes), limit, effort).await;
    }
    let mut hits = Vec::new();
    let mut spent = 0;
    let mut size = (limit + 1).max(32);
    loop {
        size = size.min(effort.chunk).max(1);
        spent += lanes.read(db, size).await?;
        let (pending, last) = lanes.take();
        hits.extend(such_words(db, pending, &filter.words).await?);
        if hits.len() > limit {
            hits.truncate(limit);
            // A page has a row at least.
            let end = hits.last().map_or(last, |hit| End::At(hit.key));
            return Ok(Found { rows: hits, end });
        }
        if last == End::Exhausted || (spent >= effort.rows && lanes.has_started()) {
            return Ok(Found {
                rows: hits,
                end: last,
            });
        }
        size *= 4;
    }
}

/// Those of `hits` that hold all of `words`. Looked at here, for the databases
/// fold the case of no more than ASCII in the same way.
async fn such_words(
    db: &impl Reads,
    mut hits: Vec<RowRef>,
    words: &[String],
) -> Result<Vec<RowRef>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        actor_name: String,
        action: String,
        object_name: String,
    }
    let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    if ids.is_empty() {
        return Ok(hits);
    }
    let sql = format!(
        "SELECT a.id, a.actor_name, a.action, a.object_name FROM audit_entries a WHERE {}",
        query::among(db.backend(), "a.id")
    );
    let rows: Vec<Row> = query::all(db, &sql, vec![query::ids(&ids)]).await?;
    let texts: HashMap<i64, String> = rows
        .into_iter()
        .map(|row| {
            // On lines of their own: no word reaches from one into the next.
            let text = format!("{}\n{}\n{}", row.actor_name, row.action, row.object_name);
            (row.id, fold(&text))
        })
        .collect();
    let holds = |text: &String| words.iter().all(|word| text.contains(word.as_str()));
    hits.retain(|hit| texts.get(&hit.id).is_some_and(holds));
    Ok(hits)
}

/// The lines of `hits`, in their order.
async fn views(
    db: &impl Reads,
    hits: &[RowRef],
    way: Direction,
) -> Result<Vec<AuditView>, StorageError> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    let mut these = Conditions::default();
    these.and(&query::among(db.backend(), "a.id"), [query::ids(&ids)]);
    let order = format!(" ORDER BY a.at {0}, a.id {0}", way.sql());
    select(db, these, &order).await
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<AuditView>, StorageError> {
    let (such, values) = conditions.into_where();
    let sql = format!(
        "SELECT a.id, a.at, a.actor_kind, a.actor_id, a.actor_name, a.address, a.action, \
         a.object_kind, a.object_id, a.object_name, a.before, a.after \
         FROM audit_entries a{such}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    rows.into_iter().map(Row::into_view).collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    at: i64,
    actor_kind: i16,
    actor_id: Option<i64>,
    actor_name: String,
    address: Option<String>,
    action: String,
    object_kind: String,
    object_id: Option<i64>,
    object_name: String,
    before: Option<String>,
    after: Option<String>,
}

impl Row {
    fn into_view(self) -> Result<AuditView, StorageError> {
        let (table, id) = ("audit_entries", self.id);
        let json = |text: Option<String>, column| {
            text.map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|_| StorageError::Corrupt { table, column, id })
        };
        Ok(AuditView {
            id,
            at: query::time(self.at),
            actor_kind: ActorKind::read(self.actor_kind, table, "actor_kind", id)?,
            actor_id: self.actor_id,
            actor_name: self.actor_name,
            address: self.address,
            action: self.action,
            object_kind: self.object_kind,
            object_id: self.object_id,
            object_name: self.object_name,
            before: json(self.before, "before")?,
            after: json(self.after, "after")?,
        })
    }
}
