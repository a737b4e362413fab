//! Incidents: the firing episodes of alerts, as they are read.

use std::time::Duration;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::alert::Labels;
use tocsin_core::time::Timestamp;

use crate::codes::{Coded, EventKind, IncidentState};
use crate::cursor::Place;
use crate::query::{self, Conditions, Reads};
use crate::{IncidentFilter, Page, PageRequest, SortKey, StorageError};

pub use crate::acknowledge::{Acknowledgement, acknowledge};

/// One incident with what it points to.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentView {
    /// The incident's number.
    pub id: i64,
    /// 16 hex digits.
    pub fingerprint: String,
    /// The source.
    pub source: String,
    /// Where it stands.
    pub state: IncidentState,
    /// Open and not seen for longer than the setting allows.
    pub stale: bool,
    /// The earliest start told.
    pub starts_at: Timestamp,
    /// When it ended.
    pub ends_at: Option<Timestamp>,
    /// When Tocsin first received it.
    pub first_seen_at: Timestamp,
    /// When Tocsin last received it.
    pub last_seen_at: Timestamp,
    /// How often it was told, repeats within the window not counted.
    pub occurrences: i64,
    /// How many senders told it.
    pub senders: i64,
    /// The earlier episode.
    pub previous_id: Option<i64>,
    /// Acknowledged or ended.
    pub known: bool,
    /// The person who acknowledged it.
    pub known_by: Option<String>,
    /// When that was.
    pub known_at: Option<Timestamp>,
    /// What people wrote of it.
    pub memo: String,
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
    /// All labels.
    pub labels: Labels,
    /// All annotations as last told.
    pub annotations: Labels,
    /// Any text; meant to be a link.
    pub generator_url: String,
}

/// What happened to an incident, for its timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentEventView {
    /// The event's number.
    pub id: i64,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// The delivery that told it; none for what a person did.
    pub delivery_id: Option<i64>,
    /// The log entry that told it.
    pub entry_id: Option<i64>,
    /// The person who did it.
    pub person: Option<String>,
    /// What that person wrote.
    pub memo: Option<String>,
}

/// What incidents are sorted by; equal ones by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncidentSort {
    /// When it was last received.
    #[default]
    LastSeenAt,
    /// When it began.
    StartsAt,
    /// How long it lasted; an open one lasts until now.
    Duration,
    /// How often it was told.
    Occurrences,
}

impl SortKey for IncidentSort {
    fn name(self) -> &'static str {
        match self {
            Self::LastSeenAt => "incidents.last_seen",
            Self::StartsAt => "incidents.starts",
            Self::Duration => "incidents.duration",
            Self::Occurrences => "incidents.occurrences",
        }
    }
}

impl IncidentSort {
    /// The expression to sort by and its values.
    fn sql(self, now: Timestamp) -> (&'static str, Vec<Value>) {
        match self {
            Self::LastSeenAt => ("i.last_seen_at", vec![]),
            Self::StartsAt => ("i.starts_at", vec![]),
            Self::Duration => (
                "COALESCE(i.ends_at, ?) - i.starts_at",
                vec![now.as_micros().into()],
            ),
            Self::Occurrences => ("i.occurrences", vec![]),
        }
    }

    fn place(self, incident: &IncidentView, now: Timestamp) -> Place {
        let value = match self {
            Self::LastSeenAt => incident.last_seen_at.as_micros(),
            Self::StartsAt => incident.starts_at.as_micros(),
            Self::Duration => {
                let end = incident.ends_at.unwrap_or(now);
                end.as_micros()
                    .saturating_sub(incident.starts_at.as_micros())
            }
            Self::Occurrences => incident.occurrences,
        };
        Place {
            value,
            id: incident.id,
            as_of: Some(now.as_micros()),
        }
    }
}

