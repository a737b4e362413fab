//! Deliveries: what the webhook was sent, accepted or refused.

use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;

use crate::enums::{Coded, DeliveryOutcome};
use crate::filter::any_code;
use crate::query::{self, Conditions, Reads};
use crate::scan::{IndexScan, KeyMapping, MergedScan, Rows, ScanBudget, Table, find_any};
use crate::{Page, PageRequest, SortKey, StorageError, TimeRange};

/// One alert that could not be read; kept as JSON in `deliveries.rejected`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedView {
    /// Its place in the body's `alerts`, from 0.
    pub index: usize,
    /// Why it could not be read.
    pub reason: String,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryView {
    /// The delivery's number.
    pub id: i64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The source that it was counted to.
    pub source: String,
    /// The body's `externalURL`, or empty.
    pub sender: String,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The receiver's name in the sender's configuration.
    pub receiver: String,
    /// The sender's key of the group.
    pub group_key: String,
    /// The group's status, where it was said.
    pub status: Option<Status>,
    /// The body's version.
    pub version: String,
    /// Alerts in the body.
    pub alerts: i64,
    /// Alerts that the sender left out.
    pub truncated_alerts: i64,
    /// Alerts that opened an incident.
    pub opened: i64,
    /// Alerts that closed one.
    pub resolved: i64,
    /// Alerts that repeated a state after the window.
    pub refreshed: i64,
    /// Alerts that repeated a state within the window.
    pub seen_again: i64,
    /// Alerts whose new content is in the log.
    pub updated: i64,
    /// Alerts that told an overtaken state.
    pub late: i64,
    /// Alerts that could not be read.
    pub rejected: Vec<RejectedView>,
    /// Alerts that owed mail and reached no recipient.
    pub unrouted: i64,
    /// The body's size in bytes, before compression.
    pub body_bytes: i64,
    /// Whether the raw body is still kept.
    pub raw_available: bool,
}

/// Which deliveries are wanted.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only this outcome.
    pub outcome: Option<DeliveryOutcome>,
    /// Any of these sources.
    pub source: Vec<String>,
    /// With alerts that reached no recipient, or without.
    pub unrouted: Option<bool>,
    /// When it arrived.
    pub received: TimeRange,
}

/// Deliveries are sorted by when they arrived, then by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByArrival;

impl SortKey for ByArrival {
    fn name(self) -> &'static str {
        "deliveries.received"
    }
}

/// One page of the deliveries.
///
/// # Errors
/// Whatever the database answers.
pub async fn list(
    db: &impl Reads,
    filter: &DeliveryFilter,
    page: &PageRequest<ByArrival>,
) -> Result<Page<DeliveryView>, StorageError> {
    let mut such = Conditions::default();
    // The two that few deliveries are have indexes of their own.
    let refused = filter.outcome == Some(DeliveryOutcome::Refused);
    if refused {
        such.and("r.outcome = 1", []);
    }
    if filter.unrouted == Some(true) {
        such.and("r.unrouted > 0", []);
    }
    let mut rest = Conditions::default();
    if !refused {
        any_code(&mut rest, "r.outcome", filter.outcome.as_slice());
    }
    if filter.unrouted == Some(false) {
        rest.and("r.unrouted = 0", []);
    }
    if !filter.source.is_empty() {
        let list = query::text_list(db.backend());
        rest.and(
            &format!("r.source IN ({list})"),
            [query::texts(&filter.source)],
        );
    }
    let lane =
        IndexScan::new(such.into(), "r.received_at", KeyMapping::Plain).within(filter.received);
    let (way, after) = (page.direction(), page.after());
    let lanes = MergedScan::new(Table::Deliveries, vec![lane], rest.into(), way, after);
    let found = find_any(
        db,
        Rows::Indexes(lanes),
        page.limit(),
        &ScanBudget::default(),
    )
    .await?;
    let ids: Vec<i64> = found.rows.iter().map(|hit| hit.id).collect();
    let keys: Vec<_> = found.rows.iter().map(|hit| hit.key).collect();
    let mut these = Conditions::default();
    these.and(&query::among(db.backend(), "d.id"), [query::ids(&ids)]);
    let order = format!(" ORDER BY d.received_at {0}, d.id {0}", way.sql());
    let items = match ids.is_empty() {
        true => Vec::new(),
        false => select(db, these, &order).await?,
    };
    Ok(page.found(items, &keys, found.end, None))
}

