//! One transaction for all deliveries of a batch: lock, judge, write.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use tocsin_core::digest::Digest;
use tocsin_core::stats::Delta;
use tocsin_storage::changes::{Change, MAX_EVENTS};
use tocsin_storage::ingest::{self, GroupState, IdTable, Ids, NewDelivery, NewGroup, SenderKey};
use tocsin_storage::{StorageError, Tx};
use tokio::sync::MutexGuard;

use super::IngestReport;
use super::alert_cache::CacheEntries;
use super::batch_state::BatchState;
use super::notification_plan::{Router, plan_notifications};
use super::notifications::{Envelope, NotificationBatch};
use super::pending::{AlertOutcome, PendingWrites, PositionedAlert, Suspicion};
use super::prepared::PreparedDelivery;
use super::routing_table::RoutingTable;
use super::rows;
use super::writer::Context;

/// What a writer carries from batch to batch.
#[derive(Default)]
pub(super) struct WriterState {
    ids: Ids,
    directory: RoutingTable,
    senders: HashMap<SenderKey, i64>,
}

/// A writer remembers the numbers of this many senders; there are a few.
const MOST_SENDERS: usize = 1_000;

/// A batch that is written, and has to be committed.
pub(super) struct WrittenBatch<'b> {
    pub(super) reports: Vec<IngestReport>,
    pub(super) state: BatchState<'b>,
    /// Whether it owes mail.
    pub(super) has_notifications: bool,
    senders: HashMap<SenderKey, i64>,
}

impl WriterState {
    /// Records a refused request, in a transaction of its own.
    pub(super) async fn record_rejected(
        &mut self,
        context: &Context,
        mut refused: NewDelivery,
    ) -> Result<(), StorageError> {
        let tx = context.db.begin().await?;
        self.ids.begin(&tx).await?;
        self.ids.reserve(&tx, IdTable::Deliveries, 1).await?;
        refused.id = self.ids.take(IdTable::Deliveries);
        let now = refused.received_at;
        let change = Change::Delivery {
            source: refused.source.clone(),
            entries: 0,
            refused: true,
            events: Vec::new(),
        };
        ingest::insert_changes(&tx, now, &[(refused.id, change)]).await?;
        ingest::insert_rejected(&tx, refused, context.settings.refused_bytes).await?;
        tx.commit().await
    }

    /// Takes up what a commit has made true.
    pub(super) fn committed(&mut self, stored: &mut WrittenBatch<'_>) {
        if self.senders.len() + stored.senders.len() > MOST_SENDERS {
            self.senders.clear();
        }
        self.senders.extend(stored.senders.drain());
    }

    /// The numbers of a batch's senders, and those of them that are new here.
    async fn senders(
        &self,
        tx: &Tx,
        batch: &[PreparedDelivery],
    ) -> Result<(Vec<i64>, HashMap<SenderKey, i64>), StorageError> {
        let keys: Vec<SenderKey> = batch
            .iter()
            .map(|incoming| (incoming.source.clone(), incoming.external_url.clone()))
            .collect();
        let unknown: BTreeSet<&SenderKey> = keys
            .iter()
            .filter(|key| !self.senders.contains_key(*key))
            .collect();
        let mut new = HashMap::new();
        if !unknown.is_empty() {
            let unknown = unknown.into_iter().cloned().collect();
            new = ingest::insert_senders(tx, unknown).await?;
        }
        let number = |key: &SenderKey| {
            let number = self.senders.get(key).or_else(|| new.get(key));
            number.copied().ok_or(StorageError::Stale("senders"))
        };
        let numbers: Result<Vec<i64>, _> = keys.iter().map(number).collect();
        Ok((numbers?, new))
    }
}

