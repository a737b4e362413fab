//! Visibility of incidents.

use std::collections::HashSet;

use sea_orm::FromQueryResult;
use tocsin_core::visibility::Visibility;

use crate::StorageError;
use crate::content::{ContentCache, ContentKey};
use crate::query::{self, Reads};

/// Incidents checked at a time; each may have its own labels.
const CHUNK: usize = 1_000;

/// Returns the visible ones of `ids`, in the given order, by the labels last received for
/// each. With unrestricted visibility all `ids` are returned, even IDs of incidents that do
/// not exist.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn visible(
    db: &impl Reads,
    ids: &[i64],
    visibility: &Visibility,
) -> Result<Vec<i64>, StorageError> {
    if visibility.is_everything() {
        return Ok(ids.to_vec());
    }
    let mut cache = ContentCache::default();
    let mut kept = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let list = query::id_list(db.backend());
        let sql = format!("SELECT id, series_id, telling_id FROM incidents WHERE id IN ({list})");
        let rows: Vec<Row> = query::all(db, &sql, vec![query::ids(chunk)]).await?;
        let shown = shown(
            db,
            rows.iter().map(Row::content_key),
            visibility,
            &mut cache,
        )
        .await?;
        let shown: HashSet<i64> = rows
            .iter()
            .filter(|row| shown.contains(&row.content_key()))
            .map(|row| row.id)
            .collect();
        kept.extend(chunk.iter().filter(|id| shown.contains(id)));
    }
    Ok(kept)
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    series_id: i64,
    telling_id: Option<i64>,
}

impl Row {
    fn content_key(&self) -> ContentKey {
        (self.series_id, self.telling_id)
    }
}

/// Returns the keys of the contents whose labels are visible.
pub(crate) async fn shown(
    db: &impl Reads,
    keys: impl Iterator<Item = ContentKey>,
    visibility: &Visibility,
    cache: &mut ContentCache,
) -> Result<HashSet<ContentKey>, StorageError> {
    let contents = cache.read(db, keys).await?;
    Ok(contents
        .into_iter()
        .filter(|(_, content)| visibility.shows(&content.labels))
        .map(|(key, _)| key)
        .collect())
}
