//! Reading notifications: the outbox with all attempts.

mod visible;

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use crate::enums::{Coded, EventKind, NotificationState};
use crate::filter::any_code;
use crate::query::{self, Conditions, Reads};
use crate::scan::{
    Direction, IndexScan, Key, KeyMapping, MergedScan, Rows, ScanBudget, Table, find_any,
};
use crate::{Page, PageRequest, SortKey, StorageError, TimeRange};

pub use visible::visible;

pub use crate::resend::{Resend, Resent, resend};

/// The most incident IDs listed for one notification.
pub const MAX_INCIDENTS: usize = 100;

/// Why a recipient gets a notification. Stored as JSON in `notifications.reasons`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonView {
    /// Name of the route; `None` if the team or the default group selected the recipient.
    pub route: Option<String>,
    /// Name of the group.
    pub group: String,
}

/// One attempt to send a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptView {
    /// Start time.
    pub started_at: Timestamp,
    /// End time; `None` while it runs, or if the process was killed.
    pub finished_at: Option<Timestamp>,
    /// Error message; `None` on success.
    pub error: Option<String>,
}

/// One notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationView {
    /// Notification ID.
    pub id: i64,
    /// Current state.
    pub state: NotificationState,
    /// ID of the delivery that triggered it.
    pub delivery_id: i64,
    /// Recipient ID; `None` if the recipient was deleted.
    pub recipient_id: Option<i64>,
    /// Name of the recipient when the notification was created.
    pub to_name: String,
    /// E-mail address of the recipient.
    pub to_email: String,
    /// Subject line.
    pub subject: String,
    /// IDs of its incidents, ascending, at most [`MAX_INCIDENTS`].
    pub incident_ids: Vec<i64>,
    /// Kinds of its events, each kind once.
    pub events: Vec<EventKind>,
    /// Why the recipient gets it.
    pub reasons: Vec<ReasonView>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Time of the next attempt; `None` if none is planned.
    pub next_attempt_at: Option<Timestamp>,
    /// All attempts so far, oldest first.
    pub attempts: Vec<AttemptView>,
    /// ID of the notification that this one resends.
    pub resend_of: Option<i64>,
}

/// Filter for notifications.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Any of these states.
    pub state: Vec<NotificationState>,
    /// Notifications about this incident.
    pub incident_id: Option<i64>,
    /// Notifications to this recipient.
    pub recipient_id: Option<i64>,
    /// When the notification was created.
    pub created: TimeRange,
}

/// Sorts notifications by creation time, then by ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByCreation;

impl SortKey for ByCreation {
    fn name(self) -> &'static str {
        "notifications.created"
    }
}

/// Returns one page of the notifications that are visible to the caller. With restricted
/// visibility, a notification is visible only if every incident of its thread is: it names
/// several alerts, and its subject names those of the first notification in the thread.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list(
    db: &impl Reads,
    filter: &NotificationFilter,
    page: &PageRequest<ByCreation>,
    visibility: &Visibility,
) -> Result<Page<NotificationView>, StorageError> {
    let place = (page.direction(), page.after());
    let found = if visibility.is_everything() {
        let rows = rows(db, filter, place.0, place.1).await?;
        find_any(db, rows, page.limit(), &ScanBudget::default()).await?
    } else {
        visible::find(db, filter, place, page.limit(), visibility).await?
    };
    let ids: Vec<i64> = found.rows.iter().map(|hit| hit.id).collect();
    let keys: Vec<_> = found.rows.iter().map(|hit| hit.key).collect();
    let mut these = Conditions::default();
    these.and(&query::among(db.backend(), "n.id"), [query::ids(&ids)]);
    let order = format!(
        " ORDER BY n.created_at {0}, n.id {0}",
        page.direction().sql()
    );
    let items = match ids.is_empty() {
        true => Vec::new(),
        false => select(db, these, &order).await?,
    };
    Ok(page.found(items, &keys, found.end, None))
}

