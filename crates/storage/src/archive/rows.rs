//! Rows of restored lines: found if they are stored, inserted otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{FromQueryResult, Value};
use tocsin_core::fingerprint::Fingerprint;
use tocsin_core::stats::StatsKey;
use tocsin_core::time::Timestamp;

use super::contents::json;
use super::record::{ArchivedContent, ArchivedDelivery, ArchivedEntry, ArchivedEvent};
use super::restore::{Batch, Line};
use crate::enums::Coded;
use crate::{StorageError, Tx, ingest, query};

/// Source and fingerprint, in lock order.
pub(super) type AlertKey = (String, Vec<u8>);

pub(super) fn key(entry: &ArchivedEntry) -> AlertKey {
    // Lines without a fingerprint of 16 digits are rejected when they are read.
    let fingerprint: Fingerprint = entry.fingerprint.parse().unwrap_or(Fingerprint(0));
    (
        query::without_nul(&entry.source),
        fingerprint.0.to_be_bytes().to_vec(),
    )
}

#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct AlertRow {
    id: i64,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
}

#[derive(Clone, Debug)]
pub(super) struct ArchivedAlert {
    pub(super) id: i64,
    fields: AlertRow,
    pub(super) is_new: bool,
}

impl ArchivedAlert {
    pub(super) fn stats_key<'a>(&'a self, source: &'a str) -> StatsKey<'a> {
        StatsKey {
            source,
            severity: &self.fields.severity,
            team: &self.fields.team,
            alertname: &self.fields.alertname,
            instance: &self.fields.instance,
        }
    }
}

/// Returns the alerts of the lines; a missing alert is stored with the content of its first
/// line.
pub(super) async fn insert_alert(
    tx: &Tx,
    lines: &[Line],
) -> Result<BTreeMap<AlertKey, ArchivedAlert>, StorageError> {
    const FIND: &str = "SELECT id, alertname, instance, severity, team FROM series \
                        WHERE fingerprint = ? AND source = ?";
    let mut first: BTreeMap<AlertKey, &ArchivedContent> = BTreeMap::new();
    for line in lines {
        first.entry(key(&line.entry)).or_insert(&line.entry.said);
    }
    let mut found = BTreeMap::new();
    for (key, content) in first {
        let wanted = || vec![Value::from(key.1.clone()), key.0.as_str().into()];
        let mut row: Option<AlertRow> = query::first(tx, FIND, wanted()).await?;
        let mut is_new = false;
        if row.is_none() {
            let sql = "INSERT INTO series (source, fingerprint, content, labels, annotations, \
                       generator_url, message, alertname, instance, severity, team) \
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
            let [labels, annotations] = json(content);
            let values = vec![
                key.0.as_str().into(),
                key.1.clone().into(),
                Vec::<u8>::new().into(),
                labels,
                annotations,
                query::text(&content.generator_url),
                query::text(&content.message),
                query::text(&content.alertname),
                query::text(&content.instance),
                query::text(&content.severity),
                query::text(&content.team),
            ];
            is_new = tx.execute(sql, values).await? > 0;
            row = query::first(tx, FIND, wanted()).await?;
        }
        let fields = row.ok_or(StorageError::Stale("alert"))?;
        let alert = ArchivedAlert {
            id: fields.id,
            fields,
            is_new,
        };
        found.insert(key, alert);
    }
    Ok(found)
}

/// Identity of an entry: alert, time of receipt, status, kind, start and end.
pub(super) type Identity = (i64, i64, i16, i16, i64, Option<i64>);

pub(super) fn identity(alert_id: i64, entry: &ArchivedEntry) -> Identity {
    (
        alert_id,
        entry.received_at.as_micros(),
        entry.status.code(),
        entry.kind.code(),
        entry.starts_at.as_micros(),
        entry.ends_at.map(Timestamp::as_micros),
    )
}

/// Returns the stored entries of these alerts in the time range of the lines.
pub(super) async fn existing(
    tx: &Tx,
    alert_ids: &[i64],
    lines: &[Line],
) -> Result<HashSet<Identity>, StorageError> {
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
        query::ids(alert_ids),
        times().min().unwrap_or_default().into(),
        times().max().unwrap_or_default().into(),
    ];
    let rows: Vec<Row> = query::all(tx, &sql, values).await?;
    let stored = rows.into_iter().map(|row| {
        (
            row.series_id,
            row.received_at,
            row.status,
            row.kind,
            row.starts_at,
            row.ends_at,
        )
    });
    Ok(stored.collect())
}

pub(super) async fn senders(
    tx: &Tx,
    lines: &[Line],
) -> Result<HashMap<ingest::SenderKey, i64>, StorageError> {
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
    ingest::insert_senders(tx, wanted).await
}

/// Returns the ID of a delivery, storing it if it is missing.
pub(super) async fn insert_delivery(
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
                 refreshed, seen_again, updated, late, rejected, unrouted, body_bytes) VALUES \
                 ({place}?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 RETURNING id AS n"
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
                delivery.updated.into(),
                delivery.late.into(),
                query::text(&rejected(&delivery.rejected)),
                delivery.unrouted.into(),
                delivery.body_bytes.into(),
            ]);
            let ids = query::numbers(batch.tx, &sql, values).await?;
            if count {
                batch.stats.delivery(entry.received_at, &entry.source);
            }
            let stored = ids.first().copied();
            stored.ok_or(StorageError::Stale("delivery"))?
        }
    };
    batch.deliveries.insert(key, id);
    Ok(id)
}

/// The list of rejected alerts; a line may omit it.
pub(super) fn rejected(list: &serde_json::Value) -> String {
    match list {
        serde_json::Value::Array(_) => list.to_string(),
        _ => "[]".to_owned(),
    }
}

/// Returns the events that are not stored.
pub(super) async fn missing<'a>(
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

/// Entry and delivery IDs of another database are dropped: they have no meaning here.
pub(super) async fn insert_event(
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

/// Rows per statement.
pub(super) const ROWS: usize = 64;

pub(super) async fn insert_entries(
    tx: &Tx,
    rows: &[(Option<i64>, Vec<Value>)],
) -> Result<(), StorageError> {
    for has_id in [true, false] {
        let (column, place) = if has_id { ("id, ", "?, ") } else { ("", "") };
        let selected: Vec<_> = rows
            .iter()
            .filter(|row| row.0.is_some() == has_id)
            .collect();
        for chunk in selected.chunks(ROWS) {
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
