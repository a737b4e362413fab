//! Archived history back into the database. What is there already is left as
//! it is, so that importing twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_core::tally::{Subject, Tallies};
use tocsin_core::time::Timestamp;

use super::incident::{Episodes, Placed};
use super::record::{ArchivedDelivery, ArchivedEntry, ArchivedEvent, ArchivedText};
use crate::codes::{Coded, EntryKind, EventKind};
use crate::query::{self, Reads};
use crate::{Backend, StorageError, Tx, backlog, ingest, upkeep};

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
            series: put_series(tx, lines).await?,
            free: self.free(tx, lines).await?,
            ..Batch::new(tx)
        };
        let ids: Vec<i64> = batch.series.values().map(|series| series.id).collect();
        upkeep::lock(tx, &ids).await?;
        batch.episodes = Episodes::load(tx, &ids).await?;
        batch.known = known(tx, &ids, lines).await?;
        batch.senders = senders(tx, lines).await?;
        for series in batch.series.values().filter(|series| series.is_new) {
            batch.new_series.push(series.id);
        }
        let mut restored = Restored::default();
        for line in lines {
            self.one(&mut batch, line, &mut restored).await?;
        }
        put_entries(tx, &batch.entries).await?;
        backlog::put_series(tx, &batch.new_series).await?;
        backlog::put_tellings(tx, &batch.new_tellings).await?;
        backlog::put_tallies(tx, &batch.tallies).await?;
        upkeep::note_restored(tx, now, youngest).await?;
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
        let telling = self.telling(batch, series.id, &entry.said).await?;
        let incident_telling = match &entry.incident.said {
            Some(said) => self.telling(batch, series.id, said).await?,
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
                put_event(tx, incident, event, is_own).await?;
                if line.count && event.kind == EventKind::Lost {
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
                put_delivery(batch, entry, delivery, own_delivery.flatten(), line.count).await?
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
            if entry.kind == EntryKind::Resolved {
                batch.tallies.ended(at, &subject);
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
    async fn telling(
        &mut self,
        batch: &mut Batch<'_>,
        series: i64,
        said: &ArchivedText,
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
        let id = put_telling(tx, series, said).await?;
        batch.new_tellings.push(id);
        texts.insert(digest, Some(id));
        self.remembered += 1;
        Ok(Some(id))
    }
}

/// What is known and collected of one batch.
struct Batch<'a> {
    tx: &'a Tx,
    series: BTreeMap<SeriesKey, Series>,
    free: HashSet<(&'static str, i64)>,
    episodes: Episodes,
    known: HashSet<Identity>,
    senders: HashMap<ingest::SenderKey, i64>,
    deliveries: HashMap<(i64, String, i64), i64>,
    texts_read: HashSet<i64>,
    new_series: Vec<i64>,
    new_tellings: Vec<i64>,
    entries: Vec<(Option<i64>, Vec<Value>)>,
    tallies: Tallies,
}

impl<'a> Batch<'a> {
    fn new(tx: &'a Tx) -> Self {
        Self {
            tx,
            series: BTreeMap::new(),
            free: HashSet::new(),
            episodes: Episodes::default(),
            known: HashSet::new(),
            senders: HashMap::new(),
            deliveries: HashMap::new(),
            texts_read: HashSet::new(),
            new_series: Vec::new(),
            new_tellings: Vec::new(),
            entries: Vec::new(),
            tallies: Tallies::default(),
        }
    }
}

/// Source and fingerprint; in the order of the locks.
type SeriesKey = (String, Vec<u8>);

fn key(entry: &ArchivedEntry) -> SeriesKey {
    // A line without a fingerprint of 16 digits is refused when it is read.
    let fingerprint: Fingerprint = entry.fingerprint.parse().unwrap_or(Fingerprint(0));
    (
        query::without_nul(&entry.source),
        fingerprint.0.to_be_bytes().to_vec(),
    )
}

#[derive(Clone, Debug, FromQueryResult)]
struct SeriesRow {
    id: i64,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
}

#[derive(Clone, Debug)]
struct Series {
    id: i64,
    facts: SeriesRow,
    is_new: bool,
}

impl Series {
    fn subject<'a>(&'a self, source: &'a str) -> Subject<'a> {
        Subject {
            source,
            severity: &self.facts.severity,
            team: &self.facts.team,
            alertname: &self.facts.alertname,
            instance: &self.facts.instance,
        }
    }
}

/// The series of the lines; one that is missing is stored as its first line
/// tells it.
async fn put_series(tx: &Tx, lines: &[Line]) -> Result<BTreeMap<SeriesKey, Series>, StorageError> {
    const FIND: &str = "SELECT id, alertname, instance, severity, team FROM series \
                        WHERE fingerprint = ? AND source = ?";
    let mut first: BTreeMap<SeriesKey, &ArchivedText> = BTreeMap::new();
    for line in lines {
        first.entry(key(&line.entry)).or_insert(&line.entry.said);
    }
    let mut found = BTreeMap::new();
    for (key, said) in first {
        let wanted = || vec![Value::from(key.1.clone()), key.0.as_str().into()];
        let mut row: Option<SeriesRow> = query::first(tx, FIND, wanted()).await?;
        let mut is_new = false;
        if row.is_none() {
            let sql = "INSERT INTO series (source, fingerprint, content, labels, annotations, \
                       generator_url, message, alertname, instance, severity, team) \
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
            let [labels, annotations] = json(said);
            let values = vec![
                key.0.as_str().into(),
                key.1.clone().into(),
                Vec::<u8>::new().into(),
                labels,
                annotations,
                query::text(&said.generator_url),
                query::text(&said.message),
                query::text(&said.alertname),
                query::text(&said.instance),
                query::text(&said.severity),
                query::text(&said.team),
            ];
            is_new = tx.execute(sql, values).await? > 0;
            row = query::first(tx, FIND, wanted()).await?;
        }
        let facts = row.ok_or(StorageError::Stale("series"))?;
        let series = Series {
            id: facts.id,
            facts,
            is_new,
        };
        found.insert(key, series);
    }
    Ok(found)
}

/// Labels and annotations as they are stored.
fn json(said: &ArchivedText) -> [Value; 2] {
    [&said.labels, &said.annotations].map(|pairs| {
        // Maps of texts can always be written.
        let json = serde_json::to_string(pairs).unwrap_or_default();
        query::text(&json.replace("\\u0000", "\u{FFFD}"))
    })
}

/// By which two texts are the same.
fn digest(said: &ArchivedText) -> Digest {
    let mut said = said.clone();
    for text in [
        &mut said.generator_url,
        &mut said.message,
        &mut said.alertname,
        &mut said.instance,
        &mut said.severity,
        &mut said.team,
    ] {
        *text = query::without_nul(text);
    }
    // Structures of texts can always be written.
    let json = serde_json::to_string(&said).unwrap_or_default();
    Digest::of_parts(&[&json.replace("\\u0000", "\u{FFFD}")])
}

#[derive(FromQueryResult)]
struct TextRow {
    telling_id: Option<i64>,
    labels: String,
    annotations: String,
    generator_url: String,
    message: String,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
}

/// All that a series was told with.
async fn texts(tx: &Tx, series: i64) -> Result<HashMap<Digest, Option<i64>>, StorageError> {
    let sql = "SELECT t.id AS telling_id, COALESCE(t.labels, s.labels) AS labels, t.annotations, \
               t.generator_url, t.message, COALESCE(t.alertname, s.alertname) AS alertname, \
               COALESCE(t.instance, s.instance) AS instance, \
               COALESCE(t.severity, s.severity) AS severity, COALESCE(t.team, s.team) AS team \
               FROM tellings t JOIN series s ON s.id = t.series_id WHERE t.series_id = ? \
               UNION ALL SELECT NULL, labels, annotations, generator_url, message, alertname, \
               instance, severity, team FROM series WHERE id = ?";
    let rows: Vec<TextRow> = query::all(tx, sql, vec![series.into(), series.into()]).await?;
    let mut found = HashMap::new();
    // What it was first told with comes last, and so is preferred.
    for row in rows {
        let text = ArchivedText {
            labels: query::labels(&row.labels, "series", "labels", series)?,
            annotations: query::labels(&row.annotations, "series", "annotations", series)?,
            generator_url: row.generator_url,
            message: row.message,
            alertname: row.alertname,
            instance: row.instance,
            severity: row.severity,
            team: row.team,
        };
        found.insert(digest(&text), row.telling_id);
    }
    Ok(found)
}

async fn put_telling(tx: &Tx, series: i64, said: &ArchivedText) -> Result<i64, StorageError> {
    let sql = "INSERT INTO tellings (series_id, annotations, generator_url, message, labels, \
               alertname, instance, severity, team) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
               RETURNING id AS n";
    let [labels, annotations] = json(said);
    let values = vec![
        series.into(),
        annotations,
        query::text(&said.generator_url),
        query::text(&said.message),
        labels,
        query::text(&said.alertname),
        query::text(&said.instance),
        query::text(&said.severity),
        query::text(&said.team),
    ];
    let ids = query::numbers(tx, sql, values).await?;
    ids.first().copied().ok_or(StorageError::Stale("text"))
}

/// By which an entry is known again: its series, when it was received, what it
/// said, and what it did.
type Identity = (i64, i64, i16, i16, i64, Option<i64>);

fn identity(series: i64, entry: &ArchivedEntry) -> Identity {
    (
        series,
        entry.received_at.as_micros(),
        entry.status.code(),
        entry.kind.code(),
        entry.starts_at.as_micros(),
        entry.ends_at.map(Timestamp::as_micros),
    )
}

/// The entries of these series that are stored already, of the time that the
/// lines span.
async fn known(tx: &Tx, series: &[i64], lines: &[Line]) -> Result<HashSet<Identity>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        series_id: i64,
        received_at: i64,
        status: i16,
        kind: i16,
        starts_at: i64,
        ends_at: Option<i64>,
    }
    let times = || lines.iter().map(|line| line.entry.received_at.as_micros());
    let sql = format!(
        "SELECT series_id, received_at, status, kind, starts_at, ends_at FROM log_entries \
         WHERE series_id IN ({}) AND received_at BETWEEN ? AND ?",
        query::id_list(tx.backend)
    );
    let values = vec![
        query::ids(series),
        times().min().unwrap_or_default().into(),
        times().max().unwrap_or_default().into(),
    ];
    let rows: Vec<Row> = query::all(tx, &sql, values).await?;
    let known = rows.into_iter().map(|row| {
        (
            row.series_id,
            row.received_at,
            row.status,
            row.kind,
            row.starts_at,
            row.ends_at,
        )
    });
    Ok(known.collect())
}

