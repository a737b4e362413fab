//! The links that make the first administrator: one for each start of the
//! program while there is no user.

use tocsin_core::time::Timestamp;

use super::hash;
use crate::query::{self, Reads};
use crate::{StorageError, Tx};

/// Notes the hash of a link's token.
///
/// # Errors
/// Whatever the database answers.
pub async fn insert_setup_link(
    tx: &Tx,
    secret: &[u8; 32],
    at: Timestamp,
) -> Result<(), StorageError> {
    let sql = "INSERT INTO setup_links (secret, created_at) VALUES (?, ?)";
    tx.execute(sql, vec![hash(secret), at.as_micros().into()])
        .await?;
    Ok(())
}

/// Whether a link has the token with this hash.
///
/// # Errors
/// Whatever the database answers.
pub async fn is_setup_link(db: &impl Reads, secret: &[u8; 32]) -> Result<bool, StorageError> {
    let sql = "SELECT created_at AS n FROM setup_links WHERE secret = ?";
    let found = query::numbers(db, sql, vec![hash(secret)]).await?;
    Ok(!found.is_empty())
}

/// Makes all links worthless.
///
/// # Errors
/// Whatever the database answers.
pub async fn delete_setup_links(tx: &Tx) -> Result<(), StorageError> {
    tx.execute("DELETE FROM setup_links", vec![]).await?;
    Ok(())
}
