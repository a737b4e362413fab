//! Restores archived history into the database. Stored rows are left unchanged, so that
//! importing twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::Value;
use tocsin_core::digest::Digest;
use tocsin_core::stats::Delta;
use tocsin_core::time::Timestamp;

use super::contents::{digest, insert_content, stored_contents};
use super::incident::{Placed, StoredIncidents};
use super::record::{ArchivedContent, ArchivedEntry};
use super::rows::{
    AlertKey, ArchivedAlert, Identity, existing, identity, insert_alert, insert_delivery,
    insert_entries, insert_event, key, missing, senders,
};
use crate::enums::{Coded, EndReason, EntryKind, EventKind};
use crate::query::{self, Reads};
use crate::{Backend, StorageError, Tx, ingest, projection_queue, retention};

/// A line of an archive.
#[derive(Clone, Debug)]
pub struct Line {
    /// The entry.
    pub entry: ArchivedEntry,
    /// Whether to count it in the statistics, if it is not stored yet.
    pub count: bool,
}

/// Result of restoring a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Entries stored by this batch.
    pub entries: u64,
    /// Entries that were stored already.
    pub known: u64,
    /// Incidents stored by this batch.
    pub incidents: u64,
}

/// Restores lines in batches.
#[derive(Debug)]
pub struct Restorer {
    database: String,
    /// The last ID assigned by each table.
    last_ids: HashMap<&'static str, i64>,
    /// Stored contents by alert ID and digest: the content ID, `None` for the first
    /// content.
    contents: HashMap<i64, HashMap<Digest, Option<i64>>>,
    /// Number of contents in `contents`.
    cached: usize,
    /// Incidents stored by this import.
    imported: HashSet<i64>,
}

/// The cache is cleared beyond this number of contents.
const MAX_CACHED: usize = 50_000;

/// Tables with IDs that lines refer to.
const TABLES: [&str; 3] = ["log_entries", "incidents", "deliveries"];

