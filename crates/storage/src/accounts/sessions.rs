//! Sessions of signed-in users.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use super::{UserView, get_user, hash, read_hash};
use crate::enums::{Coded, SignInMethod};
use crate::query::{self, Conditions, Reads};
use crate::{StorageError, Tx};

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Database ID.
    pub id: i64,
    /// The stored fields.
    pub session: SessionRow,
}

/// Fields of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// User ID.
    pub user_id: i64,
    /// Hash of the session secret; unique.
    pub secret: [u8; 32],
    /// Login method.
    pub method: SignInMethod,
    /// Time of the login.
    pub created_at: Timestamp,
    /// Time of the last use, to the minute.
    pub seen_at: Timestamp,
    /// Absolute expiry.
    pub expires_at: Timestamp,
    /// Network address of the login.
    pub address: String,
    /// User agent of the browser.
    pub user_agent: String,
}

/// Adds a session and returns its ID.
///
/// # Errors
/// [`StorageError::Conflict`] if the user does not exist.
pub async fn insert_session(tx: &Tx, row: &SessionRow) -> Result<i64, StorageError> {
    let sql = "INSERT INTO sessions (user_id, secret, method, created_at, seen_at, expires_at, \
               address, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS n";
    let values = vec![
        row.user_id.into(),
        hash(&row.secret),
        row.method.code().into(),
        row.created_at.as_micros().into(),
        row.seen_at.as_micros().into(),
        row.expires_at.as_micros().into(),
        query::text(&row.address),
        query::text(&row.user_agent),
    ];
    let ids = query::numbers(tx, sql, values).await?;
    ids.first().copied().ok_or(StorageError::Stale("session"))
}

/// Returns the session with this secret, and its user. The caller checks whether it is
/// still valid.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn session_by_secret(
    db: &impl Reads,
    secret: &[u8; 32],
) -> Result<Option<(SessionView, UserView)>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("s.secret = ?", [hash(secret)]);
    let Some(session) = select(db, conditions, "").await?.pop() else {
        return Ok(None);
    };
    let user = get_user(db, session.session.user_id).await?;
    Ok(user.map(|user| (session, user)))
}

/// Returns a user's sessions, newest first, including expired ones that are not deleted
/// yet.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn sessions_of(db: &impl Reads, user_id: i64) -> Result<Vec<SessionView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("s.user_id = ?", [user_id.into()]);
    select(db, conditions, " ORDER BY s.created_at DESC, s.id DESC").await
}

/// Ends one session of a user. Returns whether it existed.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_session(tx: &Tx, user_id: i64, id: i64) -> Result<bool, StorageError> {
    let sql = "DELETE FROM sessions WHERE id = ? AND user_id = ?";
    Ok(tx.execute(sql, vec![id.into(), user_id.into()]).await? == 1)
}

/// Ends all sessions of a user except `except` and returns how many.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_sessions(
    tx: &Tx,
    user_id: i64,
    except: Option<i64>,
) -> Result<u64, StorageError> {
    // No session has the ID 0.
    let sql = "DELETE FROM sessions WHERE user_id = ? AND id <> ?";
    let values = vec![user_id.into(), except.unwrap_or_default().into()];
    tx.execute(sql, values).await
}

/// Records that a session was used at `at`; an earlier time than the stored one is ignored.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn touch_session(tx: &Tx, id: i64, at: Timestamp) -> Result<(), StorageError> {
    let sql = "UPDATE sessions SET seen_at = ? WHERE id = ? AND seen_at < ?";
    let at = at.as_micros();
    tx.execute(sql, vec![at.into(), id.into(), at.into()])
        .await?;
    Ok(())
}

/// Deletes at most `limit` sessions that expired before `expired_before` or were last used
/// before `idle_before`, and returns how many.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_ended_sessions(
    tx: &Tx,
    expired_before: Timestamp,
    idle_before: Timestamp,
    limit: u32,
) -> Result<u64, StorageError> {
    let sql = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions \
               WHERE expires_at < ? OR seen_at < ? ORDER BY expires_at LIMIT ?)";
    let values = vec![
        expired_before.as_micros().into(),
        idle_before.as_micros().into(),
        i64::from(limit).into(),
    ];
    tx.execute(sql, values).await
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<SessionView>, StorageError> {
    let (filter, values) = conditions.into_where();
    let sql = format!(
        "SELECT s.id, s.user_id, s.secret, s.method, s.created_at, s.seen_at, s.expires_at, \
         s.address, s.user_agent FROM sessions s{filter}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let view = |row: Row| {
        let (table, id) = ("sessions", row.id);
        Ok(SessionView {
            id,
            session: SessionRow {
                user_id: row.user_id,
                secret: read_hash(&row.secret, table, "secret", id)?,
                method: SignInMethod::read(row.method, table, "method", id)?,
                created_at: query::time(row.created_at),
                seen_at: query::time(row.seen_at),
                expires_at: query::time(row.expires_at),
                address: row.address,
                user_agent: row.user_agent,
            },
        })
    };
    rows.into_iter().map(view).collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    user_id: i64,
    secret: Vec<u8>,
    method: i16,
    created_at: i64,
    seen_at: i64,
    expires_at: i64,
    address: String,
    user_agent: String,
}