/// Scans the index that leaves the fewest rows to examine: by incident, by recipient, by
/// states with few notifications, or by time.
async fn rows(
    db: &impl Reads,
    filter: &NotificationFilter,
    direction: Direction,
    after: Option<Key>,
) -> Result<Rows, StorageError> {
    /// How many notifications of one incident are listed, the latest first.
    const MAX_LISTED: i64 = 10_000;
    let few = |state: &NotificationState| match state {
        NotificationState::Queued | NotificationState::Sending | NotificationState::Failed => true,
        NotificationState::Sent | NotificationState::Written | NotificationState::Canceled => false,
    };
    let mut scans = Vec::new();
    let mut residual = Conditions::default();
    let mut add_scan = |condition: &str, values: Vec<Value>| {
        let mut conditions = Conditions::default();
        if !condition.is_empty() {
            conditions.and(condition, values);
        }
        let scan = IndexScan::new(conditions.into(), "r.created_at", KeyMapping::Plain);
        scans.push(scan.within(filter.created));
    };
    if let Some(incident) = filter.incident_id {
        let notifications = query::numbers(
            db,
            "SELECT DISTINCT ne.notification_id AS n FROM notification_events ne \
             WHERE ne.incident_id = ? ORDER BY n DESC LIMIT ?",
            vec![incident.into(), MAX_LISTED.into()],
        )
        .await?;
        let these = query::among(db.backend(), "r.id");
        add_scan(&these, vec![query::ids(&notifications)]);
        any_code(&mut residual, "r.state", &filter.state);
        if let Some(recipient) = filter.recipient_id {
            residual.and("r.recipient_id = ?", [recipient.into()]);
        }
    } else if let Some(recipient) = filter.recipient_id {
        add_scan("r.recipient_id = ?", vec![recipient.into()]);
        any_code(&mut residual, "r.state", &filter.state);
    } else if !filter.state.is_empty() && filter.state.iter().all(few) {
        // As literals, because the partial index covers these states only.
        let mut states: Vec<i16> = filter.state.iter().map(|state| state.code()).collect();
        states.sort_unstable();
        states.dedup();
        for state in states {
            add_scan(&format!("r.state = {state}"), vec![]);
        }
    } else {
        add_scan("", vec![]);
        any_code(&mut residual, "r.state", &filter.state);
    }
    let scans = MergedScan::new(
        Table::Notifications,
        scans,
        residual.into(),
        direction,
        after,
    );
    Ok(Rows::Indexes(scans))
}

