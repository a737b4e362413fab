//! Senders: the peers within a source.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;

use super::bulk::{self, Columns, Content, Rows, Type};
use crate::{StorageError, Tx};

/// A sender: its source and the `externalURL` of its payloads.
pub type SenderKey = (String, String);

const SENDERS: Columns = &[
    ("digest", Type::Bytes),
    ("source", Type::Text),
    ("external_url", Type::Text),
];

#[derive(FromQueryResult)]
struct SenderRow {
    id: i64,
    source: String,
    external_url: String,
}

/// Stores the senders that are missing and returns the IDs of all.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_senders(
    tx: &Tx,
    senders: Vec<SenderKey>,
) -> Result<HashMap<SenderKey, i64>, StorageError> {
    bulk::find_or_store(&Senders { tx }, senders).await
}

struct Senders<'a> {
    tx: &'a Tx,
}

impl Content for Senders<'_> {
    type Key = SenderKey;
    const TABLE: &'static str = "senders";

    async fn find(&self, wanted: &[SenderKey]) -> Result<Vec<(SenderKey, i64)>, StorageError> {
        let keys: Vec<Value> = wanted.iter().map(digest).collect();
        let head = "SELECT id, source, external_url FROM senders WHERE digest";
        Ok(pairs(
            bulk::select_in(self.tx, head, Type::Bytes, keys, "").await?,
        ))
    }

    async fn store(&self, missing: &[SenderKey]) -> Result<Vec<(SenderKey, i64)>, StorageError> {
        let mut rows = Rows::new(SENDERS, missing.len());
        for sender in missing {
            let (source, external_url) = sender.clone();
            rows.push([digest(sender), source.into(), external_url.into()]);
        }
        let tail = "ON CONFLICT (digest) DO NOTHING RETURNING id, source, external_url";
        Ok(pairs(
            bulk::insert_returning(self.tx, Self::TABLE, tail, rows).await?,
        ))
    }
}

fn digest((source, external_url): &SenderKey) -> Value {
    Digest::of_label(source, external_url).0.to_vec().into()
}

fn pairs(rows: Vec<SenderRow>) -> Vec<(SenderKey, i64)> {
    rows.into_iter()
        .map(|row| ((row.source, row.external_url), row.id))
        .collect()
}