async fn senders(tx: &Tx, lines: &[Line]) -> Result<HashMap<ingest::SenderKey, i64>, StorageError> {
    let mut wanted: Vec<ingest::SenderKey> = lines
        .iter()
        .filter_map(|line| {
            let sender = line.entry.delivery.as_ref()?.sender.as_ref()?;
            Some((line.entry.source.clone(), sender.clone()))
        })
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    ingest::put_senders(tx, wanted).await
}

/// The number of a delivery, which is stored where it is missing.
async fn put_delivery(
    batch: &mut Batch<'_>,
    entry: &ArchivedEntry,
    delivery: &ArchivedDelivery,
    own_id: Option<i64>,
    count: bool,
) -> Result<i64, StorageError> {
    let at = entry.received_at.as_micros();
    let key = (at, entry.source.clone(), delivery.id);
    if let Some(id) = batch.deliveries.get(&key) {
        return Ok(*id);
    }
    let sender = delivery.sender.as_ref().and_then(|sender| {
        let sender = (entry.source.clone(), sender.clone());
        batch.senders.get(&sender).copied()
    });
    let (receiver, group_key) = (
        query::without_nul(&delivery.receiver),
        query::without_nul(&delivery.group_key),
    );
    let sql = "SELECT id AS n FROM deliveries WHERE received_at = ? AND source = ? \
               AND receiver = ? AND group_key = ? AND alerts = ? \
               AND COALESCE(sender_id, 0) = ? ORDER BY id LIMIT 1";
    let same = vec![
        at.into(),
        query::text(&entry.source),
        receiver.as_str().into(),
        group_key.as_str().into(),
        delivery.alerts.into(),
        sender.unwrap_or_default().into(),
    ];
    let found = query::numbers(batch.tx, sql, same).await?;
    let id = match found.first() {
        Some(id) => *id,
        None => {
            let (column, place) = match own_id {
                Some(_) => ("id, ", "?, "),
                None => ("", ""),
            };
            let sql = format!(
                "INSERT INTO deliveries ({column}received_at, source, sender_id, outcome, \
                 receiver, group_key, status, version, alerts, truncated_alerts, opened, resolved, \
                 refreshed, seen_again, late, rejected, unrouted, body_bytes) VALUES \
                 ({place}?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS n"
            );
            let mut values: Vec<Value> = own_id.map(Value::from).into_iter().collect();
            values.extend([
                at.into(),
                query::text(&entry.source),
                sender.into(),
                receiver.into(),
                group_key.into(),
                delivery.status.map(Coded::code).into(),
                query::text(&delivery.version),
                delivery.alerts.into(),
                delivery.truncated_alerts.into(),
                delivery.opened.into(),
                delivery.resolved.into(),
                delivery.refreshed.into(),
                delivery.seen_again.into(),
                delivery.late.into(),
                query::text(&rejected(&delivery.rejected)),
                delivery.unrouted.into(),
                delivery.body_bytes.into(),
            ]);
            let ids = query::numbers(batch.tx, &sql, values).await?;
            if count {
                batch.tallies.delivery(entry.received_at, &entry.source);
            }
            let stored = ids.first().copied();
            stored.ok_or(StorageError::Stale("delivery"))?
        }
    };
    batch.deliveries.insert(key, id);
    Ok(id)
}

