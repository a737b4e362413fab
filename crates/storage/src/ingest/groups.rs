//! Alert groups of the senders: (source, receiver, groupKey). Each firing period of a group
//! is one e-mail thread.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;

use super::bulk::{self, Columns, Rows, Type};
use crate::{Backend, StorageError, Tx};

/// An alert group as a delivery identifies it.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// The source.
    pub source: String,
    /// Receiver name.
    pub receiver: String,
    /// Group key of the sender.
    pub group_key: String,
}

/// State of an alert group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// Database ID.
    pub id: i64,
    /// Firing periods so far; 0 before the first.
    pub period: i64,
    /// Whether the period is still firing.
    pub firing: bool,
}

const GROUPS: Columns = &[
    ("digest", Type::Bytes),
    ("source", Type::Text),
    ("receiver", Type::Text),
    ("group_key", Type::Text),
];

#[derive(FromQueryResult)]
struct GroupRow {
    id: i64,
    digest: Vec<u8>,
    period: i64,
    firing: bool,
}

/// Locks the groups against other writers until the transaction ends, in the order of their
/// digests; new groups are stored first.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn lock_groups(
    tx: &Tx,
    groups: &HashMap<Digest, NewGroup>,
) -> Result<HashMap<Digest, GroupState>, StorageError> {
    let mut wanted: Vec<Digest> = groups.keys().copied().collect();
    wanted.sort_unstable();
    let mut found = find(tx, &wanted).await?;
    let missing: Vec<&Digest> = wanted.iter().filter(|d| !found.contains_key(d)).collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let mut rows = Rows::new(GROUPS, missing.len());
    for digest in missing {
        let group = &groups[digest];
        rows.push([
            key(digest),
            group.source.clone().into(),
            group.receiver.clone().into(),
            group.group_key.clone().into(),
        ]);
    }
    let tail = "ON CONFLICT (digest) DO NOTHING RETURNING id, digest, period, firing";
    let rows = bulk::insert_returning(tx, "alert_groups", tail, rows).await?;
    found.extend(states(rows));
    let contested: Vec<Digest> = wanted
        .iter()
        .filter(|digest| !found.contains_key(digest))
        .copied()
        .collect();
    if !contested.is_empty() {
        found.extend(find(tx, &contested).await?);
    }
    Ok(found)
}

/// Stores the new state of the groups.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn save_groups(tx: &Tx, groups: &[GroupState]) -> Result<(), StorageError> {
    for group in groups {
        tx.execute(
            "UPDATE alert_groups SET period = ?, firing = ? WHERE id = ?",
            vec![group.period.into(), group.firing.into(), group.id.into()],
        )
        .await?;
    }
    Ok(())
}

async fn find(tx: &Tx, wanted: &[Digest]) -> Result<HashMap<Digest, GroupState>, StorageError> {
    let keys: Vec<Value> = wanted.iter().map(key).collect();
    let lock = match tx.backend {
        Backend::Sqlite => "",
        Backend::Postgres => "ORDER BY digest FOR UPDATE",
    };
    let head = "SELECT id, digest, period, firing FROM alert_groups WHERE digest";
    Ok(states(bulk::select_in(tx, head, Type::Bytes, keys, lock).await?).collect())
}

fn states(rows: Vec<GroupRow>) -> impl Iterator<Item = (Digest, GroupState)> {
    rows.into_iter().filter_map(|row| {
        let state = GroupState {
            id: row.id,
            period: row.period,
            firing: row.firing,
        };
        Some((Digest(row.digest.try_into().ok()?), state))
    })
}

fn key(digest: &Digest) -> Value {
    digest.0.to_vec().into()
}
