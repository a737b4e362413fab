//! Notifications visible to a user with restricted visibility.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use tocsin_core::visibility::Visibility;

use super::{NotificationFilter, rows};
use crate::content::ContentCache;
use crate::incidents::shown;
use crate::query::{self, Reads};
use crate::scan::{Direction, End, Found, Key, ScanBudget, find_any};
use crate::{Backend, StorageError};

/// Notifications checked at a time.
const CHUNK: usize = 100;

/// The most chunks for one page; the page then ends early.
const CHUNKS: usize = 20;

/// As [`find_any`], for visible notifications only.
pub(super) async fn find(
    db: &impl Reads,
    filter: &NotificationFilter,
    (direction, after): (Direction, Option<Key>),
    limit: usize,
    visibility: &Visibility,
) -> Result<Found, StorageError> {
    let mut hits = Vec::new();
    let mut after = after;
    for _ in 0..CHUNKS {
        let rows = rows(db, filter, direction, after).await?;
        let found = find_any(db, rows, CHUNK, &ScanBudget::default()).await?;
        let ids: Vec<i64> = found.rows.iter().map(|hit| hit.id).collect();
        let visible_ids = visible(db, &ids, visibility).await?;
        for hit in found.rows {
            if !visible_ids.contains(&hit.id) {
                continue;
            }
            if hits.len() == limit {
                break;
            }
            hits.push(hit);
        }
        match (found.end, hits.last()) {
            // This chunk may contain more rows: the next page reads it again.
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

/// Returns the visible ones of the notifications: those with every incident of the whole
/// thread visible. A notification names several alerts, and its subject names those of the
/// first notification in the thread. Notifications of deleted incidents are not visible.
/// With unrestricted visibility, all are returned.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn visible(
    db: &impl Reads,
    notifications: &[i64],
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
        entry_alert_id: Option<i64>,
        entry_content_id: Option<i64>,
    }
    if notifications.is_empty() || visibility.is_everything() {
        return Ok(notifications.iter().copied().collect());
    }
    let sql = format!(
        "SELECT id, thread_id FROM notifications WHERE {}",
        query::among(db.backend(), "id")
    );
    let notifications: Vec<NotificationRow> =
        query::all(db, &sql, vec![query::ids(notifications)]).await?;
    let mut threads: Vec<String> = notifications
        .iter()
        .map(|notification| notification.thread_id.clone())
        .collect();
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
         e.series_id AS entry_alert_id, e.telling_id AS entry_content_id \
         FROM notifications t \
         LEFT JOIN notification_events ne ON ne.notification_id = t.id \
         LEFT JOIN incidents i ON i.id = ne.incident_id \
         LEFT JOIN log_entries e ON e.id = ne.entry_id WHERE {these}"
    );
    let events: Vec<EventRow> = query::all(db, &sql, vec![query::texts(&threads)]).await?;
    let incident_key = |row: &EventRow| Some((row.series_id?, row.telling_id));
    // The labels in the notification itself, if a sender changed the labels of the alert
    // later; an entry can be deleted before the incident.
    let entry_key = |row: &EventRow| Some((row.entry_alert_id?, row.entry_content_id));
    let mut cache = ContentCache::default();
    let keys = events
        .iter()
        .flat_map(|row| incident_key(row).into_iter().chain(entry_key(row)));
    let shown = shown(db, keys, visibility, &mut cache).await?;
    let mut visible_threads: HashMap<&str, bool> = HashMap::new();
    for row in &events {
        let is_visible = incident_key(row).is_some_and(|key| shown.contains(&key))
            && entry_key(row).is_none_or(|key| shown.contains(&key));
        let all = visible_threads.entry(&row.thread_id).or_insert(true);
        *all = *all && is_visible;
    }
    Ok(notifications
        .iter()
        .filter(|notification| visible_threads.get(notification.thread_id.as_str()) == Some(&true))
        .map(|notification| notification.id)
        .collect())
}
