//! Taking entries out of the log, with all that is there only for them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::Labels;
use tocsin_core::time::Timestamp;

use super::walk::LogPosition;
use crate::archive::ArchivedIncident;
use crate::query::{self, Reads};
use crate::{Backend, StorageError, Tx, archive, rollups};

/// A log entry as a walk sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visited {
    /// Its number.
    pub id: i64,
    /// When it was received.
    pub received_at: Timestamp,
    /// Its alert.
    pub series_id: i64,
    /// What it was told with, where that is not what its series was first told
    /// with.
    pub telling_id: Option<i64>,
    /// The delivery that told it.
    pub delivery_id: i64,
}

impl Visited {
    /// Its place in the walk.
    pub fn spot(&self) -> LogPosition {
        (self.received_at.as_micros(), self.id)
    }

    /// Which text holds its labels.
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

/// The entries that come after `after` and were received before `before`, in
/// the order in which they were received, `limit` at most.
///
/// # Errors
/// Whatever the database answers.
pub async fn visit(
    db: &impl Reads,
    after: LogPosition,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Visited>, StorageError> {
    // The first condition is what an index is entered by on both databases.
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

/// The entries that were received last, `limit` at most.
///
/// # Errors
/// Whatever the database answers.
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

/// The labels of entries, by [`Visited::text`].
///
/// # Errors
/// Whatever the database answers.
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
    let tellings = texts.iter().filter_map(|text| text.1).collect();
    let rows: Vec<Row> = query::all(db, &sql, ids(tellings)).await?;
    let mut told = HashMap::new();
    for row in rows {
        told.insert(
            row.id,
            query::labels(&row.labels, "tellings", "labels", row.id)?,
        );
    }
    let found = texts.iter().filter_map(|text| {
        let own = text.1.and_then(|telling| told.get(&telling));
        Some((*text, own.or_else(|| first.get(&text.0))?.clone()))
    });
    Ok(found.collect())
}

/// Those of the entries that a mail tells which is not delivered yet.
///
/// # Errors
/// Whatever the database answers.
pub async fn undelivered(db: &impl Reads, entries: &[i64]) -> Result<HashSet<i64>, StorageError> {
    let list = query::id_list(db.backend());
    // The sign keeps SQLite from going through all mails of those states.
    let one = |resend: &str| {
        format!(
            "SELECT v.entry_id AS n FROM notification_events v \
             JOIN notifications m ON m.id = v.notification_id \
             WHERE v.entry_id IN ({list}) AND {resend} AND +m.state IN (0, 1)"
        )
    };
    let sql = format!("{} UNION {}", one("NOT v.resend"), one("v.resend"));
    let values = vec![query::ids(entries), query::ids(entries)];
    Ok(query::numbers(db, &sql, values)
        .await?
        .into_iter()
        .collect())
}

/// What went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Log entries.
    pub entries: u64,
    /// Ended incidents of which no entry was left.
    pub incidents: u64,
    /// Mails of which no event was left.
    pub mails: u64,
    /// Deliveries that told nothing else and were old enough themselves.
    pub deliveries: u64,
    /// The alerts whose incidents or texts changed, the deleted ones among
    /// them: whoever remembers where they stand must forget it.
    pub touched: Vec<i64>,
}

/// Deletes log entries, and with them what is there only for them: ended
/// incidents with what happened to them, texts, alerts, mails that are
/// delivered, and deliveries that arrived before `deliveries_before`. An open
/// incident stays, with or without entries.
///
/// `archived` has the incidents as they were written to the archive; `None`
/// where there is none.
///
/// # Errors
/// [`StorageError::Stale`] where an incident is no longer as it was archived:
/// archive again, nothing may be committed. Else whatever the database answers.
pub async fn delete(
    tx: &Tx,
    doomed: &[Visited],
    deliveries_before: Option<Timestamp>,
    archived: Option<&BTreeMap<i64, ArchivedIncident>>,
) -> Result<Gone, StorageError> {
    let Some(newest) = doomed.iter().map(|entry| entry.received_at).max() else {
        return Ok(Gone::default());
    };
    let series = distinct(doomed.iter().map(|entry| entry.series_id));
    lock(tx, &series).await?;
    let entries: Vec<i64> = doomed.iter().map(|entry| entry.id).collect();
    let mut gone = Gone {
        mails: delete_notifications_of(tx, &entries).await?,
        entries: by_ids(tx, "DELETE FROM log_entries WHERE id IN ({list})", &entries).await?,
        ..Gone::default()
    };
    let incidents = emptied(tx, &series, newest).await?;
    if let Some(archived) = archived {
        for (id, now) in archive::incidents(tx, &incidents).await? {
            if archived.get(&id).is_some_and(|then| *then != now) {
                return Err(StorageError::Stale("incident"));
            }
        }
    }
    delete_incidents(tx, &series, &incidents).await?;
    gone.incidents = incidents.len() as u64;
    let tellings = distinct(doomed.iter().filter_map(|entry| entry.telling_id));
    delete_texts(tx, &series, &tellings).await?;
    if let Some(before) = deliveries_before {
        let deliveries = distinct(doomed.iter().map(|entry| entry.delivery_id));
        gone.deliveries = super::deliveries::delete_events(tx, &deliveries, before).await?;
    }
    // Statistics of part of an hour are asked of the log.
    rollups::note_pruned(tx, newest.plus(Duration::from_micros(1))).await?;
    gone.touched = series;
    Ok(gone)
}

fn distinct(ids: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Runs a statement over a list of numbers, for which it says `{list}`, once.
pub(crate) async fn by_ids(tx: &Tx, sql: &str, ids: &[i64]) -> Result<u64, StorageError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let sql = sql.replace("{list}", query::id_list(tx.backend));
    tx.execute(&sql, vec![query::ids(ids)]).await
}

/// Locks series in the order that all writers keep (rule 9), so that none of
/// them gets an incident or an entry meanwhile.
pub(crate) async fn lock(tx: &Tx, series: &[i64]) -> Result<(), StorageError> {
    if tx.backend == Backend::Sqlite || series.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT COUNT(*) AS n FROM (SELECT 1 FROM series s WHERE s.id IN ({}) \
         ORDER BY s.source COLLATE \"C\", s.fingerprint FOR UPDATE) locked",
        query::id_list(tx.backend),
    );
    query::numbers(tx, &sql, vec![query::ids(series)]).await?;
    Ok(())
}

/// The ended incidents of `series` that have no entry left. None that had one
/// after `newest` can have lost its last one just now.
///
/// All entries of an incident but the late ones lie between its first and its
/// last; the late ones have an index of their own.
async fn emptied(tx: &Tx, series: &[i64], newest: Timestamp) -> Result<Vec<i64>, StorageError> {
    let sql = format!(
        "SELECT i.id AS n FROM incidents i WHERE i.series_id IN ({}) AND i.state <> 0 \
         AND i.last_entry_at <= ? AND NOT EXISTS (SELECT 1 FROM log_entries e \
         WHERE e.series_id = i.series_id AND e.received_at BETWEEN i.first_seen_at \
         AND i.last_entry_at AND e.incident_id = i.id) \
         AND NOT EXISTS (SELECT 1 FROM log_entries e WHERE e.kind = 3 AND e.incident_id = i.id)",
        query::id_list(tx.backend),
    );
    let values = vec![query::ids(series), newest.as_micros().into()];
    query::numbers(tx, &sql, values).await
}

async fn delete_incidents(tx: &Tx, series: &[i64], ids: &[i64]) -> Result<(), StorageError> {
    if ids.is_empty() {
        return Ok(());
    }
    let list = query::id_list(tx.backend);
    let sql = format!(
        "UPDATE incidents SET previous_id = NULL WHERE series_id IN ({list}) \
         AND previous_id IN ({list})"
    );
    tx.execute(&sql, vec![query::ids(series), query::ids(ids)])
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

/// Deletes those of the tellings that nothing speaks of any more, and the
/// series that have no incident.
async fn delete_texts(tx: &Tx, series: &[i64], tellings: &[i64]) -> Result<(), StorageError> {
    by_ids(
        tx,
        "DELETE FROM tellings WHERE id IN ({list}) \
         AND NOT EXISTS (SELECT 1 FROM log_entries e WHERE e.telling_id = tellings.id) \
         AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.series_id = tellings.series_id \
         AND i.telling_id = tellings.id)",
        tellings,
    )
    .await?;
    let sql = format!(
        "SELECT s.id AS n FROM series s WHERE s.id IN ({}) \
         AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.series_id = s.id)",
        query::id_list(tx.backend),
    );
    let empty = query::numbers(tx, &sql, vec![query::ids(series)]).await?;
    by_ids(
        tx,
        "DELETE FROM tellings WHERE series_id IN ({list})",
        &empty,
    )
    .await?;
    by_ids(tx, "DELETE FROM series WHERE id IN ({list})", &empty).await?;
    Ok(())
}

/// Takes the entries out of the mails that tell them, and deletes the mails
/// that tell nothing else.
async fn delete_notifications_of(tx: &Tx, entries: &[i64]) -> Result<u64, StorageError> {
    let mut mails = HashSet::new();
    // Each of the two has its partial index.
    for such in ["NOT resend", "resend"] {
        let sql = format!(
            "DELETE FROM notification_events WHERE entry_id IN ({}) AND {such} \
             RETURNING notification_id AS n",
            query::id_list(tx.backend),
        );
        let values: Vec<Value> = vec![query::ids(entries)];
        mails.extend(query::numbers(tx, &sql, values).await?);
    }
    let mails = distinct(mails.into_iter());
    if mails.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "SELECT m.id AS n FROM notifications m WHERE m.id IN ({}) AND NOT EXISTS \
         (SELECT 1 FROM notification_events v WHERE v.notification_id = m.id)",
        query::id_list(tx.backend),
    );
    let empty = query::numbers(tx, &sql, vec![query::ids(&mails)]).await?;
    super::notifications::delete(tx, &empty).await
}
