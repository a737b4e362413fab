//! One transaction for all deliveries of a batch: lock, judge, write.

use std::collections::{BTreeSet, HashMap};

use tocsin_core::alert::{Body, Said, Status};
use tocsin_core::digest::Digest;
use tocsin_storage::changes::Change;
use tocsin_storage::ingest::{
    self, AnnotationSet, GroupState, Ids, IncidentRow, LabelSet, NewDelivery, NewGroup, Numbered,
    SenderKey, SeriesKey,
};
use tocsin_storage::{StorageError, Tx};

use super::IngestReport;
use super::judging::{Done, Filed, Ledger};
use super::mails::{Envelope, Mails};
use super::owing::owed;
use super::plan::Directory;
use super::queue::{Incoming, Keys};
use super::writer::Context;

/// What a writer carries from batch to batch.
#[derive(Default)]
pub(super) struct Scribe {
    ids: Ids,
    directory: Directory,
}

impl Scribe {
    /// Records a refused request, in a transaction of its own.
    pub(super) async fn refuse(
        &mut self,
        context: &Context,
        mut refused: NewDelivery,
    ) -> Result<(), StorageError> {
        let tx = context.db.begin().await?;
        self.ids.begin(&tx).await?;
        self.ids.reserve(&tx, Numbered::Deliveries, 1).await?;
        refused.id = self.ids.take(Numbered::Deliveries);
        let now = refused.received_at;
        let change = Change::Delivery {
            source: refused.source.clone(),
            entries: 0,
            refused: true,
            events: Vec::new(),
        };
        ingest::put_changes(&tx, now, &[(refused.id, change)]).await?;
        ingest::put_refused(&tx, refused, context.settings.refused_bytes).await?;
        tx.commit().await
    }
}

/// Stores a batch and answers what became of each delivery.
pub(super) async fn store(
    context: &Context,
    scribe: &mut Scribe,
    tx: &Tx,
    batch: &[Incoming],
) -> Result<Vec<IngestReport>, StorageError> {
    let Scribe { ids, directory } = scribe;
    ids.begin(tx).await?;
    directory.refresh(tx).await?;

    // Without anybody to mail, groups need not be looked at.
    let mut groups = if directory.recipients.is_empty() {
        HashMap::new()
    } else {
        lock_groups(tx, batch).await?
    };
    let known = Known::load(tx, batch).await?;
    let mut ledger = known.ledger(tx, batch).await?;
    reserve(ids, tx, batch).await?;

    let mut reports = Vec::with_capacity(batch.len());
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut changes = Vec::with_capacity(batch.len());
    let mut mails = Mails::new(context, directory);
    for incoming in batch {
        let body = &incoming.body;
        let now = incoming.received_at;
        let id = ids.take(Numbered::Deliveries);
        let mut report = IngestReport {
            delivery_id: id,
            alerts: body.total,
            rejected: body.rejected.clone(),
            ..IngestReport::default()
        };
        let sender = known.sender(incoming);
        let mut done: Vec<Done> = Vec::with_capacity(body.alerts.len());
        for (said, keys) in incoming.alerts() {
            let filed = known.file(&incoming.source, sender, keys)?;
            let one = ledger.file(&context.settings.rules, ids, id, now, said, filed);
            report.count(one.verdict);
            done.push(one);
        }
        let alerts: Vec<(&Said, &Done)> = body.alerts.iter().zip(&done).collect();
        let owed = owed(&directory.plan, &alerts);
        let unrouted = owed.unrouted;
        if let Some(group) = groups.get_mut(&group_digest(incoming)) {
            let envelope = Envelope {
                delivery: id,
                body,
                now,
            };
            mails.draft(group, envelope, owed);
        }
        let events = done.iter().flat_map(|one| &one.events);
        changes.push((
            id,
            Change::Delivery {
                source: incoming.source.clone(),
                entries: i64::try_from(report.entries()).unwrap_or(i64::MAX),
                refused: false,
                events: events
                    .map(|(_, incident, kind)| (*incident, *kind))
                    .collect(),
            },
        ));
        deliveries.push(delivery_row(incoming, sender, &report, unrouted));
        reports.push(report);
    }

    let (begun, changed): (Vec<IncidentRow>, Vec<IncidentRow>) = ledger
        .changed
        .into_values()
        .partition(|row| ledger.begun.contains(&row.episode.id));
    ingest::put_incidents(tx, &changed, &begun).await?;
    let latest: Vec<(i64, i64)> = ledger.latest.into_iter().collect();
    ingest::save_last_incidents(tx, &latest).await?;
    let said: Vec<_> = ledger.said.into_iter().collect();
    ingest::save_memories(tx, &said).await?;
    ingest::put_entries(tx, &ledger.entries).await?;
    ingest::put_events(tx, &ledger.events).await?;
    ingest::put_deliveries(tx, deliveries).await?;
    let now = batch
        .iter()
        .map(|incoming| incoming.received_at)
        .max()
        .unwrap_or_default();
    changes.extend(mails.save(tx, ids).await?);
    ingest::put_changes(tx, now, &changes).await?;
    Ok(reports)
}

/// The ids under which a batch's alerts are known.
struct Known {
    senders: HashMap<SenderKey, i64>,
    series: HashMap<SeriesKey, i64>,
    label_sets: HashMap<Digest, i64>,
    annotation_sets: HashMap<Digest, i64>,
}

