//! Reading log entries with their alert content and incident data.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;
use tocsin_core::visibility::Visibility;

use super::{AlertView, CountedEntry};
use crate::StorageError;
use crate::content::ContentCache;
use crate::enums::{Coded, EntryKind, IncidentState};
use crate::incidents::shown;
use crate::query::{self, Reads};
use crate::scan::{PageBytes, RowRef, pack, rows};

/// Returns the entries in the order of `hits`, up to the size limit of a page, and the
/// number of `hits` they cover.
pub(super) async fn views(
    db: &impl Reads,
    hits: &[RowRef],
    cache: &mut ContentCache,
) -> Result<(Vec<AlertView>, usize), StorageError> {
    let mut page = PageBytes::for_page(hits);
    let mut all = Vec::with_capacity(hits.len());
    while let Some(chunk) = page.next() {
        for view in read(db, chunk, cache).await? {
            if let Err(rows) = page.take(view.id, view.content.size()) {
                return Ok((all, rows));
            }
            all.push(view);
        }
    }
    Ok((all, hits.len()))
}

/// Returns the entries in the order of `hits`, without those deleted since.
async fn read(
    db: &impl Reads,
    hits: &[RowRef],
    cache: &mut ContentCache,
) -> Result<Vec<AlertView>, StorageError> {
    let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    let found = by_ids(db, &ids, cache).await?;
    let mut found: HashMap<i64, AlertView> =
        found.into_iter().map(|view| (view.id, view)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Returns the entries for statistics in the order of `hits`, without those deleted since.
pub(super) async fn counted(
    db: &impl Reads,
    hits: &[RowRef],
    cache: &mut ContentCache,
) -> Result<Vec<CountedEntry>, StorageError> {
    #[derive(FromQueryResult)]
    struct Packed {
        packed: Option<String>,
    }
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    let sql = format!(
        "SELECT string_agg({}, ';') AS packed FROM log_entries e WHERE {}",
        pack(&["e.id", "e.delivery_id", "e.status"]),
        query::among(db.backend(), "e.id")
    );
    let packed: Option<Packed> = query::first(db, &sql, vec![query::ids(&ids)]).await?;
    let packed = packed.and_then(|packed| packed.packed);
    let mut found = HashMap::new();
    for row in rows::<3>(packed.as_deref(), "log_entries")? {
        let [id, delivery_id, status] = row.map(Option::unwrap_or_default);
        let status = i16::try_from(status).unwrap_or(-1);
        let status = Status::read(status, "log_entries", "status", id)?;
        found.insert(id, (delivery_id, status));
    }
    let contents = cache.read(db, hits.iter().map(RowRef::content_key)).await?;
    let counted = hits.iter().filter_map(|hit| {
        let (delivery_id, status) = found.get(&hit.id)?;
        Some(CountedEntry {
            delivery_id: *delivery_id,
            received_at: query::time(hit.key.value),
            status: *status,
            content: Arc::clone(contents.get(&hit.content_key())?),
        })
    });
    Ok(counted.collect())
}

/// Returns the visible entries of a delivery. They are found by its receive time, because
/// there is no index on the delivery.
pub(super) async fn of_delivery(
    db: &impl Reads,
    delivery_id: i64,
    visibility: &Visibility,
) -> Result<Vec<(i64, EntryKind)>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        incident_id: i64,
        kind: i16,
        series_id: i64,
        telling_id: Option<i64>,
    }
    let sql = "SELECT e.id, e.incident_id, e.kind, e.series_id, e.telling_id FROM log_entries e \
               WHERE e.received_at = (SELECT d.received_at FROM deliveries d WHERE d.id = ?) \
               AND e.delivery_id = ? ORDER BY e.id";
    let rows: Vec<Row> = query::all(db, sql, vec![delivery_id.into(), delivery_id.into()]).await?;
    let content_key = |row: &Row| (row.series_id, row.telling_id);
    let all = rows.iter().map(content_key);
    let shown = shown(db, all, visibility, &mut ContentCache::default()).await?;
    rows.iter()
        .filter(|row| shown.contains(&content_key(row)))
        .map(|row| {
            let kind = EntryKind::read(row.kind, "log_entries", "kind", row.id)?;
            Ok((row.incident_id, kind))
        })
        .collect()
}

/// Returns the entries with these IDs, in any order.
pub(super) async fn by_ids(
    db: &impl Reads,
    ids: &[i64],
    cache: &mut ContentCache,
) -> Result<Vec<AlertView>, StorageError> {
    #[derive(FromQueryResult)]
    struct Packed {
        packed: Option<String>,
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let columns = pack(&[
        "e.id",
        "e.delivery_id",
        "e.incident_id",
        "e.series_id",
        "e.telling_id",
        "e.received_at",
        "e.status",
        "e.kind",
        "e.starts_at",
        "e.ends_at",
        "i.state",
        "i.known_at",
        "CASE WHEN i.memo = '' THEN 0 ELSE 1 END",
    ]);
    let sql = format!(
        "SELECT string_agg({columns}, ';') AS packed FROM log_entries e \
         JOIN incidents i ON i.id = e.incident_id WHERE {}",
        query::among(db.backend(), "e.id")
    );
    let packed: Option<Packed> = query::first(db, &sql, vec![query::ids(ids)]).await?;
    let packed = packed.and_then(|packed| packed.packed);
    let rows = rows::<13>(packed.as_deref(), "log_entries")?;
    let content_key = |row: &[Option<i64>; 13]| (row[3].unwrap_or_default(), row[4]);
    let contents = cache.read(db, rows.iter().map(content_key)).await?;
    let with_note = rows
        .iter()
        .filter(|row| row[12] == Some(1))
        .filter_map(|row| row[2]);
    let notes = notes(db, with_note.collect()).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(content) = contents.get(&content_key(&row)) else {
            // Its alert was deleted between two statements.
            continue;
        };
        let [
            id,
            delivery_id,
            incident_id,
            _,
            _,
            received_at,
            status,
            kind,
            starts_at,
            ends_at,
            state,
            _,
            _,
        ] = row.map(Option::unwrap_or_default);
        let code = |code: i64| i16::try_from(code).unwrap_or(-1);
        let state = IncidentState::read(code(state), "incidents", "state", incident_id)?;
        views.push(AlertView {
            id,
            delivery_id,
            incident_id,
            received_at: query::time(received_at),
            status: Status::read(code(status), "log_entries", "status", id)?,
            kind: EntryKind::read(code(kind), "log_entries", "kind", id)?,
            starts_at: query::time(starts_at),
            ends_at: row[9].map(|_| query::time(ends_at)),
            content: Arc::clone(content),
            known: row[11].is_some() || state != IncidentState::Open,
            memo: notes.get(&incident_id).cloned().unwrap_or_default(),
        });
    }
    Ok(views)
}

async fn notes(db: &impl Reads, ids: Vec<i64>) -> Result<HashMap<i64, String>, StorageError> {
    #[derive(FromQueryResult)]
    struct NoteRow {
        id: i64,
        memo: String,
    }
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT i.id, i.memo FROM incidents i WHERE {}",
        query::among(db.backend(), "i.id")
    );
    let notes: Vec<NoteRow> = query::all(db, &sql, vec![query::ids(&ids)]).await?;
    Ok(notes.into_iter().map(|row| (row.id, row.memo)).collect())
}
