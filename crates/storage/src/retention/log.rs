//! Deletes log entries, with everything that only they refer to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::Labels;
use tocsin_core::time::Timestamp;

use super::walk::LogPosition;
use crate::archive::ArchivedIncident;
use crate::query::{self, Reads};
use crate::{Backend, StorageError, Tx, archive, rollups};

/// A log entry as a walk visits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visited {
    /// Database ID.
    pub id: i64,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// Alert ID.
    pub series_id: i64,
    /// Content ID; `None` for the first content of the alert.
    pub telling_id: Option<i64>,
    /// ID of the delivery that reported it.
    pub delivery_id: i64,
}

impl Visited {
    /// Position in the walk.
    pub fn spot(&self) -> LogPosition {
        (self.received_at.as_micros(), self.id)
    }

    /// Key of its labels: alert ID and content ID.
    pub fn text(&self) -> (i64, Option<i64>) {
        (self.series_id, self.telling_id)
    }
}

#[derive(FromQueryResult)]
struct VisitedRow {
    id: i64,
    received_at: i64,
    series_id: i64,
    telling_id: Option<i64>,
    delivery_id: i64,
}

/// Returns at most `limit` entries after position `after` that were received before
/// `before`, in order of receipt.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn visit(
    db: &impl Reads,
    after: LogPosition,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Visited>, StorageError> {
    // The first condition lets both databases use the index.
    let sql = "SELECT id, received_at, series_id, telling_id, delivery_id FROM log_entries \
               WHERE received_at >= ? AND received_at < ? AND (received_at > ? OR id > ?) \
               ORDER BY received_at, id LIMIT ?";
    let values = vec![
        after.0.into(),
        before.as_micros().into(),
        after.0.into(),
        after.1.into(),
        i64::from(limit).into(),
    ];
    let rows: Vec<VisitedRow> = query::all(db, sql, values).await?;
    Ok(rows.into_iter().map(VisitedRow::read).collect())
}

/// Returns the latest `limit` entries, newest first.
///
/// # Errors
/// [`StorageError`] from the database.
pub(crate) async fn newest(db: &impl Reads, limit: u32) -> Result<Vec<Visited>, StorageError> {
    let sql = "SELECT id, received_at, series_id, telling_id, delivery_id FROM log_entries \
               ORDER BY received_at DESC, id DESC LIMIT ?";
    let rows: Vec<VisitedRow> = query::all(db, sql, vec![i64::from(limit).into()]).await?;
    Ok(rows.into_iter().map(VisitedRow::read).collect())
}

impl VisitedRow {
    fn read(self) -> Visited {
        Visited {
            id: self.id,
            received_at: query::time(self.received_at),
            series_id: self.series_id,
            telling_id: self.telling_id,
            delivery_id: self.delivery_id,
        }
    }
}

/// Returns the labels of entries by [`Visited::text`].
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn labels(
    db: &impl Reads,
    texts: &[(i64, Option<i64>)],
) -> Result<HashMap<(i64, Option<i64>), Labels>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        id: i64,
        labels: String,
    }
    if texts.is_empty() {
        return Ok(HashMap::new());
    }
    let list = query::id_list(db.backend());
    let ids = |ids: Vec<i64>| vec![query::ids(&ids)];
    let sql = format!("SELECT id, labels FROM series WHERE id IN ({list})");
    let rows: Vec<Row> = query::all(db, &sql, ids(texts.iter().map(|t| t.0).collect())).await?;
    let mut first = HashMap::new();
    for row in rows {
        first.insert(
            row.id,
            query::labels(&row.labels, "series", "labels", row.id)?,
        );
    }
    let sql =
        format!("SELECT id, labels FROM tellings WHERE id IN ({list}) AND labels IS NOT NULL");
    let content_ids = texts.iter().filter_map(|text| text.1).collect();
    let rows: Vec<Row> = query::all(db, &sql, ids(content_ids)).await?;
    let mut changed = HashMap::new();
    for row in rows {
        changed.insert(
            row.id,
            query::labels(&row.labels, "tellings", "labels", row.id)?,
        );
    }
    let found = texts.iter().filter_map(|text| {
        let own = text.1.and_then(|content_id| changed.get(&content_id));
        Some((*text, own.or_else(|| first.get(&text.0))?.clone()))
    });
    Ok(found.collect())
}

