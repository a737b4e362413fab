//! Setup links for creating the first administrator: one per start of the program while
//! there is no user.

use tocsin_core::time::Timestamp;

use super::hash;
use crate::query::{self, Reads};
use crate::{StorageError, Tx};

/// Stores the hash of a setup token.
///
/// # Errors
/// [`StorageError`] from the database.
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

/// Whether a setup link has the token with this hash.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn is_setup_link(db: &impl Reads, secret: &[u8; 32]) -> Result<bool, StorageError> {
    let sql = "SELECT created_at AS n FROM setup_links WHERE secret = ?";
    let found = query::numbers(db, sql, vec![hash(secret)]).await?;
    Ok(!found.is_empty())
}

/// Deletes all setup links.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_setup_links(tx: &Tx) -> Result<(), StorageError> {
    tx.execute("DELETE FROM setup_links", vec![]).await?;
    Ok(())
}
