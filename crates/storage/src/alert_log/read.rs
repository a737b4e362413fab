//! Log entries with what they point to.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;
use tocsin_core::visibility::Visibility;

use super::{AlertView, Counted};
use crate::StorageError;
use crate::content::ContentCache;
use crate::enums::{Coded, EntryKind, IncidentState};
use crate::incidents::shown;
use crate::query::{self, Reads};
use crate::scan::{PageBytes, RowRef, pack, rows};

/// The entries in the order of `hits`, as many as a page has room for, and how many of
/// `hits` that are.
pub(super) async fn views(
    db: &impl Reads,
    hits: &[RowRef],
    tellings: &mut ContentCache,
) -> Result<(Vec<AlertView>, usize), StorageError> {
    let mut room = PageBytes::for_page(hits);
    let mut all = Vec::with_capacity(hits.len());
    while let Some(some) = room.next() {
        for view in read(db, some, tellings).await? {
            if let Err(rows) = room.take(view.id, view.content.size()) {
                return Ok((all, rows));
            }
            all.push(view);
        }
    }
    Ok((all, hits.len()))
}

/// The entries in the order of `hits`; those that are gone meanwhile are left
/// out.
async fn read(
    db: &impl Reads,
    hits: &[RowRef],
    tellings: &mut ContentCache,
) -> Result<Vec<AlertView>, StorageError> {
    let ids: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    let found = by_ids(db, &ids, tellings).await?;
    let mut found: HashMap<i64, AlertView> =
        found.into_iter().map(|view| (view.id, view)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// What is counted of the entries, in the order of `hits`; those that are gone
/// meanwhile are left out.
pub(super) async fn counted(
    db: &impl Reads,
    hits: &[RowRef],
    tellings: &mut ContentCache,
) -> Result<Vec<Counted>, StorageError> {
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
    let told = tellings
        .read(db, hits.iter().map(RowRef::content_key))
        .await?;
    let counted = hits.iter().filter_map(|hit| {
        let (delivery_id, status) = found.get(&hit.id)?;
        Some(Counted {
            delivery_id: *delivery_id,
            received_at: query::time(hit.key.value),
            status: *status,
            content: Arc::clone(told.get(&hit.content_key())?),
        })
    });
    Ok(counted.collect())
}

/// The entries of a delivery that may be seen, found by when it was received:
/// there is no other index.
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
    let which = |row: &Row| (row.series_id, row.telling_id);
    let all = rows.iter().map(which);
    let shown = shown(db, all, visibility, &mut ContentCache::default()).await?;
    rows.iter()
        .filter(|row| shown.contains(&which(row)))
        .map(|row| {
            let kind = EntryKind::read(row.kind, "log_entries", "kind", row.id)?;
            Ok((row.incident_id, kind))
        })
        .collect()
}

/// The entries with these numbers, in any order.
pub(super) async fn by_ids(
    db: &impl Reads,
    ids: &[i64],
    tellings: &mut ContentCache,
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
    let which = |row: &[Option<i64>; 13]| (row[3].unwrap_or_default(), row[4]);
    let told = tellings.read(db, rows.iter().map(which)).await?;
    let with_memo = rows
        .iter()
        .filter(|row| row[12] == Some(1))
        .filter_map(|row| row[2]);
    let memos = memos(db, with_memo.collect()).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(told) = told.get(&which(&row)) else {
            // Deleted with its series, between two statements.
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
            content: Arc::clone(told),
            known: row[11].is_some() || state != IncidentState::Open,
            memo: memos.get(&incident_id).cloned().unwrap_or_default(),
        });
    }
    Ok(views)
}

async fn memos(db: &impl Reads, ids: Vec<i64>) -> Result<HashMap<i64, String>, StorageError> {
    #[derive(FromQueryResult)]
    struct Memo {
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
    let memos: Vec<Memo> = query::all(db, &sql, vec![query::ids(&ids)]).await?;
    Ok(memos.into_iter().map(|memo| (memo.id, memo.memo)).collect())
}