/// Returns those of the entries that have a notification which is not sent yet.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn undelivered(db: &impl Reads, entries: &[i64]) -> Result<HashSet<i64>, StorageError> {
    let list = query::id_list(db.backend());
    // The unary plus keeps SQLite from scanning all notifications in these states.
    let select = |resend: &str| {
        format!(
            "SELECT v.entry_id AS n FROM notification_events v \
             JOIN notifications m ON m.id = v.notification_id \
             WHERE v.entry_id IN ({list}) AND {resend} AND +m.state IN (0, 1)"
        )
    };
    let sql = format!("{} UNION {}", select("NOT v.resend"), select("v.resend"));
    let values = vec![query::ids(entries), query::ids(entries)];
    Ok(query::numbers(db, &sql, values)
        .await?
        .into_iter()
        .collect())
}

/// Counts of deleted rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Log entries.
    pub entries: u64,
    /// Ended incidents without entries.
    pub incidents: u64,
    /// Notifications without events.
    pub mails: u64,
    /// Deliveries without entries that were old enough.
    pub deliveries: u64,
    /// Alerts whose incidents or contents changed or that were deleted: caches must drop
    /// them.
    pub touched: Vec<i64>,
}

/// Deletes log entries with everything that only they refer to: ended incidents with their
/// events, contents, alerts, sent notifications, and deliveries received before
/// `deliveries_before`. An open incident stays, with or without entries.
///
/// `archived` contains the incidents as written to the archive; `None` without an archive.
///
/// # Errors
/// [`StorageError::Stale`] if an incident has changed since it was archived: roll back and
/// archive again. Otherwise [`StorageError`] from the database.
pub async fn delete(
    tx: &Tx,
    doomed: &[Visited],
    deliveries_before: Option<Timestamp>,
    archived: Option<&BTreeMap<i64, ArchivedIncident>>,
) -> Result<Gone, StorageError> {
    let Some(newest) = doomed.iter().map(|entry| entry.received_at).max() else {
        return Ok(Gone::default());
    };
    let alert_ids = distinct(doomed.iter().map(|entry| entry.series_id));
    lock(tx, &alert_ids).await?;
    let entries: Vec<i64> = doomed.iter().map(|entry| entry.id).collect();
    let mut deleted = Gone {
        mails: delete_notifications_of(tx, &entries).await?,
        entries: by_ids(tx, "DELETE FROM log_entries WHERE id IN ({list})", &entries).await?,
        ..Gone::default()
    };
    let incidents = ended_without_entries(tx, &alert_ids, newest).await?;
    if let Some(archived) = archived {
        for (id, now) in archive::incidents(tx, &incidents).await? {
            if archived.get(&id).is_some_and(|archived| *archived != now) {
                return Err(StorageError::Stale("incident"));
            }
        }
    }
    delete_incidents(tx, &alert_ids, &incidents).await?;
    deleted.incidents = incidents.len() as u64;
    let content_ids = distinct(doomed.iter().filter_map(|entry| entry.telling_id));
    delete_unused_contents(tx, &alert_ids, &content_ids).await?;
    if let Some(before) = deliveries_before {
        let deliveries = distinct(doomed.iter().map(|entry| entry.delivery_id));
        deleted.deliveries = super::deliveries::delete_events(tx, &deliveries, before).await?;
    }
    // Statistics of partial hours are computed from the log.
    rollups::note_pruned(tx, newest.plus(Duration::from_micros(1))).await?;
    deleted.touched = alert_ids;
    Ok(deleted)
}

fn distinct(ids: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Runs a statement over a list of IDs; `{list}` in `sql` stands for the list and occurs
/// once.
pub(crate) async fn by_ids(tx: &Tx, sql: &str, ids: &[i64]) -> Result<u64, StorageError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let sql = sql.replace("{list}", query::id_list(tx.backend));
    tx.execute(&sql, vec![query::ids(ids)]).await
}

/// Locks alerts in the order that all writers use, so that none of them gets an incident or
/// an entry in the meantime.
pub(crate) async fn lock(tx: &Tx, alert_ids: &[i64]) -> Result<(), StorageError> {
    if tx.backend == Backend::Sqlite || alert_ids.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM series s WHERE s.id IN ({}) \
         ORDER BY s.source COLLATE \"C\", s.fingerprint FOR UPDATE) locked",
        query::id_list(tx.backend),
    );
    query::numbers(tx, &sql, vec![query::ids(alert_ids)]).await?;
    Ok(())
}

