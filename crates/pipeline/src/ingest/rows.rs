//! From what a batch has judged to the rows that say so.

use tocsin_core::alert::Status;
use tocsin_core::stats::{Counts, Delta, StatsKey as Counted, hour_of};
use tocsin_storage::ingest::{self, FilterFields, IdTable, Ids, IncidentRow, NewContentVersion};
use tocsin_storage::{StorageError, Tx, projection_queue};

use super::batch_state::{AlertSlot, BatchState, PendingChange};
use super::pending::{PendingEntry, PendingWrites, SupersededIncident};
use super::prepared::{PreparedAlert, PreparedDelivery};

/// Stores the alerts of a batch, and answers the numbers of its log entries.
pub(super) async fn save(
    tx: &Tx,
    ids: &mut Ids,
    batch: &[PreparedDelivery],
    known: &mut BatchState<'_>,
    ledger: PendingWrites,
    mut tallies: Delta,
) -> Result<Vec<i64>, StorageError> {
    let PendingWrites {
        entries: filed,
        mut expired,
        contents: tellings,
        superseded: passed,
    } = ledger;
    let alert = |(delivery, alert): (usize, usize)| &batch[delivery].alerts[alert];
    let unknown = filed
        .iter()
        .filter(|filed| needs_subject(&known.slots[filed.slot], alert(filed.position)))
        .map(|filed| filed.slot)
        .collect();
    known.read_identities(tx, unknown).await?;

    ids.reserve(tx, IdTable::LogEntries, filed.len()).await?;
    let mut entries = Vec::with_capacity(filed.len());
    for mut filed in filed {
        filed.entry.id = ids.take(IdTable::LogEntries);
        count(&mut tallies, known, alert(filed.position), &filed);
        entries.push(filed.entry);
    }
    for (entry, end) in &mut expired {
        end.entry_id = entries[*entry].id;
    }
    let expired: Vec<_> = expired.into_iter().map(|(_, end)| end).collect();

    let told: Vec<i64> = tellings.iter().map(|told| told.id).collect();
    let tellings = tellings.iter().map(|told| {
        let slot = &known.slots[told.slot];
        let content = alert(told.position).content.clone();
        let (labels, facts) = first_contents(known, slot);
        NewContentVersion {
            id: told.id,
            alert_id: slot.cached.alert_id,
            same_labels: *labels == content.labels && *facts == content.fields,
            content,
        }
    });
    ingest::insert_contents(tx, tellings.collect()).await?;
    let latest = known.slots.iter().filter_map(latest_row);
    save_incidents(tx, passed.iter().map(SupersededIncident::row).chain(latest)).await?;
    ingest::insert_entries(tx, &entries).await?;
    ingest::insert_expired(tx, &expired).await?;

    let new = known.slots.iter().filter(|slot| slot.is_new);
    let new: Vec<i64> = new.map(|slot| slot.cached.alert_id).collect();
    projection_queue::enqueue_stats(tx, &tallies).await?;
    projection_queue::enqueue_alerts(tx, &new).await?;
    projection_queue::enqueue_contents(tx, &told).await?;
    Ok(entries.iter().map(|entry| entry.id).collect())
}

async fn save_incidents<'r>(
    tx: &Tx,
    rows: impl Iterator<Item = (PendingChange, IncidentRow<'r>)>,
) -> Result<(), StorageError> {
    let mut begun = Vec::new();
    let mut changed = Vec::new();
    let mut seen = Vec::new();
    for (moved, row) in rows {
        match moved {
            PendingChange::None => {}
            PendingChange::Seen => seen.push(row),
            PendingChange::Changed => changed.push(row),
            PendingChange::Opened => begun.push(row),
        }
    }
    ingest::touch_incidents(tx, &seen).await?;
    ingest::insert_incidents(tx, &changed, &begun).await
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

/// Whether what the series was first told with is neither this alert nor at
/// hand.
fn needs_subject(slot: &AlertSlot, alert: &PreparedAlert) -> bool {
    !slot.is_new && slot.cached.identity.is_none() && !slot.is_first_content(&alert.content.digest)
}

/// The labels and facts that a series was first told with. Where they were not
/// read they are those that this batch tells first.
fn first_contents<'k>(
    known: &'k BatchState<'_>,
    slot: &'k AlertSlot,
) -> (&'k String, &'k FilterFields) {
    match (slot.is_new, &slot.cached.identity) {
        (false, Some(subject)) => (&subject.labels, &subject.fields),
        _ => {
            let content = &known.alert(slot).content;
            (&content.labels, &content.fields)
        }
    }
}

fn count(tallies: &mut Delta, known: &BatchState<'_>, alert: &PreparedAlert, filed: &PendingEntry) {
    let slot = &known.slots[filed.slot];
    let facts = if slot.is_first_content(&alert.content.digest) {
        &alert.content.fields
    } else {
        first_contents(known, slot).1
    };
    let subject = Counted {
        source: known.source(slot),
        severity: &facts.severity,
        team: &facts.team,
        alertname: &facts.alertname,
        instance: &facts.instance,
    };
    let entry = &filed.entry;
    let counts = Counts {
        firing: u64::from(entry.status == Status::Firing),
        resolved: u64::from(entry.status == Status::Resolved),
        opened: u64::from(filed.began),
        ended: filed.ended,
        ..Counts::default()
    };
    tallies.add_key(hour_of(entry.received_at), &subject, &counts);
    if let Some(began) = filed.copy_of {
        tallies.copy(began, &subject);
    }
}
