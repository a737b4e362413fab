//! Reads the audit log within bounds, using the index that leaves the fewest entries to
//! examine.

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

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditView {
    /// Database ID.
    pub id: i64,
    /// Time.
    pub at: Timestamp,
    /// Kind of actor.
    pub actor_kind: ActorKind,
    /// ID of the user or token.
    pub actor_id: Option<i64>,
    /// Name of the actor at the time.
    pub actor_name: String,
    /// Network address of the request.
    pub address: Option<String>,
    /// Action, condition as `recipient.update`.
    pub action: String,
    /// Kind of object.
    pub object_kind: String,
    /// ID of the object, if the action concerned a single one.
    pub object_id: Option<i64>,
    /// Name of the object at the time.
    pub object_name: String,
    /// State before the change, without secrets.
    pub before: Option<serde_json::Value>,
    /// State after the change.
    pub after: Option<serde_json::Value>,
}

/// Filter for the actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Actors with exactly this name at the time.
    Named(String),
    /// All actors of this kind.
    Kind(ActorKind),
    /// The user or token with this ID.
    One(ActorKind, i64),
}

/// Filter for entries; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Actor.
    pub actor: Option<Who>,
    /// Any of these actions; empty: all.
    pub actions: Vec<String>,
    /// Kind of object.
    pub object_kind: Option<String>,
    /// ID of the object.
    pub object_id: Option<i64>,
    /// Time range.
    pub at: TimeRange,
    /// Words in lower case (`core::search::words`) that must all occur in the actor's name,
    /// the object's name or the action.
    pub words: Vec<String>,
}

/// Sorted by time, then by ID.
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
/// [`StorageError`] from the database.
pub async fn list(
    db: &impl Reads,
    filter: &AuditFilter,
    page: &PageRequest<ByAudit>,
) -> Result<Page<AuditView>, StorageError> {
    list_within(db, filter, page, &ScanBudget::default()).await
}

/// As [`list`], with other limits, for tests.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_within(
    db: &impl Reads,
    filter: &AuditFilter,
    page: &PageRequest<ByAudit>,
    budget: &ScanBudget,
) -> Result<Page<AuditView>, StorageError> {
    let direction = page.direction();
    let found = find(db, filter, direction, page.after(), page.limit(), budget).await?;
    let keys: Vec<Key> = found.rows.iter().map(|hit| hit.key).collect();
    let items = views(db, &found.rows, direction).await?;
    Ok(page.found(items, &keys, found.end, None))
}

/// Returns one entry.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get(db: &impl Reads, id: i64) -> Result<Option<AuditView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("a.id = ?", [id.into()]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Reads all matching entries in order, in chunks with a short read each. Entries added or
/// deleted during the walk may or may not be included, but none is read twice.
#[derive(Debug)]
pub struct AuditWalk {
    filter: AuditFilter,
    direction: Direction,
    after: Option<Key>,
    done: bool,
}

impl AuditWalk {
    /// Maximum number of entries in a chunk; each may contain two complete objects.
    pub const CHUNK: usize = 1_000;

    /// Starts at the beginning of the list.
    pub fn new(filter: AuditFilter, order: Order) -> Self {
        Self {
            filter,
            direction: order.direction(),
            after: None,
            done: false,
        }
    }

    /// Returns the next entries, at most [`AuditWalk::CHUNK`]; `None` at the end. A chunk
    /// can be empty if many entries were examined without a match.
    ///
    /// # Errors
    /// [`StorageError`] from the database. The same chunk can then be requested again.
    pub async fn next(&mut self, db: &impl Reads) -> Result<Option<Vec<AuditView>>, StorageError> {
        if self.done {
            return Ok(None);
        }
        let budget = ScanBudget::for_walking();
        let (filter, direction) = (&self.filter, self.direction);
        let found = find(db, filter, direction, self.after, Self::CHUNK, &budget).await?;
        let views = views(db, &found.rows, direction).await?;
        match found.end {
            End::At(key) => self.after = Some(key),
            End::Exhausted => self.done = true,
        }
        Ok(Some(views))
    }
}

/// With more actions than this, all entries are scanned: each action needs a scan of its
/// own.
const MAX_ACTIONS: usize = 16;