/// Returns one notification if it is visible; see [`list`].
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get(
    db: &impl Reads,
    id: i64,
    visibility: &Visibility,
) -> Result<Option<NotificationView>, StorageError> {
    if !visibility.is_everything() && visible(db, &[id], visibility).await?.is_empty() {
        return Ok(None);
    }
    let mut conditions = Conditions::default();
    conditions.and("n.id = ?", [Value::from(id)]);
    Ok(select(db, conditions, "").await?.pop())
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<NotificationView>, StorageError> {
    let (condition, values) = conditions.into_where();
    // Notifications keep the ID of a deleted recipient; readers get `None`.
    let sql = format!(
        "SELECT n.id, n.state, n.delivery_id, r.id AS recipient_id, n.to_name, n.to_email, \
         n.subject, n.reasons, n.created_at, n.next_attempt_at, n.resend_of \
         FROM notifications n LEFT JOIN recipients r ON r.id = n.recipient_id{condition}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let mut notifications = rows
        .into_iter()
        .map(Row::into_view)
        .collect::<Result<Vec<NotificationView>, _>>()?;
    add_attempts(db, &mut notifications).await?;
    add_events(db, &mut notifications).await?;
    Ok(notifications)
}

/// Loads the attempts of all notifications of the page with one query.
async fn add_attempts(
    db: &impl Reads,
    notifications: &mut [NotificationView],
) -> Result<(), StorageError> {
    let ids: Vec<i64> = notifications
        .iter()
        .map(|notification| notification.id)
        .collect();
    let sql = format!(
        "SELECT notification_id, started_at, finished_at, error FROM attempts \
         WHERE notification_id IN ({}) ORDER BY notification_id, id",
        query::id_list(db.backend())
    );
    let rows: Vec<AttemptRow> = query::all(db, &sql, vec![query::ids(&ids)]).await?;
    let mut attempts: HashMap<i64, Vec<AttemptView>> = HashMap::new();
    for row in rows {
        attempts
            .entry(row.notification_id)
            .or_default()
            .push(AttemptView {
                started_at: query::time(row.started_at),
                finished_at: row.finished_at.map(query::time),
                error: row.error,
            });
    }
    for notification in notifications {
        notification.attempts = attempts.remove(&notification.id).unwrap_or_default();
    }
    Ok(())
}

/// Loads incidents and event kinds of all notifications of the page, one query each.
async fn add_events(
    db: &impl Reads,
    notifications: &mut [NotificationView],
) -> Result<(), StorageError> {
    let list = query::id_list(db.backend());
    let ids: Vec<i64> = notifications
        .iter()
        .map(|notification| notification.id)
        .collect();
    // The window function limits the rows of a notification with thousands of incidents.
    let sql = format!(
        "SELECT notification_id, n FROM (SELECT ne.notification_id, ne.incident_id AS n, \
         ROW_NUMBER() OVER (PARTITION BY ne.notification_id ORDER BY ne.incident_id) AS place \
         FROM notification_events ne WHERE ne.notification_id IN ({list}) \
         GROUP BY ne.notification_id, ne.incident_id) numbered \
         WHERE place <= {MAX_INCIDENTS} ORDER BY notification_id, n"
    );
    let mut incidents = by_notification(query::all(db, &sql, vec![query::ids(&ids)]).await?);
    let sql = format!(
        "SELECT DISTINCT ne.notification_id, CAST(ne.kind AS BIGINT) AS n \
         FROM notification_events ne WHERE ne.notification_id IN ({list}) ORDER BY ne.notification_id, n"
    );
    let mut kinds = by_notification(query::all(db, &sql, vec![query::ids(&ids)]).await?);
    for notification in notifications {
        notification.incident_ids = incidents.remove(&notification.id).unwrap_or_default();
        let codes = kinds
            .remove(&notification.id)
            .unwrap_or_default()
            .into_iter();
        let read = |code| EventKind::read(code, "notification_events", "kind", notification.id);
        notification.events = codes
            .map(|code| read(i16::try_from(code).unwrap_or(-1)))
            .collect::<Result<_, _>>()?;
    }
    Ok(())
}

fn by_notification(rows: Vec<LinkRow>) -> HashMap<i64, Vec<i64>> {
    let mut values: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in rows {
        values.entry(row.notification_id).or_default().push(row.n);
    }
    values
}

#[derive(FromQueryResult)]
struct LinkRow {
    notification_id: i64,
    n: i64,
}

#[derive(FromQueryResult)]
struct AttemptRow {
    notification_id: i64,
    started_at: i64,
    finished_at: Option<i64>,
    error: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    state: i16,
    delivery_id: i64,
    recipient_id: Option<i64>,
    to_name: String,
    to_email: String,
    subject: String,
    reasons: String,
    created_at: i64,
    next_attempt_at: Option<i64>,
    resend_of: Option<i64>,
}

impl Row {
    fn into_view(self) -> Result<NotificationView, StorageError> {
        let (table, id) = ("notifications", self.id);
        Ok(NotificationView {
            id,
            state: NotificationState::read(self.state, table, "state", id)?,
            delivery_id: self.delivery_id,
            recipient_id: self.recipient_id,
            to_name: self.to_name,
            to_email: self.to_email,
            subject: self.subject,
            incident_ids: Vec::new(),
            events: Vec::new(),
            reasons: serde_json::from_str(&self.reasons).map_err(|_| StorageError::Corrupt {
                table,
                column: "reasons",
                id,
            })?,
            created_at: query::time(self.created_at),
            next_attempt_at: self.next_attempt_at.map(query::time),
            attempts: Vec::new(),
            resend_of: self.resend_of,
        })
    }
}
