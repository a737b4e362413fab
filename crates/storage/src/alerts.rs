//! The log: one alert as one delivery told it, for good.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::{Labels, Status};
use tocsin_core::time::Timestamp;

use crate::codes::{Coded, EntryKind, IncidentState};
use crate::cursor::Place;
use crate::query::{self, Conditions, Reads};
use crate::{AlertFilter, Page, PageRequest, SortKey, StorageError};

/// One log entry with what it points to.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertView {
    /// The entry's number.
    pub id: i64,
    /// The delivery that told it.
    pub delivery_id: i64,
    /// The incident that it belongs to.
    pub incident_id: i64,
    /// The source.
    pub source: String,
    /// When Tocsin received it.
    pub received_at: Timestamp,
    /// What the sender said.
    pub status: Status,
    /// What it did to its incident.
    pub kind: EntryKind,
    /// When the alert began, as told.
    pub starts_at: Timestamp,
    /// When it ended, as told.
    pub ends_at: Option<Timestamp>,
    /// Label `alertname`, or `(none)`.
    pub alertname: String,
    /// Label `instance`, or empty.
    pub instance: String,
    /// Label `severity`, or empty.
    pub severity: String,
    /// The team label, or empty.
    pub team: String,
    /// What the annotations say, in a sentence; may be empty.
    pub message: String,
    /// 16 hex digits.
    pub fingerprint: String,
    /// All labels.
    pub labels: Labels,
    /// All annotations.
    pub annotations: Labels,
    /// Any text; meant to be a link.
    pub generator_url: String,
    /// The incident is acknowledged or has ended.
    pub known: bool,
    /// The incident's memo.
    pub memo: String,
}

/// The log is sorted by when an entry was received, then by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByReceived;

impl SortKey for ByReceived {
    fn name(self) -> &'static str {
        "alerts.received"
    }
}

/// The entries of one incident, by when they were received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByEntry;

impl SortKey for ByEntry {
    fn name(self) -> &'static str {
        "incident.entries"
    }
}

/// One page of the log.
///
/// # Errors
/// Whatever the database answers.
pub async fn list(
    db: &impl Reads,
    filter: &AlertFilter,
    page: &PageRequest<ByReceived>,
) -> Result<Page<AlertView>, StorageError> {
    let (sql, values) = list_sql(db, filter, page).await?;
    let items = read(db, &sql, values).await?;
    Ok(page.page(items, |alert| Place {
        value: alert.received_at.as_micros(),
        id: alert.id,
        as_of: None,
    }))
}

/// How the database goes about [`list`], in its own words, for the tests that
/// a page costs no more than a page.
///
/// # Errors
/// Whatever the database answers.
#[doc(hidden)]
pub async fn explain_list(
    db: &impl Reads,
    filter: &AlertFilter,
    page: &PageRequest<ByReceived>,
) -> Result<String, StorageError> {
    let (sql, values) = list_sql(db, filter, page).await?;
    query::explain(db, &sql, values).await
}

async fn list_sql(
    db: &impl Reads,
    filter: &AlertFilter,
    page: &PageRequest<ByReceived>,
) -> Result<(String, Vec<Value>), StorageError> {
    let mut conditions = filter.conditions(db).await?;
    page.continue_after(&mut conditions, "e.received_at", vec![], "e.id");
    let end = page.order_and_limit("e.received_at", "e.id");
    let order = page.order("e.received_at", "e.id");
    Ok(select(conditions, &end, &order))
}

/// One entry.
///
/// # Errors
/// Whatever the database answers.
pub async fn get(db: &impl Reads, id: i64) -> Result<Option<AlertView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("e.id = ?", [Value::from(id)]);
    let (sql, values) = select(conditions, "", "");
    Ok(read(db, &sql, values).await?.pop())
}

/// One page of an incident's entries.
///
/// # Errors
/// Whatever the database answers.
pub async fn of_incident(
    db: &impl Reads,
    incident_id: i64,
    page: &PageRequest<ByEntry>,
) -> Result<Page<AlertView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("e.incident_id = ?", [Value::from(incident_id)]);
    // Not by number alone: writers take numbers in blocks (PostgreSQL).
    page.continue_after(&mut conditions, "e.received_at", vec![], "e.id");
    let end = page.order_and_limit("e.received_at", "e.id");
    let order = page.order("e.received_at", "e.id");
    let (sql, values) = select(conditions, &end, &order);
    let items = read(db, &sql, values).await?;
    Ok(page.page(items, |alert| Place {
        value: alert.received_at.as_micros(),
        id: alert.id,
        as_of: None,
    }))
}

/// The page is found on the small rows first; only then are its own 50 rows
/// joined with what they point to, so that sorting never carries labels.
fn select(conditions: Conditions, end: &str, order: &str) -> (String, Vec<Value>) {
    let (such, values) = conditions.into_where();
    let sql = format!(
        "SELECT e.id, e.delivery_id, e.incident_id, e.received_at, e.status, e.kind, \
         e.starts_at, e.ends_at, l.id AS label_set_id, l.labels, l.alertname, l.instance, \
         l.severity, l.team, a.id AS annotation_set_id, a.annotations, a.generator_url, \
         a.message, i.state, i.known_at, i.memo, s.source, s.fingerprint \
         FROM (SELECT e.id FROM log_entries e{such}{end}) p \
         JOIN log_entries e ON e.id = p.id \
         JOIN label_sets l ON l.id = e.label_set_id \
         JOIN annotation_sets a ON a.id = e.annotation_set_id \
         JOIN incidents i ON i.id = e.incident_id \
         JOIN series s ON s.id = i.series_id{order}"
    );
    (sql, values)
}

async fn read(
    db: &impl Reads,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<AlertView>, StorageError> {
    let rows: Vec<Row> = query::all(db, sql, values).await?;
    rows.into_iter().map(Row::into_view).collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    delivery_id: i64,
    incident_id: i64,
    received_at: i64,
    status: i16,
    kind: i16,
    starts_at: i64,
    ends_at: Option<i64>,
    label_set_id: i64,
    labels: String,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
    annotation_set_id: i64,
    annotations: String,
    generator_url: String,
    message: String,
    state: i16,
    known_at: Option<i64>,
    memo: String,
    source: String,
    fingerprint: String,
}

impl Row {
    fn into_view(self) -> Result<AlertView, StorageError> {
        let state = IncidentState::read(self.state, "incidents", "state", self.incident_id)?;
        Ok(AlertView {
            id: self.id,
            delivery_id: self.delivery_id,
            incident_id: self.incident_id,
            source: self.source,
            received_at: query::time(self.received_at),
            status: Status::read(self.status, "log_entries", "status", self.id)?,
            kind: EntryKind::read(self.kind, "log_entries", "kind", self.id)?,
            starts_at: query::time(self.starts_at),
            ends_at: self.ends_at.map(query::time),
            labels: query::labels(&self.labels, "label_sets", "labels", self.label_set_id)?,
            alertname: self.alertname,
            instance: self.instance,
            severity: self.severity,
            team: self.team,
            annotations: query::labels(
                &self.annotations,
                "annotation_sets",
                "annotations",
                self.annotation_set_id,
            )?,
            generator_url: self.generator_url,
            message: self.message,
            fingerprint: self.fingerprint,
            known: self.known_at.is_some() || state != IncidentState::Open,
            memo: self.memo,
        })
    }
}