/// One page of the incidents. Durations and staleness are those at the time of
/// the first page, on all pages of a walk: otherwise open incidents would move
/// while they are read.
///
/// # Errors
/// Whatever the database answers.
pub async fn list(
    db: &impl Reads,
    filter: &IncidentFilter,
    page: &PageRequest<IncidentSort>,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Page<IncidentView>, StorageError> {
    let now = page.as_of(now);
    let stale_before = now.minus(stale_after);
    let sort = page.key();
    let (key, key_values) = sort.sql(now);
    let mut conditions = filter.conditions(db, stale_before).await?;
    page.continue_after(&mut conditions, key, key_values.clone(), "i.id");
    let end = page.order_and_limit(key, "i.id");
    let order = page.order(key, "i.id");
    let items = select(db, conditions, (&end, &order), key_values, stale_before).await?;
    Ok(page.page(items, |incident| sort.place(incident, now)))
}

/// One incident.
///
/// # Errors
/// Whatever the database answers.
pub async fn get(
    db: &impl Reads,
    id: i64,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Option<IncidentView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("i.id = ?", [Value::from(id)]);
    Ok(
        select(db, conditions, ("", ""), vec![], now.minus(stale_after))
            .await?
            .pop(),
    )
}

/// Whether there is such an incident.
///
/// # Errors
/// Whatever the database answers.
pub async fn exists(db: &impl Reads, id: i64) -> Result<bool, StorageError> {
    let sql = "SELECT id AS n FROM incidents WHERE id = ?";
    Ok(!query::numbers(db, sql, vec![id.into()]).await?.is_empty())
}

/// The other episodes of the same alert as `incident_id`, newest first.
///
/// # Errors
/// Whatever the database answers.
pub async fn episodes(
    db: &impl Reads,
    incident_id: i64,
    limit: u32,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<IncidentView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and(
        "i.series_id = (SELECT o.series_id FROM incidents o WHERE o.id = ?) AND i.id <> ?",
        [Value::from(incident_id), Value::from(incident_id)],
    );
    let order = " ORDER BY i.first_seen_at DESC, i.id DESC";
    let end = format!("{order} LIMIT {limit}");
    select(
        db,
        conditions,
        (&end, order),
        vec![],
        now.minus(stale_after),
    )
    .await
}

/// What happened to an incident, newest first, at most `limit` events.
///
/// # Errors
/// Whatever the database answers.
pub async fn events(
    db: &impl Reads,
    incident_id: i64,
    limit: u32,
) -> Result<Vec<IncidentEventView>, StorageError> {
    let rows: Vec<EventRow> = query::all(
        db,
        "SELECT id, kind, at, delivery_id, entry_id, person, memo FROM incident_events \
         WHERE incident_id = ? ORDER BY at DESC, id DESC LIMIT ?",
        vec![incident_id.into(), i64::from(limit).into()],
    )
    .await?;
    rows.into_iter().map(EventRow::into_view).collect()
}

/// The numbers of the incidents that match, in ascending order, from after
/// `after` (0 for the beginning), at most `limit`.
///
/// # Errors
/// Whatever the database answers.
pub async fn ids_matching(
    db: &impl Reads,
    filter: &IncidentFilter,
    after: i64,
    limit: u32,
    now: Timestamp,
    stale_after: Duration,
) -> Result<Vec<i64>, StorageError> {
    let mut conditions = filter.conditions(db, now.minus(stale_after)).await?;
    conditions.and("i.id > ?", [Value::from(after)]);
    let (such, mut values) = conditions.into_where();
    values.push(i64::from(limit).into());
    let sql = format!("SELECT i.id AS n FROM incidents i{such} ORDER BY i.id LIMIT ?");
    query::numbers(db, &sql, values).await
}

/// As in the log, the page is found first and joined then. `end` bounds the
/// inner query, `order` sorts the outer one; both may hold the same
/// placeholders, for `order_values`.
async fn select(
    db: &impl Reads,
    conditions: Conditions,
    (end, order): (&str, &str),
    order_values: Vec<Value>,
    stale_before: Timestamp,
) -> Result<Vec<IncidentView>, StorageError> {
    let (such, mut values) = conditions.into_where();
    values.extend(order_values.iter().cloned());
    values.extend(order_values);
    let sql = format!(
        "SELECT i.id, i.state, i.starts_at, i.ends_at, i.first_seen_at, i.last_seen_at, \
         i.occurrences, i.senders, i.previous_id, i.known_at, i.known_by, i.memo, \
         l.id AS label_set_id, l.labels, l.alertname, l.instance, l.severity, l.team, \
         a.id AS annotation_set_id, a.annotations, a.generator_url, a.message, \
         s.source, s.fingerprint \
         FROM (SELECT i.id FROM incidents i{such}{end}) p \
         JOIN incidents i ON i.id = p.id \
         JOIN label_sets l ON l.id = i.label_set_id \
         JOIN annotation_sets a ON a.id = i.annotation_set_id \
         JOIN series s ON s.id = i.series_id{order}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    rows.into_iter()
        .map(|row| row.into_view(stale_before))
        .collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    state: i16,
    starts_at: i64,
    ends_at: Option<i64>,
    first_seen_at: i64,
    last_seen_at: i64,
    occurrences: i64,
    senders: i64,
    previous_id: Option<i64>,
    known_at: Option<i64>,
    known_by: Option<String>,
    memo: String,
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
    source: String,
    fingerprint: String,
}

impl Row {
    fn into_view(self, stale_before: Timestamp) -> Result<IncidentView, StorageError> {
        let state = IncidentState::read(self.state, "incidents", "state", self.id)?;
        let open = state == IncidentState::Open;
        let last_seen_at = query::time(self.last_seen_at);
        Ok(IncidentView {
            id: self.id,
            fingerprint: self.fingerprint,
            source: self.source,
            state,
            stale: open && last_seen_at < stale_before,
            starts_at: query::time(self.starts_at),
            ends_at: self.ends_at.map(query::time),
            first_seen_at: query::time(self.first_seen_at),
            last_seen_at,
            occurrences: self.occurrences,
            senders: self.senders,
            previous_id: self.previous_id,
            known: self.known_at.is_some() || !open,
            known_by: self.known_by,
            known_at: self.known_at.map(query::time),
            memo: self.memo,
            alertname: self.alertname,
            instance: self.instance,
            severity: self.severity,
            team: self.team,
            message: self.message,
            labels: query::labels(&self.labels, "label_sets", "labels", self.label_set_id)?,
            annotations: query::labels(
                &self.annotations,
                "annotation_sets",
                "annotations",
                self.annotation_set_id,
            )?,
            generator_url: self.generator_url,
        })
    }
}

#[derive(FromQueryResult)]
struct EventRow {
    id: i64,
    kind: i16,
    at: i64,
    delivery_id: Option<i64>,
    entry_id: Option<i64>,
    person: Option<String>,
    memo: Option<String>,
}

impl EventRow {
    fn into_view(self) -> Result<IncidentEventView, StorageError> {
        Ok(IncidentEventView {
            id: self.id,
            kind: EventKind::read(self.kind, "incident_events", "kind", self.id)?,
            at: query::time(self.at),
            delivery_id: self.delivery_id,
            entry_id: self.entry_id,
            person: self.person,
            memo: self.memo,
        })
    }
}
