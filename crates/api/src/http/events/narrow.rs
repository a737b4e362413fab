//! What of the feed somebody is told who sees only some alerts.

use std::collections::HashSet;

use tocsin_core::visibility::Visibility;
use tocsin_storage::changes::{Change, ChangeRow, MAX_EVENTS};
use tocsin_storage::enums::{EntryKind, EventKind};
use tocsin_storage::{Db, StorageError, alert_log, incidents, notifications};

/// The rows that are left, each with what is left of it: the incidents that may
/// be seen, the deliveries that told of some, with the number of those entries,
/// and the mails that may be seen.
pub(super) async fn narrow(
    db: &Db,
    rows: Vec<ChangeRow>,
    visibility: &Visibility,
) -> Result<Vec<ChangeRow>, StorageError> {
    let mut named = Vec::new();
    let mut mails = Vec::new();
    for row in &rows {
        match &row.change {
            Change::Delivery { events, .. } => named.extend(events.iter().map(|(id, _)| *id)),
            Change::Incident { .. } => named.push(row.object_id),
            Change::Notification { .. } => mails.push(row.object_id),
        }
    }
    named.sort_unstable();
    named.dedup();
    let seen = VisibleChange {
        incidents: incidents::visible(db, &named, visibility)
            .await?
            .into_iter()
            .collect(),
        mails: notifications::visible(db, &mails, visibility).await?,
    };
    let mut kept = Vec::new();
    for row in rows {
        let change = match row.change {
            Change::Delivery {
                source,
                entries,
                refused: false,
                events,
            } => delivery(db, row.object_id, entries, events, &seen, visibility)
                .await?
                .map(|(entries, events)| Change::Delivery {
                    source,
                    entries,
                    refused: false,
                    events,
                }),
            Change::Delivery { refused: true, .. } => None,
            other @ Change::Incident { .. } => {
                Some(other).filter(|_| seen.incidents.contains(&row.object_id))
            }
            other @ Change::Notification { .. } => {
                Some(other).filter(|_| seen.mails.contains(&row.object_id))
            }
        };
        kept.extend(change.map(|change| ChangeRow { change, ..row }));
    }
    Ok(kept)
}

struct VisibleChange {
    incidents: HashSet<i64>,
    mails: HashSet<i64>,
}

type Events = Vec<(i64, EventKind)>;

/// The entries and events of a delivery that may be told; `None` where there is
/// nothing to tell.
async fn delivery(
    db: &Db,
    id: i64,
    entries: i64,
    mut events: Events,
    seen: &VisibleChange,
    visibility: &Visibility,
) -> Result<Option<(i64, Events)>, StorageError> {
    let is_entry = |(_, kind): &&(i64, EventKind)| {
        matches!(
            kind,
            EventKind::Opened | EventKind::Resolved | EventKind::Refreshed
        )
    };
    let named = events.iter().filter(is_entry).count();
    events.retain(|(incident, _)| seen.incidents.contains(incident));
    let mut own = events.iter().filter(is_entry).count();
    // Late entries make no event, and of a great delivery not all are named.
    if i64::try_from(named).is_ok_and(|named| entries > named) {
        let all = alert_log::of_delivery(db, id, visibility).await?;
        own = all.len();
        let told: HashSet<(i64, EventKind)> = events.iter().copied().collect();
        let more = all.into_iter().filter_map(|(incident, kind)| {
            let kind = match kind {
                EntryKind::Opened => EventKind::Opened,
                EntryKind::Resolved => EventKind::Resolved,
                EntryKind::Refreshed => EventKind::Refreshed,
                EntryKind::Late | EntryKind::Updated => return None,
            };
            Some((incident, kind)).filter(|event| !told.contains(event))
        });
        events.extend(more);
        events.truncate(MAX_EVENTS);
    }
    if own == 0 && events.is_empty() {
        return Ok(None);
    }
    Ok(Some((i64::try_from(own).unwrap_or(i64::MAX), events)))
}
