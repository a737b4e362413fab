//! Reading incidents with their alert content.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;

use super::{AsOf, IncidentView};
use crate::StorageError;
use crate::content::ContentCache;
use crate::enums::{self, Coded, IncidentState};
use crate::query::{self, Reads};
use crate::scan::{PageBytes, RowRef};

/// Returns the incidents in the order of `hits`, up to the size limit of a page and without
/// those deleted since, and the number of `hits` they cover.
pub(super) async fn views(
    db: &impl Reads,
    hits: &[RowRef],
    cache: &mut ContentCache,
    as_of: AsOf,
) -> Result<(Vec<IncidentView>, usize), StorageError> {
    let mut page = PageBytes::for_page(hits);
    let mut all = Vec::with_capacity(hits.len());
    while let Some(chunk) = page.next() {
        let ids: Vec<i64> = chunk.iter().map(|hit| hit.id).collect();
        let found = by_ids(db, &ids, cache, as_of).await?;
        for view in in_order(&ids, found) {
            if let Err(rows) = page.take(view.id, view.content.size()) {
                return Ok((all, rows));
            }
            all.push(view);
        }
    }
    Ok((all, hits.len()))
}

pub(super) fn in_order(ids: &[i64], found: Vec<IncidentView>) -> Vec<IncidentView> {
    let mut found: HashMap<i64, IncidentView> =
        found.into_iter().map(|view| (view.id, view)).collect();
    ids.iter().filter_map(|id| found.remove(id)).collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    series_id: i64,
    telling_id: Option<i64>,
    state: i16,
    starts_at: i64,
    ends_at: Option<i64>,
    end_reason: Option<i16>,
    first_seen_at: i64,
    last_seen_at: i64,
    occurrences: i64,
    senders: i64,
    previous_id: Option<i64>,
    known_at: Option<i64>,
    known_by: Option<String>,
    memo: String,
}

/// Returns the incidents with these IDs, in any order.
pub(super) async fn by_ids(
    db: &impl Reads,
    ids: &[i64],
    cache: &mut ContentCache,
    as_of: AsOf,
) -> Result<Vec<IncidentView>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT i.id, i.series_id, i.telling_id, i.state, i.starts_at, i.ends_at, i.end_reason, \
         i.first_seen_at, i.last_seen_at, i.occurrences, i.senders, i.previous_id, \
         i.known_at, i.known_by, i.memo FROM incidents i WHERE {}",
        query::among(db.backend(), "i.id")
    );
    let rows: Vec<Row> = query::all(db, &sql, vec![query::ids(ids)]).await?;
    let wanted = rows.iter().map(|row| (row.series_id, row.telling_id));
    let contents = cache.read(db, wanted).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(content) = contents.get(&(row.series_id, row.telling_id)) else {
            // Its alert was deleted between two statements.
            continue;
        };
        let state = IncidentState::read(row.state, "incidents", "state", row.id)?;
        let open = state == IncidentState::Open;
        let last_seen_at = query::time(row.last_seen_at);
        views.push(IncidentView {
            id: row.id,
            state,
            stale: open && last_seen_at < as_of.stale_before,
            starts_at: query::time(row.starts_at),
            ends_at: row.ends_at.map(query::time),
            end_reason: enums::read(row.end_reason, "incidents", "end_reason", row.id)?,
            first_seen_at: query::time(row.first_seen_at),
            last_seen_at,
            times_received: row.occurrences,
            senders: row.senders,
            previous_id: row.previous_id,
            known: row.known_at.is_some() || !open,
            known_by: row.known_by,
            known_at: row.known_at.map(query::time),
            memo: row.memo,
            content: Arc::clone(content),
        });
    }
    Ok(views)
}