/// Scans along the index of one object, one actor, some actions, or all entries.
fn index_scans(filter: &AuditFilter, direction: Direction, after: Option<Key>) -> MergedScan {
    let mut scans = Vec::new();
    let mut residual = Conditions::default();
    let mut add_scan = |condition: &str, values: Vec<Value>| {
        let mut conditions = Conditions::default();
        if !condition.is_empty() {
            conditions.and(condition, values);
        }
        scans.push(IndexScan::new(conditions.into(), "r.at", KeyMapping::Plain).within(filter.at));
    };
    let object = filter.object_kind.as_deref().zip(filter.object_id);
    let actor = filter.actor.as_ref().and_then(actor_scan);
    let mut actions: Vec<&String> = filter.actions.iter().collect();
    actions.sort_unstable();
    actions.dedup();
    let has_action_scans =
        object.is_none() && actor.is_none() && (1..=MAX_ACTIONS).contains(&actions.len());
    if let Some((kind, id)) = object {
        let values = vec![query::text(kind), id.into()];
        add_scan("r.object_kind = ? AND r.object_id = ?", values);
    } else if let Some((condition, values)) = &actor {
        add_scan(condition, values.clone());
    } else if has_action_scans {
        for action in &actions {
            add_scan("r.action = ?", vec![query::text(action)]);
        }
    } else {
        add_scan("", vec![]);
    }
    if object.is_none() {
        if let Some(kind) = &filter.object_kind {
            residual.and("r.object_kind = ?", [query::text(kind)]);
        }
        if let Some(id) = filter.object_id {
            residual.and("r.object_id = ?", [id.into()]);
        }
    }
    match &filter.actor {
        Some(Who::Named(name)) => residual.and("r.actor_name = ?", [query::text(name)]),
        Some(Who::Kind(kind)) if actor.is_none() => {
            residual.and("r.actor_kind = ?", [kind.code().into()]);
        }
        Some(_) if object.is_some() => {
            if let Some((condition, values)) = actor.clone() {
                residual.and(condition, values);
            }
        }
        _ => {}
    }
    if !actions.is_empty() && !has_action_scans {
        let any = vec!["?"; actions.len()].join(", ");
        let actions = actions.into_iter().map(|action| query::text(action));
        residual.and(&format!("r.action IN ({any})"), actions);
    }
    MergedScan::new(Table::Audit, scans, residual.into(), direction, after)
}

/// Condition for the index on actors; `None` if the index cannot be used.
fn actor_scan(who: &Who) -> Option<(&'static str, Vec<Value>)> {
    match who {
        Who::One(kind, id) => Some((
            "r.actor_kind = ? AND r.actor_id = ?",
            vec![kind.code().into(), (*id).into()],
        )),
        // These have no ID.
        Who::Kind(kind @ (ActorKind::CommandLine | ActorKind::Anonymous)) => Some((
            "r.actor_kind = ? AND r.actor_id IS NULL",
            vec![kind.code().into()],
        )),
        Who::Kind(ActorKind::User | ActorKind::Token) | Who::Named(_) => None,
    }
}

/// Finds up to `limit` entries.
async fn find(
    db: &impl Reads,
    filter: &AuditFilter,
    direction: Direction,
    after: Option<Key>,
    limit: usize,
    budget: &ScanBudget,
) -> Result<Found, StorageError> {
    let mut scans = index_scans(filter, direction, after);
    if filter.words.is_empty() {
        return find_any(db, Rows::Indexes(scans), limit, budget).await;
    }
    let mut hits = Vec::new();
    let mut examined = 0;
    let mut size = (limit + 1).max(32);
    loop {
        size = size.min(budget.chunk).max(1);
        examined += scans.read(db, size).await?;
        let (pending, last) = scans.take();
        hits.extend(matching_words(db, pending, &filter.words).await?);
        if hits.len() > limit {
            hits.truncate(limit);
            // A page has at least one row.
            let end = hits.last().map_or(last, |hit| End::At(hit.key));
            return Ok(Found { rows: hits, end });
        }
        if last == End::Exhausted || (examined >= budget.rows && scans.has_started()) {
            return Ok(Found {
                rows: hits,
                end: last,
            });
        }
        size *= 4;
    }
}

/// Returns those of `hits` that contain all of `words`. Compared here, because both
/// databases ignore case in the same direction only for ASCII.
async fn matching_words(
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
            // Separate lines, so that no word matches across two fields.
            let text = format!("{}\n{}\n{}", row.actor_name, row.action, row.object_name);
            (row.id, fold(&text))
        })
        .collect();
    let matches = |text: &String| words.iter().all(|word| text.contains(word.as_str()));
    hits.retain(|hit| texts.get(&hit.id).is_some_and(matches));
    Ok(hits)
}

/// Loads the entries of `hits`, in order.
async fn views(
    db: &impl Reads,
    hits: &[RowRef],
    direction: Direction,
) -> Result<Vec<AuditView>, StorageError> {
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    let mut conditions = Conditions::default();
    conditions.and(&query::among(db.backend(), "a.id"), [query::ids(&ids)]);
    let order = format!(" ORDER BY a.at {0}, a.id {0}", direction.sql());
    select(db, conditions, &order).await
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<AuditView>, StorageError> {
    let (filter, values) = conditions.into_where();
    let sql = format!(
        "SELECT a.id, a.at, a.actor_kind, a.actor_id, a.actor_name, a.address, a.action, \
         a.object_kind, a.object_id, a.object_name, a.before, a.after \
         FROM audit_entries a{filter}{end}"
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
