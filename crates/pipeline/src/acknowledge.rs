//! User changes to incidents: acknowledge, close, add a note.

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

/// Limit of incident IDs per request.
pub const MAX_IDS: usize = 500;

/// Limit of incidents that one request may change by a filter.
pub const MAX_MATCHING: usize = 200_000;

/// Limit of incident IDs in one audit log entry.
const MAX_AUDITED_IDS: usize = 100;

/// Limit of characters of a note.
pub const MAX_MEMO: usize = 4_000;

/// A change to one or more incidents.
#[derive(Clone, Debug, Default)]
pub struct IncidentChange {
    /// Acknowledge (true) or unacknowledge (false). `None`: unchanged.
    pub known: Option<bool>,
    /// New note. `None`: unchanged.
    pub memo: Option<String>,
    /// Name of the user; required to acknowledge and to close.
    pub by: Option<String>,
    /// Close the incident, even if its sender still reports it as firing. Ended
    /// incidents are unchanged.
    pub close: bool,
}

/// Selection of incidents: exactly one of `ids` and `filter`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Incident IDs.
    pub ids: Option<Vec<i64>>,
    /// Filter that incidents have to match.
    pub filter: Option<IncidentFilter>,
}

/// Incidents to change in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Incident IDs.
    pub ids: Vec<i64>,
    /// Filter that selected them, for the audit log.
    pub asked: Option<Value>,
}

/// Actor and time of a change.
#[derive(Clone, Copy, Debug)]
pub struct ChangeContext<'a> {
    /// Actor, for the audit log.
    pub actor: &'a Actor,
    /// Visibility of the actor. Other incidents count as not found, or are ignored in a
    /// bulk change.
    pub visible: &'a Visibility,
    /// Current time.
    pub now: Timestamp,
    /// Generator of Message-IDs for notifications of a close.
    pub message_ids: &'a MessageIds,
}

/// Snapshot of the user-editable state of an incident, with the field names of the API.
/// Here `known` means acknowledged by a user. Whether the incident has ended is not
/// editable, so it does not change the version.
#[must_use]
pub fn snapshot_incident(incident: &IncidentView) -> Value {
    snapshot(&PersonalState {
        alertname: String::new(),
        known_at: incident.known_at,
        known_by: incident.known_by.clone(),
        memo: incident.memo.clone(),
    })
}

