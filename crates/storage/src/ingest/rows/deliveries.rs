//! Deliveries with their raw bodies, and what is kept of refused ones.

use tocsin_core::alert::{RejectedAlert, Status};
use tocsin_core::time::Timestamp;

use super::count;
use crate::codes::{Coded, DeliveryOutcome};
use crate::ingest::bulk::{self, Columns, Rows, Type};
use crate::{StorageError, Tx};

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
    pub refused: Option<String>,
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
pub async fn put_deliveries(tx: &Tx, deliveries: Vec<NewDelivery>) -> Result<(), StorageError> {
    let mut rows = Rows::new(DELIVERIES, deliveries.len());
    let mut bodies = Rows::new(BODIES, deliveries.len());
    for delivery in deliveries {
        let outcome = match delivery.refused {
            None => DeliveryOutcome::Accepted,
            Some(_) => DeliveryOutcome::Refused,
        };
        if let Some(body) = delivery.body {
            bodies.push([
                delivery.id.into(),
                delivery.received_at.as_micros().into(),
                delivery.refused.is_some().into(),
                body.into(),
            ]);
        }
        rows.push([
            delivery.id.into(),
            delivery.received_at.as_micros().into(),
            delivery.source.into(),
            delivery.sender_id.into(),
            outcome.code().into(),
            delivery.refused.into(),
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
pub async fn put_refused(
    tx: &Tx,
    refused: NewDelivery,
    body_bytes: u64,
) -> Result<(), StorageError> {
    put_deliveries(tx, vec![refused]).await?;
    tx.execute(
        // By time, because numbers of several writers are not in its order.
        "DELETE FROM delivery_bodies WHERE refused AND delivery_id NOT IN (\
         SELECT delivery_id FROM (SELECT delivery_id, SUM(LENGTH(body)) OVER \
         (ORDER BY received_at DESC, delivery_id DESC) AS kept \
         FROM delivery_bodies WHERE refused) AS newest WHERE kept <= ?)",
        vec![i64::try_from(body_bytes).unwrap_or(i64::MAX).into()],
    )
    .await?;
    tx.execute(
        "DELETE FROM deliveries WHERE outcome = 1 AND (received_at, id) <= (\
         SELECT received_at, id FROM deliveries WHERE outcome = 1 \
         ORDER BY received_at DESC, id DESC LIMIT 1 OFFSET ?)",
        vec![MOST_REFUSED.into()],
    )
    .await?;
    tx.execute(
        "DELETE FROM delivery_bodies WHERE refused AND NOT EXISTS (\
         SELECT 1 FROM deliveries WHERE deliveries.id = delivery_bodies.delivery_id)",
        vec![],
    )
    .await?;
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