/// The list of rejected alerts; a line that has none may leave it out.
fn rejected(list: &serde_json::Value) -> String {
    match list {
        serde_json::Value::Array(_) => list.to_string(),
        _ => "[]".to_owned(),
    }
}

/// Those of the events that are not stored.
async fn missing<'a>(
    tx: &Tx,
    incident: i64,
    events: &'a [ArchivedEvent],
) -> Result<Vec<&'a ArchivedEvent>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        kind: i16,
        at: i64,
    }
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT kind, at FROM incident_events WHERE incident_id = ?";
    let rows: Vec<Row> = query::all(tx, sql, vec![incident.into()]).await?;
    let stored: HashSet<(i16, i64)> = rows.into_iter().map(|row| (row.kind, row.at)).collect();
    let is_missing =
        |event: &&ArchivedEvent| !stored.contains(&(event.kind.code(), event.at.as_micros()));
    Ok(events.iter().filter(is_missing).collect())
}

/// Another database's numbers of entries and deliveries mean nothing here.
async fn put_event(
    tx: &Tx,
    incident: i64,
    event: &ArchivedEvent,
    is_own: bool,
) -> Result<(), StorageError> {
    let sql = "INSERT INTO incident_events (incident_id, kind, at, delivery_id, entry_id, person, \
               memo) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let values = vec![
        incident.into(),
        event.kind.code().into(),
        event.at.as_micros().into(),
        event.delivery.filter(|_| is_own).into(),
        event.entry.filter(|_| is_own).into(),
        event.person.as_deref().map(query::without_nul).into(),
        event.memo.as_deref().map(query::without_nul).into(),
    ];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Rows of a statement.
