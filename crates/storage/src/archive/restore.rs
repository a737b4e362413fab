//! Archived history back into the database. What is there already is left as
//! it is, so that importing twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::Value;
use tocsin_core::digest::Digest;
use tocsin_core::stats::Delta;
use tocsin_core::time::Timestamp;

use super::contents::{digest, insert_content, texts};
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
    /// Whether the statistics are to count it, if it is not stored yet.
    pub count: bool,
}

/// What a batch restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Entries that are stored now.
    pub entries: u64,
    /// Entries that were there already.
    pub known: u64,
    /// Incidents that are stored now.
    pub incidents: u64,
}

/// Restores lines, batch by batch.
#[derive(Debug)]
pub struct Restorer {
    database: String,
    /// The highest number that each table has given.
    given: HashMap<&'static str, i64>,
    /// What each series was told with, by a digest: the telling, or `None` for
    /// what it was first told with.
    texts: HashMap<i64, HashMap<Digest, Option<i64>>>,
    /// Texts in `texts`.
    remembered: usize,
    /// The incidents that this import has stored.
    ours: HashSet<i64>,
}

/// Texts that are remembered before all are forgotten.
const REMEMBERED: usize = 50_000;

/// The numbered tables that lines have rows of.
const TABLES: [&str; 3] = ["log_entries", "incidents", "deliveries"];

impl Restorer {
    /// Restores into the database of this name.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn new(db: &impl Reads, database: &str) -> Result<Self, StorageError> {
        let mut given = HashMap::new();
        for table in TABLES {
            // Numbers above were never given here, even by a database of this
            // name: it was set back to a backup.
            let (sql, name) = match db.backend() {
                Backend::Sqlite => ("SELECT seq AS n FROM sqlite_sequence WHERE name = ?", table),
                Backend::Postgres => (
                    "SELECT COALESCE(pg_sequence_last_value(CAST(\
                     pg_get_serial_sequence(?, 'id') AS regclass)), 0) AS n",
                    table,
                ),
            };
            let numbers = query::numbers(db, sql, vec![name.into()]).await?;
            given.insert(table, numbers.first().copied().unwrap_or_default());
        }
        Ok(Self {
            database: database.to_owned(),
            given,
            texts: HashMap::new(),
            remembered: 0,
            ours: HashSet::new(),
        })
    }

    /// Stores what is not stored of `lines`, at most a few hundred. `now` is
    /// when: retention counts their age from it.
    ///
    /// # Errors
    /// Whatever the database answers. The transaction must then be undone, and
    /// the lines may be given again.
    pub async fn restore(
        &mut self,
        tx: &Tx,
        lines: &[Line],
        now: Timestamp,
    ) -> Result<Restored, StorageError> {
        let restored = self.batch(tx, lines, now).await;
        if restored.is_err() {
            self.texts.clear();
            self.remembered = 0;
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
            series: insert_alert(tx, lines).await?,
            free: self.free(tx, lines).await?,
            ..Batch::new(tx)
        };
        let ids: Vec<i64> = batch.series.values().map(|series| series.id).collect();
        retention::lock(tx, &ids).await?;
        batch.episodes = StoredIncidents::load(tx, &ids).await?;
        batch.known = existing(tx, &ids, lines).await?;
        batch.senders = senders(tx, lines).await?;
        for series in batch.series.values().filter(|series| series.is_new) {
            batch.new_series.push(series.id);
        }
        let mut restored = Restored::default();
        for line in lines {
            self.one(&mut batch, line, &mut restored).await?;
        }
        insert_entries(tx, &batch.entries).await?;
        projection_queue::enqueue_alerts(tx, &batch.new_series).await?;
        projection_queue::enqueue_contents(tx, &batch.new_tellings).await?;
        projection_queue::enqueue_stats(tx, &batch.tallies).await?;
        retention::note_restored(tx, now, youngest).await?;
        Ok(restored)
    }

    async fn one(
        &mut self,
        batch: &mut Batch<'_>,
        line: &Line,
        restored: &mut Restored,
    ) -> Result<(), StorageError> {
        let tx = batch.tx;
        let entry = &line.entry;
        let series = batch
            .series
            .get(&key(entry))
            .cloned()
            .ok_or(StorageError::Stale("series"))?;
        let telling = self.content_id(batch, series.id, &entry.said).await?;
        let incident_telling = match &entry.incident.said {
            Some(said) => self.content_id(batch, series.id, said).await?,
            None => telling,
        };
        let is_own = entry.database == self.database;
        let told_by = entry.delivery.as_ref().map_or(0, |delivery| delivery.id);
        let mut own = TABLES
            .into_iter()
            .zip([entry.id, entry.incident.id, told_by])
            .map(|row| (is_own && batch.free.remove(&row)).then_some(row.1));
        let [own_entry, own_incident, own_delivery] = [own.next(), own.next(), own.next()];
        let placed = batch
            .episodes
            .place(
                tx,
                series.id,
                &entry.incident,
                incident_telling,
                own_incident.flatten(),
                &self.ours,
            )
            .await?;
        let incident = placed.id();
        if let Placed::New(id) = placed {
            restored.incidents += 1;
            self.ours.insert(id);
        }
        let subject = series.subject(&entry.source);
        if !matches!(placed, Placed::Known(_)) {
            for event in missing(tx, incident, &entry.incident.events).await? {
                insert_event(tx, incident, event, is_own).await?;
                let ends = matches!(event.kind, EventKind::Expired | EventKind::Closed);
                if line.count && ends {
                    batch.tallies.ended(event.at, &subject);
                }
            }
        }
        if !batch.known.insert(identity(series.id, entry)) {
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
            batch.tallies.entry(at, &subject, entry.status);
            let begins = at == entry.incident.first_seen_at && entry.kind != EntryKind::Late;
            if entry.kind == EntryKind::Opened || (begins && entry.kind == EntryKind::Resolved) {
                batch.tallies.opened(at, &subject);
            }
            let is_copy = entry.incident.end_reason == Some(EndReason::Copy);
            match entry.kind {
                EntryKind::Opened if is_copy => batch.tallies.copy(at, &subject),
                EntryKind::Resolved if !is_copy => batch.tallies.ended(at, &subject),
                _ => {}
            }
        }
        let micros = |time: Option<Timestamp>| Value::from(time.map(Timestamp::as_micros));
        let values = vec![
            delivery.into(),
            incident.into(),
            series.id.into(),
            telling.into(),
            entry.received_at.as_micros().into(),
            entry.status.code().into(),
            entry.kind.code().into(),
            entry.starts_at.as_micros().into(),
            micros(entry.ends_at),
        ];
        batch.entries.push((own_entry.flatten(), values));
        Ok(())
    }

    /// Which numbers of `lines` are free here to be taken again: of lines that
    /// this database wrote itself.
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
                if id > 0 && self.given.get(table).is_some_and(|given| id <= *given) {
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

    /// The telling that has this text, stored where it is missing; `None`: it
    /// is what the series was first told with.
    async fn content_id(
        &mut self,
        batch: &mut Batch<'_>,
        series: i64,
        said: &ArchivedContent,
    ) -> Result<Option<i64>, StorageError> {
        let tx = batch.tx;
        if self.remembered > REMEMBERED {
            self.texts.clear();
            self.remembered = 0;
        }
        // Once a batch: another replica's retention may have deleted one.
        if !self.texts.contains_key(&series) || !batch.texts_read.contains(&series) {
            let texts = texts(tx, series).await?;
            self.remembered += texts.len();
            self.texts.insert(series, texts);
            batch.texts_read.insert(series);
        }
        let texts = self.texts.entry(series).or_default();
        let digest = digest(said);
        if let Some(telling) = texts.get(&digest) {
            return Ok(*telling);
        }
        let id = insert_content(tx, series, said).await?;
        batch.new_tellings.push(id);
        texts.insert(digest, Some(id));
        self.remembered += 1;
        Ok(Some(id))
    }
}