impl Restorer {
    /// Creates a restorer for the database with this name.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn new(db: &impl Reads, database: &str) -> Result<Self, StorageError> {
        let mut last_ids = HashMap::new();
        for table in TABLES {
            // Higher IDs were never assigned here, even if the lines name this database: it
            // was restored from an older backup.
            let (sql, name) = match db.backend() {
                Backend::Sqlite => ("SELECT seq AS n FROM sqlite_sequence WHERE name = ?", table),
                Backend::Postgres => (
                    "SELECT COALESCE(pg_sequence_last_value(CAST(\
                     pg_get_serial_sequence(?, 'id') AS regclass)), 0) AS n",
                    table,
                ),
            };
            let ids = query::numbers(db, sql, vec![name.into()]).await?;
            last_ids.insert(table, ids.first().copied().unwrap_or_default());
        }
        Ok(Self {
            database: database.to_owned(),
            last_ids,
            contents: HashMap::new(),
            cached: 0,
            imported: HashSet::new(),
        })
    }

    /// Stores the lines that are missing, at most a few hundred. Retention counts their age
    /// from `now`.
    ///
    /// # Errors
    /// [`StorageError`] from the database. The transaction must then be rolled back; the
    /// lines can be restored again.
    pub async fn restore(
        &mut self,
        tx: &Tx,
        lines: &[Line],
        now: Timestamp,
    ) -> Result<Restored, StorageError> {
        let restored = self.batch(tx, lines, now).await;
        if restored.is_err() {
            self.contents.clear();
            self.cached = 0;
        }
        restored
    }

    async fn batch(
        &mut self,
        tx: &Tx,
        lines: &[Line],
        now: Timestamp,
    ) -> Result<Restored, StorageError> {
        let Some(youngest) = lines.iter().map(|line| line.entry.received_at).max() else {
            return Ok(Restored::default());
        };
        let mut batch = Batch {
            tx,
            alerts: insert_alert(tx, lines).await?,
            free: self.free(tx, lines).await?,
            ..Batch::new(tx)
        };
        let ids: Vec<i64> = batch.alerts.values().map(|alert| alert.id).collect();
        retention::lock(tx, &ids).await?;
        batch.incidents = StoredIncidents::load(tx, &ids).await?;
        batch.stored = existing(tx, &ids, lines).await?;
        batch.senders = senders(tx, lines).await?;
        for alert in batch.alerts.values().filter(|alert| alert.is_new) {
            batch.new_alerts.push(alert.id);
        }
        let mut restored = Restored::default();
        for line in lines {
            self.restore_line(&mut batch, line, &mut restored).await?;
        }
        insert_entries(tx, &batch.entries).await?;
        projection_queue::enqueue_alerts(tx, &batch.new_alerts).await?;
        projection_queue::enqueue_contents(tx, &batch.new_contents).await?;
        projection_queue::enqueue_stats(tx, &batch.stats).await?;
        retention::note_restored(tx, now, youngest).await?;
        Ok(restored)
    }

    async fn restore_line(
        &mut self,
        batch: &mut Batch<'_>,
        line: &Line,
        restored: &mut Restored,
    ) -> Result<(), StorageError> {
        let tx = batch.tx;
        let entry = &line.entry;
        let alert = batch
            .alerts
            .get(&key(entry))
            .cloned()
            .ok_or(StorageError::Stale("alert"))?;
        let content_id = self.content_id(batch, alert.id, &entry.said).await?;
        let incident_content_id = match &entry.incident.said {
            Some(content) => self.content_id(batch, alert.id, content).await?,
            None => content_id,
        };
        let is_own = entry.database == self.database;
        let delivery_id = entry.delivery.as_ref().map_or(0, |delivery| delivery.id);
        let mut own = TABLES
            .into_iter()
            .zip([entry.id, entry.incident.id, delivery_id])
            .map(|row| (is_own && batch.free.remove(&row)).then_some(row.1));
        let [own_entry, own_incident, own_delivery] = [own.next(), own.next(), own.next()];
        let placed = batch
            .incidents
            .place(
                tx,
                alert.id,
                &entry.incident,
                incident_content_id,
                own_incident.flatten(),
                &self.imported,
            )
            .await?;
        let incident = placed.id();
        if let Placed::New(id) = placed {
            restored.incidents += 1;
            self.imported.insert(id);
        }
        let stats_key = alert.stats_key(&entry.source);
        if !matches!(placed, Placed::Unchanged(_)) {
            for event in missing(tx, incident, &entry.incident.events).await? {
                insert_event(tx, incident, event, is_own).await?;
                let ends = matches!(event.kind, EventKind::Expired | EventKind::Closed);
                if line.count && ends {
                    batch.stats.ended(event.at, &stats_key);
                }
            }
        }
        if !batch.stored.insert(identity(alert.id, entry)) {
            restored.known += 1;
            return Ok(());
        }
        let delivery = match &entry.delivery {
            Some(delivery) => {
                insert_delivery(batch, entry, delivery, own_delivery.flatten(), line.count).await?
            }
            None => 0,
        };
        restored.entries += 1;
        if line.count {
            let at = entry.received_at;
            batch.stats.entry(at, &stats_key, entry.status);
            let begins = at == entry.incident.first_seen_at && entry.kind != EntryKind::Late;
            if entry.kind == EntryKind::Opened || (begins && entry.kind == EntryKind::Resolved) {
                batch.stats.opened(at, &stats_key);
            }
            let is_copy = entry.incident.end_reason == Some(EndReason::Copy);
            match entry.kind {
                EntryKind::Opened if is_copy => batch.stats.copy(at, &stats_key),
                EntryKind::Resolved if !is_copy => batch.stats.ended(at, &stats_key),
                _ => {}
            }
        }
        let micros = |time: Option<Timestamp>| Value::from(time.map(Timestamp::as_micros));
        let values = vec![
            delivery.into(),
            incident.into(),
            alert.id.into(),
            content_id.into(),
            entry.received_at.as_micros().into(),
            entry.status.code().into(),
            entry.kind.code().into(),
            entry.starts_at.as_micros().into(),
            micros(entry.ends_at),
        ];
        batch.entries.push((own_entry.flatten(), values));
        Ok(())
    }

    /// Returns the IDs in `lines` that this database assigned itself and that are free
    /// again.
    async fn free(
        &self,
        tx: &Tx,
        lines: &[Line],
    ) -> Result<HashSet<(&'static str, i64)>, StorageError> {
        let mut wanted: HashMap<&'static str, BTreeSet<i64>> = HashMap::new();
        for entry in lines.iter().map(|line| &line.entry) {
            if entry.database != self.database {
                continue;
            }
            let delivery = entry.delivery.as_ref().map_or(0, |delivery| delivery.id);
            for (table, id) in TABLES
                .into_iter()
                .zip([entry.id, entry.incident.id, delivery])
            {
                if id > 0 && self.last_ids.get(table).is_some_and(|last| id <= *last) {
                    wanted.entry(table).or_default().insert(id);
                }
            }
        }
        let mut free = HashSet::new();
        for (table, mut ids) in wanted {
            let list: Vec<i64> = ids.iter().copied().collect();
            let sql = format!(
                "SELECT id AS n FROM {table} WHERE id IN ({})",
                query::id_list(tx.backend)
            );
            for taken in query::numbers(tx, &sql, vec![query::ids(&list)]).await? {
                ids.remove(&taken);
            }
            free.extend(ids.into_iter().map(|id| (table, id)));
        }
        Ok(free)
    }

    /// Returns the ID of a content, storing it if it is missing; `None` for the first
    /// content of the alert.
    async fn content_id(
        &mut self,
        batch: &mut Batch<'_>,
        alert_id: i64,
        content: &ArchivedContent,
    ) -> Result<Option<i64>, StorageError> {
        let tx = batch.tx;
        if self.cached > MAX_CACHED {
            self.contents.clear();
            self.cached = 0;
        }
        // Once per batch: retention of another replica may have deleted a content.
        if !self.contents.contains_key(&alert_id) || !batch.contents_loaded.contains(&alert_id) {
            let contents = stored_contents(tx, alert_id).await?;
            self.cached += contents.len();
            self.contents.insert(alert_id, contents);
            batch.contents_loaded.insert(alert_id);
        }
        let contents = self.contents.entry(alert_id).or_default();
        let digest = digest(content);
        if let Some(content_id) = contents.get(&digest) {
            return Ok(*content_id);
        }
        let id = insert_content(tx, alert_id, content).await?;
        batch.new_contents.push(id);
        contents.insert(digest, Some(id));
        self.cached += 1;
        Ok(Some(id))
    }
}

