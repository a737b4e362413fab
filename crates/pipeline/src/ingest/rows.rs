//! Writes the rows of a batch.

use tocsin_core::alert::Status;
use tocsin_core::stats::{Counts, Delta, StatsKey, hour_of};
use tocsin_storage::ingest::{self, FilterFields, IdTable, Ids, IncidentRow, NewContentVersion};
use tocsin_storage::{StorageError, Tx, projection_queue};

use super::batch_state::{AlertSlot, BatchState, PendingChange};
use super::pending::{PendingEntry, PendingWrites, SupersededIncident};
use super::prepared::{PreparedAlert, PreparedDelivery};

/// Writes the rows of a batch and returns the IDs of its log entries.
pub(super) async fn save(
    tx: &Tx,
    ids: &mut Ids,
    batch: &[PreparedDelivery],
    state: &mut BatchState<'_>,
    pending: PendingWrites,
    mut stats: Delta,
) -> Result<Vec<i64>, StorageError> {
    let PendingWrites {
        entries: pending_entries,
        mut expired,
        contents,
        superseded,
    } = pending;
    let alert = |(delivery, alert): (usize, usize)| &batch[delivery].alerts[alert];
    let missing = pending_entries
        .iter()
        .filter(|pending| needs_identity(&state.slots[pending.slot], alert(pending.position)))
        .map(|pending| pending.slot)
        .collect();
    state.read_identities(tx, missing).await?;

    ids.reserve(tx, IdTable::LogEntries, pending_entries.len())
        .await?;
    let mut entries = Vec::with_capacity(pending_entries.len());
    for mut pending in pending_entries {
        pending.entry.id = ids.take(IdTable::LogEntries);
        count(&mut stats, state, alert(pending.position), &pending);
        entries.push(pending.entry);
    }
    for (index, expiry) in &mut expired {
        expiry.entry_id = entries[*index].id;
    }
    let expired: Vec<_> = expired.into_iter().map(|(_, expiry)| expiry).collect();

    let content_ids: Vec<i64> = contents.iter().map(|content| content.id).collect();
    let contents = contents.iter().map(|version| {
        let slot = &state.slots[version.slot];
        let content = alert(version.position).content.clone();
        let (labels, fields) = first_contents(state, slot);
        NewContentVersion {
            id: version.id,
            alert_id: slot.cached.alert_id,
            same_labels: *labels == content.labels && *fields == content.fields,
            content,
        }
    });
    ingest::insert_contents(tx, contents.collect()).await?;
    let latest = state.slots.iter().filter_map(latest_row);
    save_incidents(
        tx,
        superseded.iter().map(SupersededIncident::row).chain(latest),
    )
    .await?;
    ingest::insert_entries(tx, &entries).await?;
    ingest::insert_expired(tx, &expired).await?;

    let new = state.slots.iter().filter(|slot| slot.is_new);
    let new: Vec<i64> = new.map(|slot| slot.cached.alert_id).collect();
    projection_queue::enqueue_stats(tx, &stats).await?;
    projection_queue::enqueue_alerts(tx, &new).await?;
    projection_queue::enqueue_contents(tx, &content_ids).await?;
    Ok(entries.iter().map(|entry| entry.id).collect())
}

async fn save_incidents<'r>(
    tx: &Tx,
    rows: impl Iterator<Item = (PendingChange, IncidentRow<'r>)>,
) -> Result<(), StorageError> {
    let mut opened = Vec::new();
    let mut changed = Vec::new();
    let mut seen = Vec::new();
    for (change, row) in rows {
        match change {
            PendingChange::None => {}
            PendingChange::Seen => seen.push(row),
            PendingChange::Changed => changed.push(row),
            PendingChange::Opened => opened.push(row),
        }
    }
    ingest::touch_incidents(tx, &seen).await?;
    ingest::insert_incidents(tx, &changed, &opened).await
}

fn latest_row(slot: &AlertSlot) -> Option<(PendingChange, IncidentRow<'_>)> {
    let latest = slot.cached.latest.as_deref()?;
    let row = IncidentRow {
        incident: &latest.incident,
        alert_id: slot.cached.alert_id,
        sequence: latest.sequence,
        content_id: latest.content_id,
        content_digest: latest.content,
        sender_states: &latest.sender_states,
    };
    Some((slot.change, row))
}

/// Whether the first labels and fields of the alert have to be loaded.
fn needs_identity(slot: &AlertSlot, alert: &PreparedAlert) -> bool {
    !slot.is_new && slot.cached.identity.is_none() && !slot.is_first_content(&alert.content.digest)
}

/// First labels and fields of an alert. If they were not loaded, they are those of its
/// first report in this batch.
fn first_contents<'k>(
    state: &'k BatchState<'_>,
    slot: &'k AlertSlot,
) -> (&'k String, &'k FilterFields) {
    match (slot.is_new, &slot.cached.identity) {
        (false, Some(identity)) => (&identity.labels, &identity.fields),
        _ => {
            let content = &state.alert(slot).content;
            (&content.labels, &content.fields)
        }
    }
}

fn count(stats: &mut Delta, state: &BatchState<'_>, alert: &PreparedAlert, pending: &PendingEntry) {
    let slot = &state.slots[pending.slot];
    let fields = if slot.is_first_content(&alert.content.digest) {
        &alert.content.fields
    } else {
        first_contents(state, slot).1
    };
    let key = StatsKey {
        source: state.source(slot),
        severity: &fields.severity,
        team: &fields.team,
        alertname: &fields.alertname,
        instance: &fields.instance,
    };
    let entry = &pending.entry;
    let counts = Counts {
        firing: u64::from(entry.status == Status::Firing),
        resolved: u64::from(entry.status == Status::Resolved),
        opened: u64::from(pending.is_opening),
        ended: pending.ended,
        ..Counts::default()
    };
    stats.add_key(hour_of(entry.received_at), &key, &counts);
    if let Some(first_seen_at) = pending.copy_of {
        stats.copy(first_seen_at, &key);
    }
}
