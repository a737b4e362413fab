//! Mails as they are read: the outbox with every attempt.

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

/// The most incidents that a mail in a list names.
pub const MAX_INCIDENTS: usize = 100;

/// Why a recipient gets a mail; kept as JSON in `notifications.reasons`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonView {
    /// The route's name; `None` where the team or the default group decided.
    pub route: Option<String>,
    /// The group's name.
    pub group: String,
}

/// One try to send a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptView {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs, or where the process was killed.
    pub finished_at: Option<Timestamp>,
    /// What went wrong; `None` for a success.
    pub error: Option<String>,
}

/// One mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationView {
    /// The mail's number.
    pub id: i64,
    /// How far it has come.
    pub state: NotificationState,
    /// The delivery that owed it.
    pub delivery_id: i64,
    /// The recipient; `None` once deleted.
    pub recipient_id: Option<i64>,
    /// The recipient's name at the time.
    pub to_name: String,
    /// The address that it goes to.
    pub to_email: String,
    /// The subject line.
    pub subject: String,
    /// The incidents that it tells of, ascending, at most [`MAX_INCIDENTS`].
    pub incident_ids: Vec<i64>,
    /// What it tells of them, each kind once.
    pub events: Vec<EventKind>,
    /// Why this recipient gets it.
    pub reasons: Vec<ReasonView>,
    /// When it was owed.
    pub created_at: Timestamp,
    /// When the next attempt is due; `None` when none is.
    pub next_attempt_at: Option<Timestamp>,
    /// Every try so far, oldest first.
    pub attempts: Vec<AttemptView>,
    /// The mail that this one sends again.
    pub resend_of: Option<i64>,
}

/// Which mails are wanted.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Any of these states.
    pub state: Vec<NotificationState>,
    /// Those that tell of this incident.
    pub incident_id: Option<i64>,
    /// Those to this recipient.
    pub recipient_id: Option<i64>,
    /// When it was owed.
    pub created: TimeRange,
}

/// Mails are sorted by when they were owed, then by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByCreation;

impl SortKey for ByCreation {
    fn name(self) -> &'static str {
        "notifications.created"
    }
}

/// One page of the mails that somebody may see. Who does not see all alerts
/// sees the mails of whose whole thread every incident may be seen: a mail names
/// several alerts, and its subject those of the thread's first mail.
///
/// # Errors
/// Whatever the database answers.
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

/// Walks along the index that leaves the fewest rows to examine: of one
/// incident, one recipient, of states that few mails are in, or of all.
async fn rows(
    db: &impl Reads,
    filter: &NotificationFilter,
    way: Direction,
    after: Option<Key>,
) -> Result<Rows, StorageError> {
    /// Mails of an incident that are listed: the latest.
    const MOST: i64 = 10_000;
    let few = |state: &NotificationState| match state {
        NotificationState::Queued | NotificationState::Sending | NotificationState::Failed => true,
        NotificationState::Sent | NotificationState::Written | NotificationState::Canceled => false,
    };
    let mut lanes = Vec::new();
    let mut rest = Conditions::default();
    let mut lane = |such: &str, values: Vec<Value>| {
        let mut conditions = Conditions::default();
        if !such.is_empty() {
            conditions.and(such, values);
        }
        let lane = IndexScan::new(conditions.into(), "r.created_at", KeyMapping::Plain);
        lanes.push(lane.within(filter.created));
    };
    if let Some(incident) = filter.incident_id {
        let mails = query::numbers(
            db,
            "SELECT DISTINCT ne.notification_id AS n FROM notification_events ne \
             WHERE ne.incident_id = ? ORDER BY n DESC LIMIT ?",
            vec![incident.into(), MOST.into()],
        )
        .await?;
        let these = query::among(db.backend(), "r.id");
        lane(&these, vec![query::ids(&mails)]);
        any_code(&mut rest, "r.state", &filter.state);
        if let Some(recipient) = filter.recipient_id {
            rest.and("r.recipient_id = ?", [recipient.into()]);
        }
    } else if let Some(recipient) = filter.recipient_id {
        lane("r.recipient_id = ?", vec![recipient.into()]);
        any_code(&mut rest, "r.state", &filter.state);
    } else if !filter.state.is_empty() && filter.state.iter().all(few) {
        // Written out, for the index is of these states only.
        let mut states: Vec<i16> = filter.state.iter().map(|state| state.code()).collect();
        states.sort_unstable();
        states.dedup();
        for state in states {
            lane(&format!("r.state = {state}"), vec![]);
        }
    } else {
        lane("", vec![]);
        any_code(&mut rest, "r.state", &filter.state);
    }
    let lanes = MergedScan::new(Table::Mails, lanes, rest.into(), way, after);
    Ok(Rows::Indexes(lanes))
}

/// One mail, if it may be seen; see [`list`].
///
/// # Errors
/// Whatever the database answers.
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
    let (such, values) = conditions.into_where();
    // Notifications keep the number of a deleted recipient; readers get none.
    let sql = format!(
        "SELECT n.id, n.state, n.delivery_id, r.id AS recipient_id, n.to_name, n.to_email, \
         n.subject, n.reasons, n.created_at, n.next_attempt_at, n.resend_of \
         FROM notifications n LEFT JOIN recipients r ON r.id = n.recipient_id{such}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let mut mails = rows
        .into_iter()
        .map(Row::into_view)
        .collect::<Result<Vec<NotificationView>, _>>()?;
    add_attempts(db, &mut mails).await?;
    add_events(db, &mut mails).await?;
    Ok(mails)
}

/// One query for all mails of the page.
async fn add_attempts(db: &impl Reads, mails: &mut [NotificationView]) -> Result<(), StorageError> {
    let ids: Vec<i64> = mails.iter().map(|mail| mail.id).collect();
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
    for mail in mails {
        mail.attempts = attempts.remove(&mail.id).unwrap_or_default();
    }
    Ok(())
}

/// One query for the incidents and one for the kinds of all mails of the page.
async fn add_events(db: &impl Reads, mails: &mut [NotificationView]) -> Result<(), StorageError> {
    let list = query::id_list(db.backend());
    let ids: Vec<i64> = mails.iter().map(|mail| mail.id).collect();
    // The window function bounds what one mail about thousands brings along.
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
    for mail in mails {
        mail.incident_ids = incidents.remove(&mail.id).unwrap_or_default();
        let codes = kinds.remove(&mail.id).unwrap_or_default().into_iter();
        let read = |code| EventKind::read(code, "notification_events", "kind", mail.id);
        mail.events = codes
            .map(|code| read(i16::try_from(code).unwrap_or(-1)))
            .collect::<Result<_, _>>()?;
    }
    Ok(())
}

fn by_notification(rows: Vec<NumberRow>) -> HashMap<i64, Vec<i64>> {
    let mut numbers: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in rows {
        numbers.entry(row.notification_id).or_default().push(row.n);
    }
    numbers
}

#[derive(FromQueryResult)]
struct NumberRow {
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
