//! Which incidents somebody may see.

use std::collections::HashSet;

use sea_orm::FromQueryResult;
use tocsin_core::visibility::Visibility;

use crate::StorageError;
use crate::content::{ContentCache, ContentKey};
use crate::query::{self, Reads};

/// Incidents that are looked at together: each may bring labels of its own.
const CHUNK: usize = 1_000;

/// Those of `ids` that may be seen, in the order given, by the labels that each
/// was last told with. Where everything may be seen, all of `ids`: numbers
/// without an incident are only left out where labels are looked at.
///
/// # Errors
/// Whatever the database answers.
pub async fn visible(
    db: &impl Reads,
    ids: &[i64],
    visibility: &Visibility,
) -> Result<Vec<i64>, StorageError> {
    if visibility.is_everything() {
        return Ok(ids.to_vec());
    }
    let mut tellings = ContentCache::default();
    let mut kept = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let list = query::id_list(db.backend());
        let sql = format!("SELECT id, series_id, telling_id FROM incidents WHERE id IN ({list})");
        let rows: Vec<Row> = query::all(db, &sql, vec![query::ids(chunk)]).await?;
        let shown = shown(db, rows.iter().map(Row::which), visibility, &mut tellings).await?;
        let shown: HashSet<i64> = rows
            .iter()
            .filter(|row| shown.contains(&row.which()))
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
    fn which(&self) -> ContentKey {
        (self.series_id, self.telling_id)
    }
}

/// Those of the tellings whose labels may be seen.
pub(crate) async fn shown(
    db: &impl Reads,
    which: impl Iterator<Item = ContentKey>,
    visibility: &Visibility,
    tellings: &mut ContentCache,
) -> Result<HashSet<ContentKey>, StorageError> {
    let told = tellings.read(db, which).await?;
    Ok(told
        .into_iter()
        .filter(|(_, telling)| visibility.shows(&telling.labels))
        .map(|(which, _)| which)
        .collect())
}
