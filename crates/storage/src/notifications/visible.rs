//! Which mails somebody may see who does not see all alerts.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use tocsin_core::visibility::Visibility;

use super::{NotificationFilter, rows};
use crate::content::ContentCache;
use crate::incidents::shown;
use crate::query::{self, Reads};
use crate::scan::{Direction, End, Found, Key, ScanBudget, find_any};
use crate::{Backend, StorageError};

/// Mails that are looked at together.
const CHUNK: usize = 100;

/// The most chunks for one page, which then ends where it is.
const CHUNKS: usize = 20;

/// As [`find_any`], of mails that may be seen.
pub(super) async fn find(
    db: &impl Reads,
    filter: &NotificationFilter,
    (way, after): (Direction, Option<Key>),
    limit: usize,
    visibility: &Visibility,
) -> Result<Found, StorageError> {
    let mut hits = Vec::new();
    let mut after = after;
    for _ in 0..CHUNKS {
        let rows = rows(db, filter, way, after).await?;
        let found = find_any(db, rows, CHUNK, &ScanBudget::default()).await?;
        let ids: Vec<i64> = found.rows.iter().map(|hit| hit.id).collect();
        let seen = visible(db, &ids, visibility).await?;
        for hit in found.rows {
            if !seen.contains(&hit.id) {
                continue;
            }
            if hits.len() == limit {
                break;
            }
            hits.push(hit);
        }
        match (found.end, hits.last()) {
            // There may be more in this chunk: the next page looks at it again.
            (_, Some(last)) if hits.len() == limit => {
                let end = End::At(last.key);
                return Ok(Found { rows: hits, end });
            }
            (End::Exhausted, _) => {
                let end = End::Exhausted;
                return Ok(Found { rows: hits, end });
            }
            (End::At(key), _) => after = Some(key),
        }
    }
    let end = after.map_or(End::Exhausted, End::At);
    Ok(Found { rows: hits, end })
}

/// Those of the mails that may be seen: those of whose whole thread every
/// incident may be. A mail names several alerts, and its subject, which is that
/// of its thread, names those of the thread's first mail. What nothing is known
/// of any more is not shown either. Where everything may be seen, all of them.
///
/// # Errors
/// Whatever the database answers.
pub async fn visible(
    db: &impl Reads,
    mails: &[i64],
    visibility: &Visibility,
) -> Result<HashSet<i64>, StorageError> {
    #[derive(FromQueryResult)]
    struct NotificationRow {
        id: i64,
        thread_id: String,
    }
    #[derive(FromQueryResult)]
    struct EventRow {
        thread_id: String,
        series_id: Option<i64>,
        telling_id: Option<i64>,
        entry_series_id: Option<i64>,
        entry_telling_id: Option<i64>,
    }
    if mails.is_empty() || visibility.is_everything() {
        return Ok(mails.iter().copied().collect());
    }
    let sql = format!(
        "SELECT id, thread_id FROM notifications WHERE {}",
        query::among(db.backend(), "id")
    );
    let mails: Vec<NotificationRow> = query::all(db, &sql, vec![query::ids(mails)]).await?;
    let mut threads: Vec<String> = mails.iter().map(|mail| mail.thread_id.clone()).collect();
    threads.sort_unstable();
    threads.dedup();
    let list = query::text_list(db.backend());
    let these = match db.backend() {
        Backend::Sqlite => format!("t.thread_id IN ({list})"),
        // As in `query::among`.
        Backend::Postgres => format!("t.thread_id = ANY (ARRAY({list}))"),
    };
    let sql = format!(
        "SELECT DISTINCT t.thread_id, i.series_id, i.telling_id, \
         e.series_id AS entry_series_id, e.telling_id AS entry_telling_id \
         FROM notifications t \
         LEFT JOIN notification_events ne ON ne.notification_id = t.id \
         LEFT JOIN incidents i ON i.id = ne.incident_id \
         LEFT JOIN log_entries e ON e.id = ne.entry_id WHERE {these}"
    );
    let told: Vec<EventRow> = query::all(db, &sql, vec![query::texts(&threads)]).await?;
    let which = |row: &EventRow| Some((row.series_id?, row.telling_id));
    // What the mail itself tells, where a sender gives an alert other labels
    // later; an entry may be deleted before the incident.
    let entry = |row: &EventRow| Some((row.entry_series_id?, row.entry_telling_id));
    let mut tellings = ContentCache::default();
    let told_of = told
        .iter()
        .flat_map(|row| which(row).into_iter().chain(entry(row)));
    let shown = shown(db, told_of, visibility, &mut tellings).await?;
    let mut may: HashMap<&str, bool> = HashMap::new();
    for row in &told {
        let seen = which(row).is_some_and(|which| shown.contains(&which))
            && entry(row).is_none_or(|which| shown.contains(&which));
        let all = may.entry(&row.thread_id).or_insert(true);
        *all = *all && seen;
    }
    Ok(mails
        .iter()
        .filter(|mail| may.get(mail.thread_id.as_str()) == Some(&true))
        .map(|mail| mail.id)
        .collect())
}
