//! Writes one batch of deliveries in one transaction: lock, compute transitions, write
//! rows.

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

/// State that a writer keeps between batches.
#[derive(Default)]
pub(super) struct WriterState {
    ids: Ids,
    routing: RoutingTable,
    senders: HashMap<SenderKey, i64>,
}

/// Sender IDs that a writer caches; there are few senders.
const MAX_CACHED_SENDERS: usize = 1_000;

/// A batch that is written but not committed.
pub(super) struct WrittenBatch<'b> {
    pub(super) reports: Vec<IngestReport>,
    pub(super) state: BatchState<'b>,
    /// Whether notifications were queued or released.
    pub(super) has_notifications: bool,
    senders: HashMap<SenderKey, i64>,
}

impl WriterState {
    /// Records a rejected request in a transaction of its own.
    pub(super) async fn record_rejected(
        &mut self,
        context: &Context,
        mut row: NewDelivery,
    ) -> Result<(), StorageError> {
        let tx = context.db.begin().await?;
        self.ids.begin(&tx).await?;
        self.ids.reserve(&tx, IdTable::Deliveries, 1).await?;
        row.id = self.ids.take(IdTable::Deliveries);
        let now = row.received_at;
        let change = Change::Delivery {
            source: row.source.clone(),
            entries: 0,
            refused: true,
            events: Vec::new(),
        };
        ingest::insert_changes(&tx, now, &[(row.id, change)]).await?;
        ingest::insert_rejected(&tx, row, context.settings.refused_bytes).await?;
        tx.commit().await
    }

    /// Caches the new sender IDs of a committed batch.
    pub(super) fn committed(&mut self, written: &mut WrittenBatch<'_>) {
        if self.senders.len() + written.senders.len() > MAX_CACHED_SENDERS {
            self.senders.clear();
        }
        self.senders.extend(written.senders.drain());
    }

    /// Returns the sender ID of each delivery, and the IDs that are not cached yet.
    async fn senders(
        &self,
        tx: &Tx,
        batch: &[PreparedDelivery],
    ) -> Result<(Vec<i64>, HashMap<SenderKey, i64>), StorageError> {
        let keys: Vec<SenderKey> = batch
            .iter()
            .map(|delivery| (delivery.source.clone(), delivery.external_url.clone()))
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
        let id_of = |key: &SenderKey| {
            let id = self.senders.get(key).or_else(|| new.get(key));
            id.copied().ok_or(StorageError::Stale("senders"))
        };
        let sender_ids: Result<Vec<i64>, _> = keys.iter().map(id_of).collect();
        Ok((sender_ids?, new))
    }
}

/// Writes a batch and returns a report for each delivery. `cache` is the alert cache,
/// if this writer has exclusive access to it.
pub(super) async fn write_batch<'b>(
    context: &Context,
    writer: &mut WriterState,
    tx: &Tx,
    batch: &'b [PreparedDelivery],
    cache: Option<&mut MutexGuard<'_, CacheEntries>>,
) -> Result<WrittenBatch<'b>, StorageError> {
    writer.ids.begin(tx).await?;
    writer.routing.refresh(tx).await?;
    let routed = writer.routing.has_routes;
    context.routed.store(routed, Ordering::Relaxed);

    // Alert groups are only needed to notify recipients.
    let mut groups = if writer.routing.recipients.is_empty() {
        HashMap::new()
    } else {
        lock_groups(tx, batch).await?
    };
    let (senders, new_senders) = writer.senders(tx, batch).await?;
    let WriterState { ids, routing, .. } = writer;
    let mut state = BatchState::new(batch);
    match cache {
        Some(cache) => state.take_cached(cache),
        None => state.copy_cached(&*context.alert_cache.lock().await),
    }
    state.load(tx, ids, &context.alert_cache).await?;
    reserve(ids, tx, batch, &state).await?;

    let mut pending = PendingWrites::default();
    let mut stats = Delta::default();
    let mut reports = Vec::with_capacity(batch.len());
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut changes = Vec::with_capacity(batch.len());
    let mut notifications = NotificationBatch::new(context, routing);
    let slot_indexes: Vec<usize> = state.slot_indexes().collect();
    let mut slot_indexes = slot_indexes.into_iter();
    let mut outcomes: Vec<AlertOutcome> = Vec::new();
    for ((nth, delivery), sender) in batch.iter().enumerate().zip(senders) {
        let mut report = IngestReport {
            delivery_id: ids.take(IdTable::Deliveries),
            alerts: delivery.total,
            rejected: delivery.rejected.clone(),
            ..IngestReport::default()
        };
        outcomes.clear();
        for ((nth_alert, alert), index) in delivery.alerts.iter().enumerate().zip(&mut slot_indexes)
        {
            let input = PositionedAlert {
                settings: &context.settings.rules,
                alert,
                position: (nth, nth_alert),
                delivery_id: report.delivery_id,
                sender,
                now: delivery.received_at,
                slot: index,
            };
            let outcome = pending.apply(ids, &input, &mut state.slots[index]);
            report.count(outcome.outcome);
            outcomes.push(outcome);
        }
        stats.delivery(delivery.received_at, &delivery.source);
        if outcomes
            .iter()
            .any(|outcome| outcome.suspicion != Suspicion::None)
        {
            let now = delivery.received_at;
            notifications
                .resolve_suspicions(tx, &mut outcomes, now)
                .await?;
        }
        let router = Router {
            plan: &routing.rules,
            routed,
            target: delivery.target.as_ref(),
        };
        let planned = plan_notifications(router, &delivery.alerts, &outcomes);
        let unrouted = planned.unrouted;
        if let Some(group) = groups.get_mut(&delivery.group) {
            notifications.add(
                group,
                Envelope {
                    delivery_id: report.delivery_id,
                    delivery,
                },
                planned,
            );
        }
        changes.push((
            report.delivery_id,
            delivery_change(delivery, &report, &outcomes),
        ));
        deliveries.push(delivery_row(delivery, sender, &report, unrouted));
        reports.push(report);
    }

    let entry_ids = rows::save(tx, ids, batch, &mut state, pending, stats).await?;
    ingest::insert_deliveries(tx, deliveries).await?;
    let now = batch.iter().map(|delivery| delivery.received_at).max();
    let released = notifications.released;
    let queued = notifications.save(tx, ids, &entry_ids).await?;
    let has_notifications = released || !queued.is_empty();
    changes.extend(queued);
    ingest::insert_changes(tx, now.unwrap_or_default(), &changes).await?;
    Ok(WrittenBatch {
        reports,
        state,
        has_notifications,
        senders: new_senders,
    })
}

