//! Deliveries: requests to the webhook, accepted or rejected.

use sea_orm::{FromQueryResult, Value};
use serde::{Deserialize, Serialize};
use tocsin_core::alert::Status;
use tocsin_core::time::Timestamp;

use crate::enums::{Coded, DeliveryOutcome};
use crate::filter::any_code;
use crate::query::{self, Conditions, Reads};
use crate::scan::{IndexScan, KeyMapping, MergedScan, Rows, ScanBudget, Table, find_any};
use crate::{Page, PageRequest, SortKey, StorageError, TimeRange};

/// An alert that could not be parsed; stored as JSON in `deliveries.rejected`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedView {
    /// Index in the payload's `alerts`, from 0.
    pub index: usize,
    /// Reason.
    pub reason: String,
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryView {
    /// Database ID.
    pub id: i64,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// Source.
    pub source: String,
    /// The payload's `externalURL`, or empty.
    pub sender: String,
    /// Outcome.
    pub outcome: DeliveryOutcome,
    /// Reason for the rejection.
    pub reason: Option<String>,
    /// Receiver name in the sender's configuration.
    pub receiver: String,
    /// Group key of the sender.
    pub group_key: String,
    /// Status of the group, if reported.
    pub status: Option<Status>,
    /// Payload version.
    pub version: String,
    /// Alerts in the payload.
    pub alerts: i64,
    /// Alerts that the sender left out (`truncatedAlerts`).
    pub truncated_alerts: i64,
    /// Alerts that opened an incident.
    pub opened: i64,
    /// Alerts that resolved an incident.
    pub resolved: i64,
    /// Alerts that repeated the current state after the deduplication window.
    pub refreshed: i64,
    /// Duplicates: alerts that repeated the current state within the window.
    pub seen_again: i64,
    /// Alerts with new content, logged as updates.
    pub updated: i64,
    /// Alerts received out of order.
    pub late: i64,
    /// Alerts that could not be parsed.
    pub rejected: Vec<RejectedView>,
    /// Alerts whose notification reached no recipient.
    pub unrouted: i64,
    /// Size of the body in bytes, before compression.
    pub body_bytes: i64,
    /// Whether the raw body is still stored.
    pub raw_available: bool,
}

/// Filter for deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Outcome.
    pub outcome: Option<DeliveryOutcome>,
    /// Any of these sources.
    pub source: Vec<String>,
    /// With (`true`) or without (`false`) unrouted alerts.
    pub unrouted: Option<bool>,
    /// Range of the time of receipt.
    pub received: TimeRange,
}

/// Sorted by time of receipt, then by ID.
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
/// [`StorageError`] from the database.
pub async fn list(
    db: &impl Reads,
    filter: &DeliveryFilter,
    page: &PageRequest<ByArrival>,
) -> Result<Page<DeliveryView>, StorageError> {
    let mut indexed = Conditions::default();
    // The two rare cases have indexes of their own.
    let only_rejected = filter.outcome == Some(DeliveryOutcome::Refused);
    if only_rejected {
        indexed.and("r.outcome = 1", []);
    }
    if filter.unrouted == Some(true) {
        indexed.and("r.unrouted > 0", []);
    }
    let mut residual = Conditions::default();
    if !only_rejected {
        any_code(&mut residual, "r.outcome", filter.outcome.as_slice());
    }
    if filter.unrouted == Some(false) {
        residual.and("r.unrouted = 0", []);
    }
    if !filter.source.is_empty() {
        let list = query::text_list(db.backend());
        residual.and(
            &format!("r.source IN ({list})"),
            [query::texts(&filter.source)],
        );
    }
    let scan =
        IndexScan::new(indexed.into(), "r.received_at", KeyMapping::Plain).within(filter.received);
    let (direction, after) = (page.direction(), page.after());
    let scans = MergedScan::new(
        Table::Deliveries,
        vec![scan],
        residual.into(),
        direction,
        after,
    );
    let found = find_any(
        db,
        Rows::Indexes(scans),
        page.limit(),
        &ScanBudget::default(),
    )
    .await?;
    let ids: Vec<i64> = found.rows.iter().map(|hit| hit.id).collect();
    let keys: Vec<_> = found.rows.iter().map(|hit| hit.key).collect();
    let mut conditions = Conditions::default();
    conditions.and(&query::among(db.backend(), "d.id"), [query::ids(&ids)]);
    let order = format!(" ORDER BY d.received_at {0}, d.id {0}", direction.sql());
    let items = match ids.is_empty() {
        true => Vec::new(),
        false => select(db, conditions, &order).await?,
    };
    Ok(page.found(items, &keys, found.end, None))
}

/// Returns one delivery.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get(db: &impl Reads, id: i64) -> Result<Option<DeliveryView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("d.id = ?", [Value::from(id)]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Returns the raw body; `None` if it was never stored or has been deleted.
///
/// # Errors
/// [`StorageError::Corrupt`] if the stored bytes cannot be decompressed.
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
    let (filter, values) = conditions.into_where();
    let sql = format!(
        "SELECT d.id, d.received_at, d.source, COALESCE(f.external_url, '') AS sender, \
         d.outcome, d.reason, d.receiver, d.group_key, d.status, d.version, d.alerts, \
         d.truncated_alerts, d.opened, d.resolved, d.refreshed, d.seen_again, d.updated, d.late, \
         d.rejected, d.unrouted, d.body_bytes, b.delivery_id AS raw_id \
         FROM deliveries d \
         LEFT JOIN senders f ON f.id = d.sender_id \
         LEFT JOIN delivery_bodies b ON b.delivery_id = d.id{filter}{end}"
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