/// Returns the ended incidents of these alerts that have no entries left. Incidents with an
/// entry after `newest` cannot have lost their last one.
///
/// All entries of an incident lie between its first and its last one, except those received
/// out of order, which have an index of their own.
async fn ended_without_entries(
    tx: &Tx,
    alert_ids: &[i64],
    newest: Timestamp,
) -> Result<Vec<i64>, StorageError> {
    let sql = format!(
        "SELECT i.id AS n FROM incidents i WHERE i.series_id IN ({}) AND i.state <> 0 \
         AND i.last_entry_at <= ? AND NOT EXISTS (SELECT 1 FROM log_entries e \
         WHERE e.series_id = i.series_id AND e.received_at BETWEEN i.first_seen_at \
         AND i.last_entry_at AND e.incident_id = i.id) \
         AND NOT EXISTS (SELECT 1 FROM log_entries e WHERE e.kind = 3 AND e.incident_id = i.id)",
        query::id_list(tx.backend),
    );
    let values = vec![query::ids(alert_ids), newest.as_micros().into()];
    query::numbers(tx, &sql, values).await
}

async fn delete_incidents(tx: &Tx, alert_ids: &[i64], ids: &[i64]) -> Result<(), StorageError> {
    if ids.is_empty() {
        return Ok(());
    }
    let list = query::id_list(tx.backend);
    let sql = format!(
        "UPDATE incidents SET previous_id = NULL WHERE series_id IN ({list}) \
         AND previous_id IN ({list})"
    );
    tx.execute(&sql, vec![query::ids(alert_ids), query::ids(ids)])
        .await?;
    by_ids(
        tx,
        "DELETE FROM incident_events WHERE incident_id IN ({list})",
        ids,
    )
    .await?;
    by_ids(tx, "DELETE FROM incidents WHERE id IN ({list})", ids).await?;
    Ok(())
}

/// Deletes those of the contents that nothing refers to, and alerts without incidents.
async fn delete_unused_contents(
    tx: &Tx,
    alert_ids: &[i64],
    content_ids: &[i64],
) -> Result<(), StorageError> {
    by_ids(
        tx,
        "DELETE FROM tellings WHERE id IN ({list}) \
         AND NOT EXISTS (SELECT 1 FROM log_entries e WHERE e.telling_id = tellings.id) \
         AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.series_id = tellings.series_id \
         AND i.telling_id = tellings.id)",
        content_ids,
    )
    .await?;
    let sql = format!(
        "SELECT s.id AS n FROM series s WHERE s.id IN ({}) \
         AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.series_id = s.id)",
        query::id_list(tx.backend),
    );
    let empty = query::numbers(tx, &sql, vec![query::ids(alert_ids)]).await?;
    by_ids(
        tx,
        "DELETE FROM tellings WHERE series_id IN ({list})",
        &empty,
    )
    .await?;
    by_ids(tx, "DELETE FROM series WHERE id IN ({list})", &empty).await?;
    Ok(())
}

/// Removes the entries from their notifications, and deletes the notifications without
/// other entries.
async fn delete_notifications_of(tx: &Tx, entries: &[i64]) -> Result<u64, StorageError> {
    let mut notifications = HashSet::new();
    // Each condition has its own partial index.
    for condition in ["NOT resend", "resend"] {
        let sql = format!(
            "DELETE FROM notification_events WHERE entry_id IN ({}) AND {condition} \
             RETURNING notification_id AS n",
            query::id_list(tx.backend),
        );
        let values: Vec<Value> = vec![query::ids(entries)];
        notifications.extend(query::numbers(tx, &sql, values).await?);
    }
    let notifications = distinct(notifications.into_iter());
    if notifications.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "SELECT m.id AS n FROM notifications m WHERE m.id IN ({}) AND NOT EXISTS \
         (SELECT 1 FROM notification_events v WHERE v.notification_id = m.id)",
        query::id_list(tx.backend),
    );
    let empty = query::numbers(tx, &sql, vec![query::ids(&notifications)]).await?;
    super::notifications::delete(tx, &empty).await
}
