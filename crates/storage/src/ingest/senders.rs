//! Who told: the peers within a source.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;

use super::bulk;
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
    let digest = |sender: &SenderKey| key(&Digest::of_label(&sender.0, &sender.1));
    let pairs = |rows: Vec<Known>| -> Vec<(SenderKey, i64)> {
        rows.into_iter()
            .map(|row| ((row.source, row.external_url), row.id))
            .collect()
    };
    let find = async |wanted: &[SenderKey]| {
        let keys: Vec<Value> = wanted.iter().map(digest).collect();
        let head = "SELECT id, source, external_url FROM senders WHERE digest IN ";
        Ok(pairs(bulk::select_in(tx, head, &[], &keys, "").await?))
    };
    let store = async |missing: &[SenderKey]| {
        let values = missing.iter().flat_map(|sender| {
            [
                digest(sender),
                sender.0.clone().into(),
                sender.1.clone().into(),
            ]
        });
        let rows = bulk::insert_returning(
            tx,
            "INSERT INTO senders (digest, source, external_url) VALUES ",
            3,
            "ON CONFLICT (digest) DO NOTHING RETURNING id, source, external_url",
            values.collect(),
        )
        .await?;
        Ok(pairs(rows))
    };
    bulk::find_or_store(senders, "senders", find, store).await
}
