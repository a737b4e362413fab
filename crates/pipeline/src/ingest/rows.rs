//! From what a batch has judged to the rows that say so.

use tocsin_core::alert::Status;
use tocsin_core::tally::{Counts, Subject as Counted, Tallies, hour_of};
use tocsin_storage::ingest::{self, Facts, Ids, IncidentRow, NewTelling, Numbered};
use tocsin_storage::{StorageError, Tx, backlog};

use super::incoming::{Alert, Incoming};
use super::judging::{Filed, Ledger, Passed};
use super::known::{Known, Moved, Slot};

/// Stores the alerts of a batch, and answers the numbers of its log entries.
pub(super) async fn save(
    tx: &Tx,
    ids: &mut Ids,
    batch: &[Incoming],
    known: &mut Known<'_>,
    ledger: Ledger,
    mut tallies: Tallies,
) -> Result<Vec<i64>, StorageError> {
    let Ledger {
        entries: filed,
        mut expired,
        tellings,
        passed,
    } = ledger;
    let alert = |(delivery, alert): (usize, usize)| &batch[delivery].alerts[alert];
    let unknown = filed
        .iter()
        .filter(|filed| needs_subject(&known.slots[filed.place], alert(filed.told)))
        .map(|filed| filed.place)
        .collect();
    known.read_subjects(tx, unknown).await?;

    ids.reserve(tx, Numbered::LogEntries, filed.len()).await?;
    let mut entries = Vec::with_capacity(filed.len());
    for mut filed in filed {
        filed.entry.id = ids.take(Numbered::LogEntries);
        count(&mut tallies, known, alert(filed.told), &filed);
        entries.push(filed.entry);
    }
    for (entry, end) in &mut expired {
        end.entry_id = entries[*entry].id;
    }
    let expired: Vec<_> = expired.into_iter().map(|(_, end)| end).collect();

    let told: Vec<i64> = tellings.iter().map(|told| told.id).collect();
    let tellings = tellings.iter().map(|told| {
        let slot = &known.slots[told.place];
        let content = alert(told.told).content.clone();
        let (labels, facts) = first_told(known, slot);
        NewTelling {
            id: told.id,
            series_id: slot.standing.series,
            same_labels: *labels == content.labels && *facts == content.facts,
            content,
        }
    });
    ingest::put_tellings(tx, tellings.collect()).await?;
    let latest = known.slots.iter().filter_map(latest_row);
    save_incidents(tx, passed.iter().map(Passed::row).chain(latest)).await?;
    ingest::put_entries(tx, &entries).await?;
    ingest::put_expired(tx, &expired).await?;

    let new = known.slots.iter().filter(|slot| slot.is_new);
    let new: Vec<i64> = new.map(|slot| slot.standing.series).collect();
    backlog::put_tallies(tx, &tallies).await?;
    backlog::put_series(tx, &new).await?;
    backlog::put_tellings(tx, &told).await?;
    Ok(entries.iter().map(|entry| entry.id).collect())
}

async fn save_incidents<'r>(
    tx: &Tx,
    rows: impl Iterator<Item = (Moved, IncidentRow<'r>)>,
) -> Result<(), StorageError> {
    let mut begun = Vec::new();
    let mut changed = Vec::new();
    let mut seen = Vec::new();
    for (moved, row) in rows {
        match moved {
            Moved::No => {}
            Moved::Seen => seen.push(row),
            Moved::Changed => changed.push(row),
            Moved::Begun => begun.push(row),
        }
    }
    ingest::see_again(tx, &seen).await?;
    ingest::put_incidents(tx, &changed, &begun).await
}

fn latest_row(slot: &Slot) -> Option<(Moved, IncidentRow<'_>)> {
    let latest = slot.standing.latest.as_deref()?;
    let row = IncidentRow {
        episode: &latest.episode,
        series_id: slot.standing.series,
        number: latest.number,
        telling_id: latest.telling,
        content: latest.content,
        told: &latest.told,
    };
    Some((slot.moved, row))
}

/// Whether what the series was first told with is neither this alert nor at
/// hand.
fn needs_subject(slot: &Slot, alert: &Alert) -> bool {
    !slot.is_new && slot.standing.subject.is_none() && !slot.first_told_with(&alert.content.digest)
}

/// The labels and facts that a series was first told with. Where they were not
/// read they are those that this batch tells first.
fn first_told<'k>(known: &'k Known<'_>, slot: &'k Slot) -> (&'k String, &'k Facts) {
    match (slot.is_new, &slot.standing.subject) {
        (false, Some(subject)) => (&subject.labels, &subject.facts),
        _ => {
            let content = &known.alert(slot).content;
            (&content.labels, &content.facts)
        }
    }
}

fn count(tallies: &mut Tallies, known: &Known<'_>, alert: &Alert, filed: &Filed) {
    let slot = &known.slots[filed.place];
    let facts = if slot.first_told_with(&alert.content.digest) {
        &alert.content.facts
    } else {
        first_told(known, slot).1
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
    tallies.add_subject(hour_of(entry.received_at), &subject, &counts);
    if let Some(began) = filed.copy_of {
        tallies.copy(began, &subject);
    }
}