const ROWS: usize = 64;

async fn put_entries(tx: &Tx, rows: &[(Option<i64>, Vec<Value>)]) -> Result<(), StorageError> {
    for numbered in [true, false] {
        let (column, place) = if numbered { ("id, ", "?, ") } else { ("", "") };
        let such: Vec<_> = rows
            .iter()
            .filter(|row| row.0.is_some() == numbered)
            .collect();
        for chunk in such.chunks(ROWS) {
            let row = format!("({place}?, ?, ?, ?, ?, ?, ?, ?, ?)");
            let sql = format!(
                "INSERT INTO log_entries ({column}delivery_id, incident_id, series_id, \
                 telling_id, received_at, status, kind, starts_at, ends_at) VALUES {}",
                vec![row; chunk.len()].join(", ")
            );
            let values = chunk
                .iter()
                .flat_map(|(id, values)| id.map(Value::from).into_iter().chain(values.clone()));
            tx.execute(&sql, values.collect()).await?;
        }
    }
    Ok(())
}

/// How many lines of the archive that begins with `first_line` the statistics
/// have counted. Archives are only ever appended to.
///
/// # Errors
/// Whatever the database answers.
pub async fn counted(db: &impl Reads, first_line: &str) -> Result<u64, StorageError> {
    Ok(upkeep::load(db, &counted_name(first_line))
        .await?
        .unwrap_or_default())
}

/// Notes that `lines` lines of that archive are counted.
///
/// # Errors
/// Whatever the database answers.
pub async fn note_counted(tx: &Tx, first_line: &str, lines: u64) -> Result<(), StorageError> {
    upkeep::save(tx, &counted_name(first_line), &lines).await
}

fn counted_name(first_line: &str) -> String {
    let Digest(bytes) = Digest::of_parts(&[first_line]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("import.counted.{hex}")
}
