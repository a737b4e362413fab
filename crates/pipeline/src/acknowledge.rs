//! What people do to incidents: acknowledge ("seen"), close ("over"), write a memo.

use std::time::Duration;

use chrono::SecondsFormat;
use serde_json::{Value, json};
use tocsin_core::lifecycle::Incident;
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_storage::ending::{self, Ending};
use tocsin_storage::enums::EventKind;
use tocsin_storage::incidents::{self, Acknowledgement, IncidentView, PersonalState};
use tocsin_storage::{Db, IncidentFilter, StorageError, Tx};

use crate::change::{ChangeError, Expected, Issues, name};
use crate::ingest::AlertCache;
use crate::{Actor, AuditEntry, MessageIds};

/// The most incidents that may be named by their numbers.
pub const MAX_IDS: usize = 500;

/// The most incidents that one request may change by a filter.
pub const MAX_MATCHING: usize = 200_000;

/// The numbers that the audit log names of many incidents.
const NAMED: usize = 100;

/// The most characters of a memo.
pub const MAX_MEMO: usize = 4_000;

/// What a person says of incidents.
#[derive(Clone, Debug, Default)]
pub struct IncidentChange {
    /// Seen (true), or taken back (false). Left out: as it is.
    pub known: Option<bool>,
    /// Left out: as it is.
    pub memo: Option<String>,
    /// Who says it; required to acknowledge and to close.
    pub by: Option<String>,
    /// That it is over: it is closed, whatever its sender says. What has ended stays
    /// as it is.
    pub close: bool,
}

/// Which incidents are asked for: exactly one of `ids` and `filter`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Those with these IDs.
    pub ids: Option<Vec<i64>>,
    /// Those that match.
    pub filter: Option<IncidentFilter>,
}

/// Which incidents are changed together.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Their IDs.
    pub ids: Vec<i64>,
    /// The filter by which they were found, for the audit log.
    pub asked: Option<Value>,
}

/// Who says it, and when.
#[derive(Clone, Copy, Debug)]
pub struct ChangeContext<'a> {
    /// For the audit log.
    pub actor: &'a Actor,
    /// What they may see; what they may not is not found, or passed over.
    pub visible: &'a Visibility,
    /// The present.
    pub now: Timestamp,
    /// What the notification of a close is known by.
    pub message_ids: &'a MessageIds,
}

/// What people have said of an incident, by the names that the API has for its
/// fields. Here `known` means acknowledged by somebody: whether the incident has
/// ended is nothing that people change, so it makes no other version.
#[must_use]
pub fn snapshot_incident(incident: &IncidentView) -> Value {
    snapshot(&PersonalState {
        alertname: String::new(),
        known_at: incident.known_at,
        known_by: incident.known_by.clone(),
        memo: incident.memo.clone(),
    })
}

fn snapshot(said: &PersonalState) -> Value {
    let PersonalState {
        alertname: _,
        known_at,
        known_by,
        memo,
    } = said;
    let at = known_at.map(|at| {
        let at = at.to_datetime();
        at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    });
    json!({
        "known": at.is_some(),
        "knownBy": known_by,
        "knownAt": at,
        "memo": memo,
    })
}

