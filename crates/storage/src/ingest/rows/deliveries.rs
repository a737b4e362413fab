//! Deliveries with their raw bodies, including rejected requests.

use sea_orm::FromQueryResult;
use tocsin_core::alert::{RejectedAlert, Status};
use tocsin_core::time::Timestamp;

use super::count;
use crate::enums::{Coded, DeliveryOutcome};
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::retention::by_ids;
use crate::{StorageError, Tx, query};

/// A delivery with its compressed raw body.
#[derive(Clone, Debug, Default)]
pub struct NewDelivery {
    /// Database ID.
    pub id: i64,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// Source.
    pub source: String,
    /// Sender ID; `None` for a rejected request.
    pub sender_id: Option<i64>,
    /// Reason for the rejection; `None` for an accepted delivery.
    pub reject_reason: Option<String>,
    /// Receiver name.
    pub receiver: String,
    /// Group key of the sender.
    pub group_key: String,
    /// Status of the group.
    pub status: Option<Status>,
    /// Payload version.
    pub version: String,
    /// Alerts in the payload.
    pub alerts: usize,
    /// Alerts that the sender left out (`truncatedAlerts`).
    pub truncated_alerts: u64,
    /// Alerts that opened an incident.
    pub opened: usize,
    /// Alerts that resolved an incident.
    pub resolved: usize,
    /// Alerts that repeated the current state after the deduplication window.
    pub refreshed: usize,
    /// Duplicates: alerts that repeated the current state within the window.
    pub seen_again: usize,
    /// Alerts with new content, logged as updates.
    pub updated: usize,
    /// Alerts received out of order.
    pub late: usize,
    /// Alerts that could not be parsed.
    pub rejected: Vec<RejectedAlert>,
    /// Alerts whose notification reached no recipient.
    pub unrouted: usize,
    /// Size of the raw body before compression, in bytes.
    pub body_bytes: usize,
    /// Raw body, compressed with zstd; `None` if it is not kept.
    pub body: Option<Vec<u8>>,
}

const DELIVERIES: Columns = &[
    ("id", Type::Big),
    ("received_at", Type::Big),
    ("source", Type::Text),
    ("sender_id", Type::Big),
    ("outcome", Type::Small),
    ("reason", Type::MaybeText),
    ("receiver", Type::Text),
    ("group_key", Type::Text),
    ("status", Type::Small),
    ("version", Type::Text),
    ("alerts", Type::Big),
    ("truncated_alerts", Type::Big),
    ("opened", Type::Big),
    ("resolved", Type::Big),
    ("refreshed", Type::Big),
    ("seen_again", Type::Big),
    ("updated", Type::Big),
    ("late", Type::Big),
    ("rejected", Type::Text),
    ("unrouted", Type::Big),
    ("body_bytes", Type::Big),
];

const BODIES: Columns = &[
    ("delivery_id", Type::Big),
    ("received_at", Type::Big),
    ("refused", Type::Bool),
    ("body", Type::Bytes),
];

/// Stores deliveries.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_deliveries(tx: &Tx, deliveries: Vec<NewDelivery>) -> Result<(), StorageError> {
    let mut rows = Rows::new(DELIVERIES, deliveries.len());
    let mut bodies = Rows::new(BODIES, deliveries.len());
    for delivery in deliveries {
        let outcome = match delivery.reject_reason {
            None => DeliveryOutcome::Accepted,
            Some(_) => DeliveryOutcome::Refused,
        };
        if let Some(body) = delivery.body {
            bodies.push([
                delivery.id.into(),
                delivery.received_at.as_micros().into(),
                delivery.reject_reason.is_some().into(),
                body.into(),
            ]);
        }
        rows.push([
            delivery.id.into(),
            delivery.received_at.as_micros().into(),
            delivery.source.into(),
            delivery.sender_id.into(),
            outcome.code().into(),
            delivery.reject_reason.into(),
            delivery.receiver.into(),
            delivery.group_key.into(),
            delivery.status.map(Coded::code).into(),
            delivery.version.into(),
            count(delivery.alerts),
            i64::try_from(delivery.truncated_alerts)
                .unwrap_or(i64::MAX)
                .into(),
            count(delivery.opened),
            count(delivery.resolved),
            count(delivery.refreshed),
            count(delivery.seen_again),
            count(delivery.updated),
            count(delivery.late),
            rejected_json(&delivery.rejected).into(),
            count(delivery.unrouted),
            count(delivery.body_bytes),
        ]);
    }
    bulk::insert(tx, "deliveries", "", rows).await?;
    bulk::insert(tx, "delivery_bodies", "", bodies).await
}

