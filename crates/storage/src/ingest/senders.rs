//! Who told: the peers within a source.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;

use super::bulk::{self, Content};
use super::content::key;
use crate::{StorageError, Tx};

/// A sender: its source, and the `externalURL` of its bodies.
pub type SenderKey = (String, String);

#[derive(FromQueryResult)]
struct Known {
    id: i64,
    source: String,
    external_url: String,
}

/// Stores the senders that are not stored yet, and answers the ids of all.
///
/// # Errors
/// Whatever the database answers.
pub async fn put_senders(
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
        let head = "SELECT id, source, external_url FROM senders WHERE digest IN ";
        Ok(pairs(bulk::select_in(self.tx, head, &[], &keys, "").await?))
    }

    async fn store(&self, missing: &[SenderKey]) -> Result<Vec<(SenderKey, i64)>, StorageError> {
        let values = missing.iter().flat_map(|sender| {
            [
                digest(sender),
                sender.0.clone().into(),
                sender.1.clone().into(),
            ]
        });
        let head = "INSERT INTO senders (digest, source, external_url) VALUES ";
        let tail = "ON CONFLICT (digest) DO NOTHING RETURNING id, source, external_url";
        Ok(pairs(
            bulk::insert_returning(self.tx, head, 3, tail, values.collect()).await?,
        ))
    }
}

fn digest((source, external_url): &SenderKey) -> Value {
    key(&Digest::of_label(source, external_url))
}

fn pairs(rows: Vec<Known>) -> Vec<(SenderKey, i64)> {
    rows.into_iter()
        .map(|row| ((row.source, row.external_url), row.id))
        .collect()
}