/// Says it of one incident, and answers whether that changed anything.
///
/// # Errors
/// [`ChangeError::Invalid`] with every wrong field; [`ChangeError::NotFound`];
/// [`ChangeError::Changed`].
pub async fn acknowledge_one(
    db: &Db,
    standings: &AlertCache,
    by: &ChangeContext<'_>,
    id: i64,
    expected: Option<&Expected>,
    saying: &IncidentChange,
) -> Result<bool, ChangeError> {
    let mut issues = Issues::default();
    let saying = check(&mut issues, saying);
    if saying.known.is_none() && saying.memo.is_none() && !saying.close {
        issues.add("known", "expected known, memo, state, or several of them");
    }
    issues.finish()?;
    let missing = || ChangeError::NotFound {
        what: "incident",
        id,
    };
    let tx = db.begin().await?;
    let before = incidents::personal_state(&tx, id)
        .await?
        .ok_or_else(missing)?;
    if !incidents::is_visible(&tx, id, by.visible).await? {
        return Err(missing());
    }
    let was = snapshot(&before);
    Expected::check(expected, &was)?;
    let mut said = requested_change(&saying, by);
    if saying.close && saying.known.is_none() {
        // The note belongs to the close.
        said.memo = None;
    }
    let mut changed = incidents::acknowledge(&tx, &[id], &said).await?;
    if !changed.is_empty() {
        let after = incidents::personal_state(&tx, id)
            .await?
            .ok_or_else(missing)?;
        record_one(&tx, by, (id, &before.alertname), &was, &snapshot(&after)).await?;
    }
    let closed = close(&tx, &[id], by, &saying).await?;
    if !closed.is_empty() {
        record_close(&tx, by, (id, &before.alertname), &saying).await?;
    }
    changed.extend(closed);
    if changed.is_empty() {
        return Ok(false);
    }
    standings.forget_incidents(&tx, &changed).await?;
    tx.commit().await?;
    Ok(true)
}