/// Rows loaded and collected for one batch.
pub(super) struct Batch<'a> {
    pub(super) tx: &'a Tx,
    alerts: BTreeMap<AlertKey, ArchivedAlert>,
    free: HashSet<(&'static str, i64)>,
    incidents: StoredIncidents,
    stored: HashSet<Identity>,
    pub(super) senders: HashMap<ingest::SenderKey, i64>,
    pub(super) deliveries: HashMap<(i64, String, i64), i64>,
    contents_loaded: HashSet<i64>,
    new_alerts: Vec<i64>,
    new_contents: Vec<i64>,
    entries: Vec<(Option<i64>, Vec<Value>)>,
    pub(super) stats: Delta,
}

impl<'a> Batch<'a> {
    fn new(tx: &'a Tx) -> Self {
        Self {
            tx,
            alerts: BTreeMap::new(),
            free: HashSet::new(),
            incidents: StoredIncidents::default(),
            stored: HashSet::new(),
            senders: HashMap::new(),
            deliveries: HashMap::new(),
            contents_loaded: HashSet::new(),
            new_alerts: Vec::new(),
            new_contents: Vec::new(),
            entries: Vec::new(),
            stats: Delta::default(),
        }
    }
}

/// Returns how many lines of the archive starting with `first_line` are counted in the
/// statistics. Archives are append-only.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn counted(db: &impl Reads, first_line: &str) -> Result<u64, StorageError> {
    Ok(retention::load(db, &counted_name(first_line))
        .await?
        .unwrap_or_default())
}

/// Records that `lines` lines of that archive are counted.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn note_counted(tx: &Tx, first_line: &str, lines: u64) -> Result<(), StorageError> {
    retention::save(tx, &counted_name(first_line), &lines).await
}

fn counted_name(first_line: &str) -> String {
    let Digest(bytes) = Digest::of_parts(&[first_line]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("import.counted.{hex}")
}
