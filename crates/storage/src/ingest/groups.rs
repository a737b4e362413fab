//! Notification groups of the senders: (source, receiver, groupKey), whose
//! firing periods are the threads of the mail.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;

use super::bulk::{self, Columns, Rows, Type};
use crate::{Backend, StorageError, Tx};

/// A group as a delivery names it.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// The source.
    pub source: String,
    /// The receiver's name.
    pub receiver: String,
    /// The sender's key.
    pub group_key: String,
}

/// Where a group stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupState {
    /// The group's number.
    pub id: i64,
    /// Counts the group's firing periods; 0 before the first.
    pub period: i64,
    /// Whether the period goes on.
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

/// Locks the groups against other writers until the transaction ends, in the
/// order of their digests; those that are new are stored first.
///
/// # Errors
/// Whatever the database answers.
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

/// Notes where the groups now stand.
///
/// # Errors
/// Whatever the database answers.
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