async fn lock_groups(
    tx: &Tx,
    batch: &[PreparedDelivery],
) -> Result<HashMap<Digest, GroupState>, StorageError> {
    let groups = batch
        .iter()
        .map(|delivery| {
            let group = NewGroup {
                source: delivery.source.clone(),
                receiver: delivery.receiver.clone(),
                group_key: delivery.group_key.clone(),
            };
            (delivery.group, group)
        })
        .collect();
    ingest::lock_groups(tx, &groups).await
}

/// Reserves the IDs that are assigned while transitions are computed. IDs of log
/// entries are reserved afterwards, when their count is known.
async fn reserve(
    ids: &mut Ids,
    tx: &Tx,
    batch: &[PreparedDelivery],
    state: &BatchState<'_>,
) -> Result<(), StorageError> {
    ids.reserve(tx, IdTable::Deliveries, batch.len()).await?;
    let alerts = batch.iter().flat_map(|delivery| &delivery.alerts);
    let mut reported = 0;
    let mut new_contents = 0;
    for (alert, index) in alerts.zip(state.slot_indexes()) {
        reported += 1;
        new_contents += usize::from(!state.slots[index].is_first_content(&alert.content.digest));
    }
    // One more than can be opened: a transition gets the next ID before it is known
    // whether an incident opens.
    ids.reserve(tx, IdTable::Incidents, reported + 1).await?;
    match new_contents {
        0 => Ok(()),
        _ => ids.reserve(tx, IdTable::AlertContents, new_contents).await,
    }
}

fn delivery_change(
    delivery: &PreparedDelivery,
    report: &IngestReport,
    outcomes: &[AlertOutcome],
) -> Change {
    Change::Delivery {
        source: delivery.source.clone(),
        entries: i64::try_from(report.entries()).unwrap_or(i64::MAX),
        refused: false,
        events: outcomes
            .iter()
            .flat_map(AlertOutcome::events)
            .take(MAX_EVENTS)
            .collect(),
    }
}

fn delivery_row(
    delivery: &PreparedDelivery,
    sender: i64,
    report: &IngestReport,
    unrouted: usize,
) -> NewDelivery {
    NewDelivery {
        id: report.delivery_id,
        received_at: delivery.received_at,
        source: delivery.source.clone(),
        sender_id: Some(sender),
        reject_reason: None,
        receiver: delivery.receiver.clone(),
        group_key: delivery.group_key.clone(),
        status: delivery.status,
        version: delivery.version.clone(),
        alerts: report.alerts,
        truncated_alerts: delivery.truncated_alerts,
        opened: report.opened,
        resolved: report.resolved,
        refreshed: report.refreshed,
        seen_again: report.seen_again,
        updated: report.updated,
        late: report.late,
        rejected: report.rejected.clone(),
        unrouted,
        body_bytes: delivery.body_bytes,
        body: Some(delivery.raw.clone()),
    }
}