/// One delivery.
///
/// # Errors
/// Whatever the database answers.
pub async fn get(db: &impl Reads, id: i64) -> Result<Option<DeliveryView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("d.id = ?", [Value::from(id)]);
    Ok(select(db, conditions, "").await?.pop())
}

/// The body as it came; `None` where it was never kept or is pruned.
///
/// # Errors
/// [`StorageError::Corrupt`] where the stored bytes cannot be decompressed.
pub async fn raw(db: &impl Reads, id: i64) -> Result<Option<Vec<u8>>, StorageError> {
    #[derive(FromQueryResult)]
    struct Body {
        body: Vec<u8>,
    }
    let row: Option<Body> = query::first(
        db,
        "SELECT body FROM delivery_bodies WHERE delivery_id = ?",
        vec![id.into()],
    )
    .await?;
    let corrupt = |_| StorageError::Corrupt {
        table: "delivery_bodies",
        column: "body",
        id,
    };
    row.map(|row| zstd::decode_all(row.body.as_slice()).map_err(corrupt))
        .transpose()
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<DeliveryView>, StorageError> {
    let (such, values) = conditions.into_where();
    let sql = format!(
        "SELECT d.id, d.received_at, d.source, COALESCE(f.external_url, '') AS sender, \
         d.outcome, d.reason, d.receiver, d.group_key, d.status, d.version, d.alerts, \
         d.truncated_alerts, d.opened, d.resolved, d.refreshed, d.seen_again, d.updated, d.late, \
         d.rejected, d.unrouted, d.body_bytes, b.delivery_id AS raw_id \
         FROM deliveries d \
         LEFT JOIN senders f ON f.id = d.sender_id \
         LEFT JOIN delivery_bodies b ON b.delivery_id = d.id{such}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    rows.into_iter().map(Row::into_view).collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    received_at: i64,
    source: String,
    sender: String,
    outcome: i16,
    reason: Option<String>,
    receiver: String,
    group_key: String,
    status: Option<i16>,
    version: String,
    alerts: i64,
    truncated_alerts: i64,
    opened: i64,
    resolved: i64,
    refreshed: i64,
    seen_again: i64,
    updated: i64,
    late: i64,
    rejected: String,
    unrouted: i64,
    body_bytes: i64,
    raw_id: Option<i64>,
}

impl Row {
    fn into_view(self) -> Result<DeliveryView, StorageError> {
        let (table, id) = ("deliveries", self.id);
        let status = self
            .status
            .map(|status| Status::read(status, table, "status", id));
        Ok(DeliveryView {
            id,
            received_at: query::time(self.received_at),
            source: self.source,
            sender: self.sender,
            outcome: DeliveryOutcome::read(self.outcome, table, "outcome", id)?,
            reason: self.reason,
            receiver: self.receiver,
            group_key: self.group_key,
            status: status.transpose()?,
            version: self.version,
            alerts: self.alerts,
            truncated_alerts: self.truncated_alerts,
            opened: self.opened,
            resolved: self.resolved,
            refreshed: self.refreshed,
            seen_again: self.seen_again,
            updated: self.updated,
            late: self.late,
            rejected: serde_json::from_str(&self.rejected).map_err(|_| StorageError::Corrupt {
                table,
                column: "rejected",
                id,
            })?,
            unrouted: self.unrouted,
            body_bytes: self.body_bytes,
            raw_available: self.raw_id.is_some(),
        })
    }
}