fn snapshot(state: &PersonalState) -> Value {
    let PersonalState {
        alertname: _,
        known_at,
        known_by,
        memo,
    } = state;
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

/// Changes one incident and returns whether anything changed.
///
/// # Errors
/// [`ChangeError::Invalid`] with all invalid fields; [`ChangeError::NotFound`];
/// [`ChangeError::PreconditionFailed`].
pub async fn acknowledge_one(
    db: &Db,
    cache: &AlertCache,
    by: &ChangeContext<'_>,
    id: i64,
    expected: Option<&Expected>,
    change: &IncidentChange,
) -> Result<bool, ChangeError> {
    let mut issues = Issues::default();
    let change = check(&mut issues, change);
    if change.known.is_none() && change.memo.is_none() && !change.close {
        issues.add("known", "expected at least one of known, memo and state");
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
    let old = snapshot(&before);
    Expected::check(expected, &old)?;
    let mut acknowledgement = requested_change(&change, by);
    if change.close && change.known.is_none() {
        // The note is stored with the close.
        acknowledgement.memo = None;
    }
    let mut changed = incidents::acknowledge(&tx, &[id], &acknowledgement).await?;
    if !changed.is_empty() {
        let after = incidents::personal_state(&tx, id)
            .await?
            .ok_or_else(missing)?;
        record_one(&tx, by, (id, &before.alertname), &old, &snapshot(&after)).await?;
    }
    let closed = close(&tx, &[id], by, &change).await?;
    if !closed.is_empty() {
        record_close(&tx, by, (id, &before.alertname), &change).await?;
    }
    changed.extend(closed);
    if changed.is_empty() {
        return Ok(false);
    }
    cache.forget_incidents(&tx, &changed).await?;
    tx.commit().await?;
    Ok(true)
}

/// Returns the IDs of the selected incidents. `stale_after` defines the filter's
/// `stale`. Not part of the change, because a search may be slow and must not hold the
/// transaction open.
///
/// # Errors
/// [`ChangeError::Invalid`] with all invalid fields, or if the filter matches more than
/// [`MAX_MATCHING`] incidents.
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
                format!("expected at most {MAX_IDS} IDs; use a filter for more"),
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

/// Changes several incidents in one transaction and returns the number of changed ones.
///
/// # Errors
/// [`ChangeError::Invalid`] with all invalid fields.
pub async fn acknowledge_many(
    db: &Db,
    cache: &AlertCache,
    by: &ChangeContext<'_>,
    selected: &Selected,
    change: &IncidentChange,
) -> Result<usize, ChangeError> {
    let mut issues = Issues::default();
    let change = check(&mut issues, change);
    issues.finish()?;
    let ids = &selected.ids;
    let tx = db.begin().await?;
    let changed = match change.close {
        // A close is no acknowledgement: incidents that have ended are unchanged.
        true => close(&tx, ids, by, &change).await?,
        false => incidents::acknowledge(&tx, ids, &requested_change(&change, by)).await?,
    };
    if changed.is_empty() {
        return Ok(0);
    }
    record_many(&tx, by, selected, &change, &changed).await?;
    cache.forget_incidents(&tx, &changed).await?;
    tx.commit().await?;
    Ok(changed.len())
}

/// Writes the audit log entry for one incident.
async fn record_one(
    tx: &Tx,
    by: &ChangeContext<'_>,
    (id, name): (i64, &str),
    before: &Value,
    after: &Value,
) -> Result<(), StorageError> {
    let known = |state: &Value| state["known"] == true;
    let entry = AuditEntry {
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
    by.actor.record(tx, &entry, by.now).await
}

/// Writes the audit log entry for several incidents: their number, the first IDs, and
/// the change.
async fn record_many(
    tx: &Tx,
    by: &ChangeContext<'_>,
    selected: &Selected,
    change: &IncidentChange,
    changed: &[i64],
) -> Result<(), StorageError> {
    let ids = &changed[..changed.len().min(MAX_AUDITED_IDS)];
    let mut after = json!({
        "changed": changed.len(),
        "ids": ids,
        "known": change.known,
        "knownBy": change.by,
        "memo": change.memo,
    });
    if let Some(asked) = &selected.asked {
        after["filter"] = asked.clone();
    }
    let entry = AuditEntry {
        action: match change.known {
            _ if change.close => "incident.close",
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
    by.actor.record(tx, &entry, by.now).await
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
            format!("matches more than {MAX_MATCHING} incidents; narrow it down"),
        );
        issues.finish()?;
    }
    Ok(ids)
}

/// Validates a change and trims its strings.
fn check(issues: &mut Issues, change: &IncidentChange) -> IncidentChange {
    let by = change
        .by
        .as_deref()
        .map(str::trim)
        .filter(|by| !by.is_empty());
    let by = by.map(|by| issues.take("by", name(by)));
    if by.is_none() && (change.known == Some(true) || change.close) {
        issues.add("by", "expected the name of the user, 1 to 100 characters");
    }
    let memo = change.memo.as_deref().map(str::trim);
    if memo.is_some_and(|memo| memo.chars().count() > MAX_MEMO) {
        issues.add("memo", format!("expected at most {MAX_MEMO} characters"));
    }
    IncidentChange {
        known: change.known,
        memo: memo.map(str::to_owned),
        by,
        close: change.close,
    }
}

/// Closes the open ones of the incidents if requested, and notifies the recipients of
/// their earlier notifications.
async fn close(
    tx: &Tx,
    ids: &[i64],
    by: &ChangeContext<'_>,
    change: &IncidentChange,
) -> Result<Vec<i64>, StorageError> {
    if !change.close {
        return Ok(Vec::new());
    }
    let end = |open: &Incident| Some(open.closed(by.now));
    let ending = Ending {
        ends: &end,
        event: EventKind::Closed,
        by: change.by.as_deref(),
        note: change.memo.as_deref(),
        visible: by.visible,
        now: by.now,
    };
    let closed = ending::end(tx, ids, &ending).await?;
    let message_id = || by.message_ids.random("closed");
    ending::notify(tx, &closed, EventKind::Closed, by.now, &message_id).await?;
    Ok(closed)
}

/// Writes the audit log entry for the close of one incident.
async fn record_close(
    tx: &Tx,
    by: &ChangeContext<'_>,
    (id, name): (i64, &str),
    change: &IncidentChange,
) -> Result<(), StorageError> {
    let (before, after) = (
        json!({"state": "open"}),
        json!({"state": "closed", "memo": change.memo}),
    );
    let entry = AuditEntry {
        action: "incident.close",
        kind: "incident",
        id: Some(id),
        name,
        before: Some(&before),
        after: Some(&after),
    };
    by.actor.record(tx, &entry, by.now).await
}

fn requested_change<'a>(change: &'a IncidentChange, by: &ChangeContext<'a>) -> Acknowledgement<'a> {
    Acknowledgement {
        known: change.known,
        memo: change.memo.as_deref(),
        by: change.by.as_deref(),
        now: by.now,
        visible: by.visible,
    }
}
