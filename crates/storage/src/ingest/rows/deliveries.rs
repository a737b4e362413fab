//! Deliveries with their raw bodies, and what is kept of refused ones.

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
    /// Its number.
    pub id: i64,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The source that it is counted to.
    pub source: String,
    /// The sender; `None` for a refused one.
    pub sender_id: Option<i64>,
    /// Why it was refused; `None` for an accepted one.
    pub reject_reason: Option<String>,
    /// The receiver's name.
    pub receiver: String,
    /// The sender's key of the group.
    pub group_key: String,
    /// The group's status.
    pub status: Option<Status>,
    /// The body's version.
    pub version: String,
    /// Alerts in the body.
    pub alerts: usize,
    /// Alerts that the sender left out.
    pub truncated_alerts: u64,
    /// Alerts that opened an incident.
    pub opened: usize,
    /// Alerts that closed one.
    pub resolved: usize,
    /// Alerts that repeated a known state after the window.
    pub refreshed: usize,
    /// Alerts that repeated a known state within the window.
    pub seen_again: usize,
    /// Alerts whose new content is in the log.
    pub updated: usize,
    /// Alerts that told an overtaken state.
    pub late: usize,
    /// Alerts that could not be read.
    pub rejected: Vec<RejectedAlert>,
    /// Alerts that owed mail and reached nobody.
    pub unrouted: usize,
    /// The raw body's size before compression, in bytes.
    pub body_bytes: usize,
    /// The raw body, compressed with zstd; `None` where it is not kept.
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

/// Stores accepted deliveries.
///
/// # Errors
/// Whatever the database answers.
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

/// What is kept of refused requests.
const MOST_REFUSED: i64 = 10_000;

/// Stores a refused request and drops the oldest ones, so that at most 10,000
/// of them, and `body_bytes` of their compressed bodies, are kept.
///
/// # Errors
/// Whatever the database answers.
pub async fn insert_rejected(
    tx: &Tx,
    refused: NewDelivery,
    body_bytes: u64,
) -> Result<(), StorageError> {
    insert_deliveries(tx, vec![refused]).await?;
    let most = i64::try_from(body_bytes).unwrap_or(i64::MAX);
    drop_bodies(tx, most).await?;
    delete_oldest_rejected(tx).await
}

/// Refused deliveries that are looked at together, the oldest first.
const OLDEST: i64 = 100;

/// Drops the oldest refused bodies until what is left takes `most` bytes. As
/// it is done each time, few have to go; all are added up along the index of
/// refused ones.
async fn drop_bodies(tx: &Tx, most: i64) -> Result<(), StorageError> {
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
        // By time, because numbers of several writers are not in its order.
        let sql = "SELECT delivery_id, CAST(LENGTH(body) AS BIGINT) AS bytes \
                   FROM delivery_bodies WHERE refused \
                   ORDER BY received_at, delivery_id LIMIT ?";
        let oldest: Vec<Body> = query::all(tx, sql, vec![OLDEST.into()]).await?;
        let mut gone = Vec::new();
        for body in oldest {
            if over <= 0 {
                break;
            }
            over -= body.bytes;
            gone.push(body.delivery_id);
        }
        if gone.is_empty() {
            break;
        }
        by_ids(
            tx,
            "DELETE FROM delivery_bodies WHERE delivery_id IN ({list})",
            &gone,
        )
        .await?;
    }
    Ok(())
}

/// Drops the oldest refused deliveries beyond [`MOST_REFUSED`], with their
/// bodies.
async fn delete_oldest_rejected(tx: &Tx) -> Result<(), StorageError> {
    let sql = "SELECT COUNT(*) AS n FROM deliveries WHERE outcome = 1";
    let kept = query::numbers(tx, sql, vec![]).await?;
    let over = kept.first().copied().unwrap_or_default() - MOST_REFUSED;
    if over <= 0 {
        return Ok(());
    }
    let sql = "SELECT id AS n FROM deliveries WHERE outcome = 1 ORDER BY received_at, id LIMIT ?";
    let gone = query::numbers(tx, sql, vec![over.into()]).await?;
    by_ids(
        tx,
        "DELETE FROM delivery_bodies WHERE delivery_id IN ({list})",
        &gone,
    )
    .await?;
    by_ids(tx, "DELETE FROM deliveries WHERE id IN ({list})", &gone).await?;
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
