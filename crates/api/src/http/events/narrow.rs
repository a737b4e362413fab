//! Filter of the change feed for subscribers who see only some alerts.

use std::collections::HashSet;

use tocsin_core::visibility::Visibility;
use tocsin_storage::changes::{Change, ChangeRow, MAX_EVENTS};
use tocsin_storage::enums::{EntryKind, EventKind};
use tocsin_storage::{Db, StorageError, alert_log, incidents, notifications};

/// Filters changes: returns visible incidents and notifications, and deliveries with visible
/// incidents, with the number of their visible entries.
pub(super) async fn narrow(
    db: &Db,
    rows: Vec<ChangeRow>,
    visibility: &Visibility,
) -> Result<Vec<ChangeRow>, StorageError> {
    let mut incident_ids = Vec::new();
    let mut notification_ids = Vec::new();
    for row in &rows {
        match &row.change {
            Change::Delivery { events, .. } => {
                incident_ids.extend(events.iter().map(|(id, _)| *id))
            }
            Change::Incident { .. } => incident_ids.push(row.object_id),
            Change::Notification { .. } => notification_ids.push(row.object_id),
        }
    }
    incident_ids.sort_unstable();
    incident_ids.dedup();
    let visible = VisibleIds {
        incidents: incidents::visible(db, &incident_ids, visibility)
            .await?
            .into_iter()
            .collect(),
        notifications: notifications::visible(db, &notification_ids, visibility).await?,
    };
    let mut kept = Vec::new();
    for row in rows {
        let change = match row.change {
            Change::Delivery {
                source,
                entries,
                refused: false,
                events,
            } => delivery(db, row.object_id, entries, events, &visible, visibility)
                .await?
                .map(|(entries, events)| Change::Delivery {
                    source,
                    entries,
                    refused: false,
                    events,
                }),
            Change::Delivery { refused: true, .. } => None,
            other @ Change::Incident { .. } => {
                Some(other).filter(|_| visible.incidents.contains(&row.object_id))
            }
            other @ Change::Notification { .. } => {
                Some(other).filter(|_| visible.notifications.contains(&row.object_id))
            }
        };
        kept.extend(change.map(|change| ChangeRow { change, ..row }));
    }
    Ok(kept)
}

/// IDs of visible objects.
struct VisibleIds {
    incidents: HashSet<i64>,
    notifications: HashSet<i64>,
}

type Events = Vec<(i64, EventKind)>;

/// Returns the number of visible entries of a delivery, and its visible events; `None` if there
/// are none.
async fn delivery(
    db: &Db,
    id: i64,
    entries: i64,
    mut events: Events,
    visible: &VisibleIds,
    visibility: &Visibility,
) -> Result<Option<(i64, Events)>, StorageError> {
    let is_entry = |(_, kind): &&(i64, EventKind)| {
        matches!(
            kind,
            EventKind::Opened | EventKind::Resolved | EventKind::Refreshed
        )
    };
    let listed = events.iter().filter(is_entry).count();
    events.retain(|(incident, _)| visible.incidents.contains(incident));
    let mut count = events.iter().filter(is_entry).count();
    // Out-of-order entries have no event, and large deliveries do not list all events.
    if i64::try_from(listed).is_ok_and(|listed| entries > listed) {
        let all = alert_log::of_delivery(db, id, visibility).await?;
        count = all.len();
        let known: HashSet<(i64, EventKind)> = events.iter().copied().collect();
        let more = all.into_iter().filter_map(|(incident, kind)| {
            let kind = match kind {
                EntryKind::Opened => EventKind::Opened,
                EntryKind::Resolved => EventKind::Resolved,
                EntryKind::Refreshed => EventKind::Refreshed,
                EntryKind::Late | EntryKind::Updated => return None,
            };
            Some((incident, kind)).filter(|event| !known.contains(event))
        });
        events.extend(more);
        events.truncate(MAX_EVENTS);
    }
    if count == 0 && events.is_empty() {
        return Ok(None);
    }
    Ok(Some((i64::try_from(count).unwrap_or(i64::MAX), events)))
}