impl Known {
    async fn load(tx: &Tx, batch: &[Incoming]) -> Result<Self, StorageError> {
        let mut senders = BTreeSet::new();
        let mut series = BTreeSet::new();
        let mut label_sets = HashMap::new();
        let mut annotation_sets = HashMap::new();
        for incoming in batch {
            senders.insert(sender_key(incoming));
            for (said, keys) in incoming.alerts() {
                series.insert(series_key(&incoming.source, keys));
                let set = LabelSet {
                    labels: &said.labels,
                    facts: &said.facts,
                };
                label_sets.insert(keys.label_set, set);
                let set = AnnotationSet {
                    annotations: &said.annotations,
                    generator_url: &said.generator_url,
                    message: &said.facts.message,
                };
                annotation_sets.insert(keys.annotation_set, set);
            }
        }
        Ok(Self {
            senders: ingest::put_senders(tx, senders.into_iter().collect()).await?,
            series: ingest::put_series(tx, series.into_iter().collect()).await?,
            label_sets: ingest::put_label_sets(tx, &label_sets).await?,
            annotation_sets: ingest::put_annotation_sets(tx, &annotation_sets).await?,
        })
    }

    /// Locks the series and reads where they stand.
    async fn ledger(&self, tx: &Tx, batch: &[Incoming]) -> Result<Ledger, StorageError> {
        let states = ingest::lock_series(tx, &self.series).await?;
        let mut told: HashMap<i64, BTreeSet<i64>> = HashMap::new();
        for incoming in batch {
            let series = told.entry(self.sender(incoming)).or_default();
            for keys in &incoming.keys {
                series.extend(self.series.get(&series_key(&incoming.source, keys)));
            }
        }
        let mut memories = HashMap::new();
        for (sender, series) in told {
            let series: Vec<i64> = series.into_iter().collect();
            memories.extend(ingest::load_memories(tx, sender, &series).await?);
        }
        Ok(Ledger::new(states, memories))
    }

    fn sender(&self, incoming: &Incoming) -> i64 {
        self.senders
            .get(&sender_key(incoming))
            .copied()
            .unwrap_or_default()
    }

    /// Every key was loaded with the batch; one that is missing all the same
    /// fails the batch, because nothing may be filed under a wrong number.
    fn file(&self, source: &str, sender: i64, keys: &Keys) -> Result<Filed, StorageError> {
        let series = self.series.get(&series_key(source, keys));
        let label_set = self.label_sets.get(&keys.label_set);
        let annotation_set = self.annotation_sets.get(&keys.annotation_set);
        Ok(Filed {
            series: *series.ok_or(StorageError::Stale("series"))?,
            sender,
            label_set: *label_set.ok_or(StorageError::Stale("label_sets"))?,
            annotation_set: *annotation_set.ok_or(StorageError::Stale("annotation_sets"))?,
        })
    }
}

fn sender_key(incoming: &Incoming) -> SenderKey {
    (incoming.source.clone(), incoming.body.external_url.clone())
}

fn series_key(source: &str, keys: &Keys) -> SeriesKey {
    (source.to_owned(), keys.fingerprint.clone())
}

async fn lock_groups(
    tx: &Tx,
    batch: &[Incoming],
) -> Result<HashMap<Digest, GroupState>, StorageError> {
    let groups = batch
        .iter()
        .map(|incoming| {
            let group = NewGroup {
                source: incoming.source.clone(),
                receiver: incoming.body.receiver.clone(),
                group_key: incoming.body.group_key.clone(),
            };
            (group_digest(incoming), group)
        })
        .collect();
    ingest::lock_groups(tx, &groups).await
}

/// Senders that give no group key still give group labels, mostly.
fn group_digest(incoming: &Incoming) -> Digest {
    let Body {
        receiver,
        group_key,
        group_labels,
        ..
    } = &incoming.body;
    let key = if group_key.is_empty() {
        group_labels
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    } else {
        group_key.clone()
    };
    Digest::of_parts(&[&incoming.source, receiver, &key])
}

async fn reserve(ids: &mut Ids, tx: &Tx, batch: &[Incoming]) -> Result<(), StorageError> {
    let alerts = batch
        .iter()
        .map(|incoming| incoming.body.alerts.len())
        .sum();
    ids.reserve(tx, Numbered::Deliveries, batch.len()).await?;
    // One more than can be opened, because the next number is looked at before
    // it is known whether it is used.
    ids.reserve(tx, Numbered::Incidents, alerts + 1).await?;
    ids.reserve(tx, Numbered::LogEntries, alerts).await?;
    ids.reserve(tx, Numbered::IncidentEvents, alerts * 2).await
}

fn delivery_row(
    incoming: &Incoming,
    sender: i64,
    report: &IngestReport,
    unrouted: usize,
) -> NewDelivery {
    let body = &incoming.body;
    NewDelivery {
        id: report.delivery_id,
        received_at: incoming.received_at,
        source: incoming.source.clone(),
        sender_id: Some(sender),
        refused: None,
        receiver: body.receiver.clone(),
        group_key: body.group_key.clone(),
        status: group_status(body),
        version: body.version.clone(),
        alerts: report.alerts,
        truncated_alerts: body.truncated_alerts,
        opened: report.opened,
        resolved: report.resolved,
        refreshed: report.refreshed,
        seen_again: report.seen_again,
        late: report.late,
        rejected: report.rejected.clone(),
        unrouted,
        body_bytes: incoming.body_bytes,
        body: Some(incoming.raw.clone()),
    }
}

/// As Alertmanager reckons it, where the sender did not say.
pub(super) fn group_status(body: &Body) -> Option<Status> {
    body.status.or_else(|| {
        let firing = body.alerts.iter().any(|said| said.status == Status::Firing);
        (!body.alerts.is_empty()).then_some(if firing {
            Status::Firing
        } else {
            Status::Resolved
        })
    })
}