/// Maximum number of rejected requests that are kept.
const MAX_REJECTED: i64 = 10_000;

/// Stores a rejected request, then deletes the oldest ones beyond 10,000 requests or
/// `body_bytes` of compressed bodies.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_rejected(
    tx: &Tx,
    rejected: NewDelivery,
    body_bytes: u64,
) -> Result<(), StorageError> {
    insert_deliveries(tx, vec![rejected]).await?;
    let most = i64::try_from(body_bytes).unwrap_or(i64::MAX);
    delete_oldest_bodies(tx, most).await?;
    delete_oldest_rejected(tx).await
}

/// Number of oldest bodies examined at a time.
const OLDEST: i64 = 100;

/// Deletes the oldest rejected bodies until the rest takes at most `most` bytes. It runs
/// for every rejected request, so few bodies are deleted at a time; the sum is read from
/// the index of rejected bodies.
async fn delete_oldest_bodies(tx: &Tx, most: i64) -> Result<(), StorageError> {
    #[derive(FromQueryResult)]
    struct Body {
        delivery_id: i64,
        bytes: i64,
    }
    let sql = "SELECT CAST(COALESCE(SUM(LENGTH(body)), 0) AS BIGINT) AS n \
               FROM delivery_bodies WHERE refused";
    let kept = query::numbers(tx, sql, vec![]).await?;
    let mut over = kept.first().copied().unwrap_or_default() - most;
    while over > 0 {
        // By time: IDs of several writers are not in the order of time.
        let sql = "SELECT delivery_id, CAST(LENGTH(body) AS BIGINT) AS bytes \
                   FROM delivery_bodies WHERE refused \
                   ORDER BY received_at, delivery_id LIMIT ?";
        let oldest: Vec<Body> = query::all(tx, sql, vec![OLDEST.into()]).await?;
        let mut deleted = Vec::new();
        for body in oldest {
            if over <= 0 {
                break;
            }
            over -= body.bytes;
            deleted.push(body.delivery_id);
        }
        if deleted.is_empty() {
            break;
        }
        by_ids(
            tx,
            "DELETE FROM delivery_bodies WHERE delivery_id IN ({list})",
            &deleted,
        )
        .await?;
    }
    Ok(())
}

/// Deletes the oldest rejected deliveries beyond [`MAX_REJECTED`], with their bodies.
async fn delete_oldest_rejected(tx: &Tx) -> Result<(), StorageError> {
    let sql = "SELECT COUNT(*) AS n FROM deliveries WHERE outcome = 1";
    let kept = query::numbers(tx, sql, vec![]).await?;
    let over = kept.first().copied().unwrap_or_default() - MAX_REJECTED;
    if over <= 0 {
        return Ok(());
    }
    let sql = "SELECT id AS n FROM deliveries WHERE outcome = 1 ORDER BY received_at, id LIMIT ?";
    let deleted = query::numbers(tx, sql, vec![over.into()]).await?;
    by_ids(
        tx,
        "DELETE FROM delivery_bodies WHERE delivery_id IN ({list})",
        &deleted,
    )
    .await?;
    by_ids(tx, "DELETE FROM deliveries WHERE id IN ({list})", &deleted).await?;
    Ok(())
}

fn rejected_json(rejected: &[RejectedAlert]) -> String {
    if rejected.is_empty() {
        return "[]".to_owned();
    }
    let list: Vec<serde_json::Value> = rejected
        .iter()
        .map(|alert| serde_json::json!({"index": alert.index, "reason": alert.reason}))
        .collect();
    serde_json::Value::from(list).to_string()
}