/// The IDs of the selected incidents. `stale_after` is what the filter's `stale` goes
/// by. Apart from the change, because a search may take long, and holds up nobody.
///
/// # Errors
/// [`ChangeError::Invalid`] with every wrong field; also where the filter
/// matches more than [`MAX_MATCHING`].
pub async fn select(
    db: &Db,
    selection: &Selection,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<i64>, ChangeError> {
    let mut issues = Issues::default();
    match (&selection.ids, &selection.filter) {
        (Some(ids), None) if ids.len() > MAX_IDS => {
            issues.add(
                "ids",
                format!("expected at most {MAX_IDS} numbers; use a filter for more"),
            );
        }
        (Some(_), None) | (None, Some(_)) => {}
        (Some(_), Some(_)) => issues.add("filter", "expected either ids or filter, not both"),
        (None, None) => issues.add("ids", "expected either ids or filter"),
    }
    issues.finish()?;
    Ok(match (&selection.ids, &selection.filter) {
        (Some(ids), _) => ids.clone(),
        (None, Some(filter)) => matching(db, filter, now, stale_after).await?,
        (None, None) => Vec::new(),
    })
}

/// Says it of several incidents, in one transaction, and answers how many
/// changed.
///
/// # Errors
/// [`ChangeError::Invalid`] with every wrong field.
pub async fn acknowledge_many(
    db: &Db,
    standings: &AlertCache,
    by: &ChangeContext<'_>,
    selected: &Selected,
    saying: &IncidentChange,
) -> Result<usize, ChangeError> {
    let mut issues = Issues::default();
    let saying = check(&mut issues, saying);
    issues.finish()?;
    let ids = &selected.ids;
    let tx = db.begin().await?;
    let changed = match saying.close {
        // Nothing is said of those that have ended: a close is no acknowledgement.
        true => close(&tx, ids, by, &saying).await?,
        false => incidents::acknowledge(&tx, ids, &requested_change(&saying, by)).await?,
    };
    if changed.is_empty() {
        return Ok(0);
    }
    record_many(&tx, by, selected, &saying, &changed).await?;
    standings.forget_incidents(&tx, &changed).await?;
    tx.commit().await?;
    Ok(changed.len())
}

/// The audit log's line of one incident.
async fn record_one(
    tx: &Tx,
    by: &ChangeContext<'_>,
    (id, name): (i64, &str),
    before: &Value,
    after: &Value,
) -> Result<(), StorageError> {
    let known = |said: &Value| said["known"] == true;
    let deed = AuditEntry {
        action: match (known(before), known(after)) {
            (false, true) => "incident.acknowledge",
            (true, false) => "incident.unacknowledge",
            (true, true) | (false, false) => "incident.memo",
        },
        kind: "incident",
        id: Some(id),
        name,
        before: Some(before),
        after: Some(after),
    };
    by.actor.record(tx, &deed, by.now).await
}

/// The audit log's line of several incidents: how many there were, the first of
/// them by their numbers, and what was said of all.
async fn record_many(
    tx: &Tx,
    by: &ChangeContext<'_>,
    selected: &Selected,
    saying: &IncidentChange,
    changed: &[i64],
) -> Result<(), StorageError> {
    let ids = &changed[..changed.len().min(NAMED)];
    let mut after = json!({
        "changed": changed.len(),
        "ids": ids,
        "known": saying.known,
        "knownBy": saying.by,
        "memo": saying.memo,
    });
    if let Some(asked) = &selected.asked {
        after["filter"] = asked.clone();
    }
    let deed = AuditEntry {
        action: match saying.known {
            _ if saying.close => "incident.close",
            Some(true) => "incident.acknowledge",
            Some(false) => "incident.unacknowledge",
            None => "incident.memo",
        },
        kind: "incident",
        id: None,
        name: "",
        before: None,
        after: Some(&after),
    };
    by.actor.record(tx, &deed, by.now).await
}

async fn matching(
    db: &Db,
    filter: &IncidentFilter,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<i64>, ChangeError> {
    let ids = incidents::ids_matching(db, filter, MAX_MATCHING, now, stale_after).await?;
    if ids.len() > MAX_MATCHING {
        let mut issues = Issues::default();
        issues.add(
            "filter",
            format!("matches more than {MAX_MATCHING} incidents; make it narrower"),
        );
        issues.finish()?;
    }
    Ok(ids)
}

/// The saying with its texts trimmed.
fn check(issues: &mut Issues, saying: &IncidentChange) -> IncidentChange {
    let by = saying
        .by
        .as_deref()
        .map(str::trim)
        .filter(|by| !by.is_empty());
    let by = by.map(|by| issues.take("by", name(by)));
    if by.is_none() && (saying.known == Some(true) || saying.close) {
        issues.add("by", "expected who does it, 1 to 100 characters");
    }
    let memo = saying.memo.as_deref().map(str::trim);
    if memo.is_some_and(|memo| memo.chars().count() > MAX_MEMO) {
        issues.add("memo", format!("expected at most {MAX_MEMO} characters"));
    }
    IncidentChange {
        known: saying.known,
        memo: memo.map(str::to_owned),
        by,
        close: saying.close,
    }
}

/// Closes those of the incidents that are open, where that is said, and notifies
/// whoever was notified of them.
async fn close(
    tx: &Tx,
    ids: &[i64],
    by: &ChangeContext<'_>,
    saying: &IncidentChange,
) -> Result<Vec<i64>, StorageError> {
    if !saying.close {
        return Ok(Vec::new());
    }
    let ends = |open: &Incident| Some(open.closed(by.now));
    let ending = Ending {
        ends: &ends,
        event: EventKind::Closed,
        by: saying.by.as_deref(),
        note: saying.memo.as_deref(),
        visible: by.visible,
        now: by.now,
    };
    let closed = ending::end(tx, ids, &ending).await?;
    let message_id = || by.message_ids.random("closed");
    ending::notify(tx, &closed, EventKind::Closed, by.now, &message_id).await?;
    Ok(closed)
}

/// The audit log's line of one incident that was closed.
async fn record_close(
    tx: &Tx,
    by: &ChangeContext<'_>,
    (id, name): (i64, &str),
    saying: &IncidentChange,
) -> Result<(), StorageError> {
    let (before, after) = (
        json!({"state": "open"}),
        json!({"state": "closed", "memo": saying.memo}),
    );
    let deed = AuditEntry {
        action: "incident.close",
        kind: "incident",
        id: Some(id),
        name,
        before: Some(&before),
        after: Some(&after),
    };
    by.actor.record(tx, &deed, by.now).await
}

fn requested_change<'a>(saying: &'a IncidentChange, by: &ChangeContext<'a>) -> Acknowledgement<'a> {
    Acknowledgement {
        known: saying.known,
        memo: saying.memo.as_deref(),
        by: saying.by.as_deref(),
        now: by.now,
        visible: by.visible,
    }
}
