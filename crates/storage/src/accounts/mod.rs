//! Users, sessions, tokens, setup links and failed logins.
//!
//! Secrets are passed and stored as hashes only. A change of users begins with
//! [`begin_change`], which serializes such changes: the caller can first check a condition
//! ("is this the last administrator?"), and it still holds when the change is applied.

mod failures;
mod sessions;
mod setup;
mod tokens;
mod users;

use sea_orm::Value;

use crate::query;
use crate::{SortKey, StorageError, Tx};

pub use failures::{Failures, delete_old_failures, failure_of, forget_failures, note_failure};
pub use sessions::{
    SessionRow, SessionView, delete_ended_sessions, delete_session, delete_sessions,
    insert_session, session_by_secret, sessions_of, touch_session,
};
pub use setup::{delete_setup_links, insert_setup_link, is_setup_link};
pub use tokens::{
    TokenRow, TokenView, get_token, has_ingest_token, insert_token, list_tokens, revoke_token,
    token_by_secret, touch_token,
};
pub use users::{
    UserRow, UserView, count_enabled_admins, count_users, delete_user, get_user, insert_user,
    list_users, note_sign_in, update_user, user_by_email, user_by_subject,
};

/// Users sorted by ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByUser;

/// Tokens sorted by ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByToken;

impl SortKey for ByUser {
    fn name(self) -> &'static str {
        "users.id"
    }
}

impl SortKey for ByToken {
    fn name(self) -> &'static str {
        "tokens.id"
    }
}

/// Locks the accounts for a change until the transaction ends.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn begin_change(tx: &Tx) -> Result<(), StorageError> {
    tx.execute(
        "INSERT INTO meta (name, value) VALUES ('accounts_version', '1') \
         ON CONFLICT (name) DO UPDATE \
         SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)",
        vec![],
    )
    .await?;
    Ok(())
}

/// Column value of a hash.
fn hash(hash: &[u8; 32]) -> Value {
    hash.to_vec().into()
}

/// Hash of a stored column.
fn read_hash(
    bytes: &[u8],
    table: &'static str,
    column: &'static str,
    id: i64,
) -> Result<[u8; 32], StorageError> {
    bytes
        .try_into()
        .map_err(|_| StorageError::Corrupt { table, column, id })
}

/// Column value of matchers.
fn matchers(matchers: &[String]) -> Value {
    query::texts(matchers)
}

/// Matchers of a stored JSON string.
fn read_matchers(json: &str, table: &'static str, id: i64) -> Result<Vec<String>, StorageError> {
    serde_json::from_str(json).map_err(|_| StorageError::Corrupt {
        table,
        column: "matchers",
        id,
    })
}