/// Writes a batch, and answers what became of each delivery. `kept` is what is
/// held in memory, where this writer has that to itself.
pub(super) async fn write_batch<'b>(
    context: &Context,
    scribe: &mut WriterState,
    tx: &Tx,
    batch: &'b [PreparedDelivery],
    kept: Option<&mut MutexGuard<'_, CacheEntries>>,
) -> Result<WrittenBatch<'b>, StorageError> {
    scribe.ids.begin(tx).await?;
    scribe.directory.refresh(tx).await?;
    let routed = scribe.directory.has_routes;
    context.routed.store(routed, Ordering::Relaxed);

    // Without anybody to mail, groups need not be looked at.
    let mut groups = if scribe.directory.recipients.is_empty() {
        HashMap::new()
    } else {
        lock_groups(tx, batch).await?
    };
    let (senders, new_senders) = scribe.senders(tx, batch).await?;
    let WriterState { ids, directory, .. } = scribe;
    let mut known = BatchState::new(batch);
    match kept {
        Some(kept) => known.take(kept),
        None => known.copy(&*context.alert_cache.lock().await),
    }
    known.read(tx, ids, &context.alert_cache).await?;
    reserve(ids, tx, batch, &known).await?;

    let mut ledger = PendingWrites::default();
    let mut tallies = Delta::default();
    let mut reports = Vec::with_capacity(batch.len());
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut changes = Vec::with_capacity(batch.len());
    let mut mails = NotificationBatch::new(context, directory);
    let places: Vec<usize> = known.slot_indexes().collect();
    let mut places = places.into_iter();
    let mut done: Vec<AlertOutcome> = Vec::new();
    for ((nth, incoming), sender) in batch.iter().enumerate().zip(senders) {
        let mut report = IngestReport {
            delivery_id: ids.take(IdTable::Deliveries),
            alerts: incoming.total,
            rejected: incoming.rejected.clone(),
            ..IngestReport::default()
        };
        done.clear();
        for ((index, alert), place) in incoming.alerts.iter().enumerate().zip(&mut places) {
            let hearing = PositionedAlert {
                settings: &context.settings.rules,
                alert,
                position: (nth, index),
                delivery: report.delivery_id,
                sender,
                now: incoming.received_at,
                slot: place,
            };
            let one = ledger.apply(ids, &hearing, &mut known.slots[place]);
            report.count(one.outcome);
            done.push(one);
        }
        tallies.delivery(incoming.received_at, &incoming.source);
        if done.iter().any(|one| one.suspicion != Suspicion::None) {
            let now = incoming.received_at;
            mails.settle_suspicions(tx, &mut done, now).await?;
        }
        let router = Router {
            plan: &directory.rules,
            routed,
            target: incoming.target.as_ref(),
        };
        let owed = plan_notifications(router, &incoming.alerts, &done);
        let unrouted = owed.unrouted;
        if let Some(group) = groups.get_mut(&incoming.group) {
            let delivery = report.delivery_id;
            mails.draft(group, Envelope { delivery, incoming }, owed);
        }
        changes.push((report.delivery_id, change(incoming, &report, &done)));
        deliveries.push(delivery_row(incoming, sender, &report, unrouted));
        reports.push(report);
    }

    let entries = rows::save(tx, ids, batch, &mut known, ledger, tallies).await?;
    ingest::insert_deliveries(tx, deliveries).await?;
    let now = batch.iter().map(|incoming| incoming.received_at).max();
    let released = mails.released;
    let mails = mails.save(tx, ids, &entries).await?;
    let owes = released || !mails.is_empty();
    changes.extend(mails);
    ingest::insert_changes(tx, now.unwrap_or_default(), &changes).await?;
    Ok(WrittenBatch {
        reports,
        state: known,
        has_notifications: owes,
        senders: new_senders,
    })
}

async fn lock_groups(
    tx: &Tx,
    batch: &[PreparedDelivery],
) -> Result<HashMap<Digest, GroupState>, StorageError> {
    let groups = batch
        .iter()
        .map(|incoming| {
            let group = NewGroup {
                source: incoming.source.clone(),
                receiver: incoming.receiver.clone(),
                group_key: incoming.group_key.clone(),
            };
            (incoming.group, group)
        })
        .collect();
    ingest::lock_groups(tx, &groups).await
}

/// Makes sure of the numbers that are taken while judging. Those of the log
/// entries are taken afterwards, when it is known how many there are.
async fn reserve(
    ids: &mut Ids,
    tx: &Tx,
    batch: &[PreparedDelivery],
    known: &BatchState<'_>,
) -> Result<(), StorageError> {
    ids.reserve(tx, IdTable::Deliveries, batch.len()).await?;
    let alerts = batch.iter().flat_map(|incoming| &incoming.alerts);
    let mut told = 0;
    let mut later = 0;
    for (alert, place) in alerts.zip(known.slot_indexes()) {
        told += 1;
        later += usize::from(!known.slots[place].is_first_content(&alert.content.digest));
    }
    // One more than can be opened, because the next number is looked at before
    // it is known whether it is used.
    ids.reserve(tx, IdTable::Incidents, told + 1).await?;
    match later {
        0 => Ok(()),
        _ => ids.reserve(tx, IdTable::AlertContents, later).await,
    }
}

fn change(incoming: &PreparedDelivery, report: &IngestReport, done: &[AlertOutcome]) -> Change {
    Change::Delivery {
        source: incoming.source.clone(),
        entries: i64::try_from(report.entries()).unwrap_or(i64::MAX),
        refused: false,
        events: done
            .iter()
            .flat_map(AlertOutcome::events)
            .take(MAX_EVENTS)
            .collect(),
    }
}

fn delivery_row(
    incoming: &PreparedDelivery,
    sender: i64,
    report: &IngestReport,
    unrouted: usize,
) -> NewDelivery {
    NewDelivery {
        id: report.delivery_id,
        received_at: incoming.received_at,
        source: incoming.source.clone(),
        sender_id: Some(sender),
        reject_reason: None,
        receiver: incoming.receiver.clone(),
        group_key: incoming.group_key.clone(),
        status: incoming.status,
        version: incoming.version.clone(),
        alerts: report.alerts,
        truncated_alerts: incoming.truncated_alerts,
        opened: report.opened,
        resolved: report.resolved,
        refreshed: report.refreshed,
        seen_again: report.seen_again,
        updated: report.updated,
        late: report.late,
        rejected: report.rejected.clone(),
        unrouted,
        body_bytes: incoming.body_bytes,
        body: Some(incoming.raw.clone()),
    }
}