/// What is known and collected of one batch.
pub(super) struct Batch<'a> {
    pub(super) tx: &'a Tx,
    series: BTreeMap<AlertKey, ArchivedAlert>,
    free: HashSet<(&'static str, i64)>,
    episodes: StoredIncidents,
    known: HashSet<Identity>,
    pub(super) senders: HashMap<ingest::SenderKey, i64>,
    pub(super) deliveries: HashMap<(i64, String, i64), i64>,
    texts_read: HashSet<i64>,
    new_series: Vec<i64>,
    new_tellings: Vec<i64>,
    entries: Vec<(Option<i64>, Vec<Value>)>,
    pub(super) tallies: Delta,
}

impl<'a> Batch<'a> {
    fn new(tx: &'a Tx) -> Self {
        Self {
            tx,
            series: BTreeMap::new(),
            free: HashSet::new(),
            episodes: StoredIncidents::default(),
            known: HashSet::new(),
            senders: HashMap::new(),
            deliveries: HashMap::new(),
            texts_read: HashSet::new(),
            new_series: Vec::new(),
            new_tellings: Vec::new(),
            entries: Vec::new(),
            tallies: Delta::default(),
        }
    }
}

/// How many lines of the archive that begins with `first_line` the statistics
/// have counted. Archives are only ever appended to.
///
/// # Errors
/// Whatever the database answers.
pub async fn counted(db: &impl Reads, first_line: &str) -> Result<u64, StorageError> {
    Ok(retention::load(db, &counted_name(first_line))
        .await?
        .unwrap_or_default())
}

/// Notes that `lines` lines of that archive are counted.
///
/// # Errors
/// Whatever the database answers.
pub async fn note_counted(tx: &Tx, first_line: &str, lines: u64) -> Result<(), StorageError> {
    retention::save(tx, &counted_name(first_line), &lines).await
}

fn counted_name(first_line: &str) -> String {
    let Digest(bytes) = Digest::of_parts(&[first_line]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("import.counted.{hex}")
}
