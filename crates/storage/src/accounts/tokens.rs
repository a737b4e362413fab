//! API tokens and ingest tokens.

use sea_orm::FromQueryResult;
use tocsin_core::time::Timestamp;

use super::{ByToken, hash, read_hash};
use crate::cursor::Place;
use crate::enums::{Access, Coded};
use crate::query::{self, Conditions, Reads};
use crate::{Page, PageRequest, StorageError, Tx};

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// Database ID.
    pub id: i64,
    /// The stored fields.
    pub token: TokenRow,
}

/// Fields of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Name.
    pub name: String,
    /// Hash of the secret; unique.
    pub secret: [u8; 32],
    /// First characters of the secret.
    pub hint: String,
    /// Scope.
    pub access: Access,
    /// Source of its deliveries.
    pub source: Option<String>,
    /// Only alerts matching all of these are visible; empty: all.
    pub matchers: Vec<String>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Name of the user who created it.
    pub created_by: String,
    /// Expiry; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Time of the last use, to the minute.
    pub used_at: Option<Timestamp>,
    /// Time of revocation.
    pub revoked_at: Option<Timestamp>,
}

/// Adds a token and returns its ID.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_token(tx: &Tx, row: &TokenRow) -> Result<i64, StorageError> {
    let sql = "INSERT INTO tokens (name, secret, hint, access, source, matchers, created_at, \
               created_by, expires_at, used_at, revoked_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS n";
    let values = vec![
        query::text(&row.name),
        hash(&row.secret),
        query::text(&row.hint),
        row.access.code().into(),
        row.source.as_deref().map(query::without_nul).into(),
        super::matchers(&row.matchers),
        row.created_at.as_micros().into(),
        query::text(&row.created_by),
        row.expires_at.map(Timestamp::as_micros).into(),
        row.used_at.map(Timestamp::as_micros).into(),
        row.revoked_at.map(Timestamp::as_micros).into(),
    ];
    let ids = query::numbers(tx, sql, values).await?;
    ids.first().copied().ok_or(StorageError::Stale("token"))
}

/// One page of the tokens, including revoked ones.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_tokens(
    db: &impl Reads,
    page: &PageRequest<ByToken>,
) -> Result<Page<TokenView>, StorageError> {
    let mut conditions = Conditions::default();
    page.continue_after(&mut conditions, "t.id", vec![], "t.id");
    let items = select(db, conditions, &page.order_and_limit("t.id", "t.id")).await?;
    Ok(page.page(items, |row| Place {
        value: row.id,
        id: row.id,
        as_of: None,
    }))
}

/// Returns one token.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get_token(db: &impl Reads, id: i64) -> Result<Option<TokenView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("t.id = ?", [id.into()]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Returns the token with this secret. The caller checks whether it is still valid.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn token_by_secret(
    db: &impl Reads,
    secret: &[u8; 32],
) -> Result<Option<TokenView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("t.secret = ?", [hash(secret)]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Revokes a token permanently. Returns whether it existed and was not revoked.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn revoke_token(tx: &Tx, id: i64, at: Timestamp) -> Result<bool, StorageError> {
    let sql = "UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL";
    let values = vec![at.as_micros().into(), id.into()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Records that a token was used at `at`; an earlier time than the stored one is ignored.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn touch_token(tx: &Tx, id: i64, at: Timestamp) -> Result<(), StorageError> {
    let sql = "UPDATE tokens SET used_at = ? WHERE id = ? AND (used_at IS NULL OR used_at < ?)";
    let at = at.as_micros();
    tx.execute(sql, vec![at.into(), id.into(), at.into()])
        .await?;
    Ok(())
}

/// Whether a token for the webhook is valid at `now`.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn has_ingest_token(db: &impl Reads, now: Timestamp) -> Result<bool, StorageError> {
    let sql = "SELECT id AS n FROM tokens WHERE access = ? AND revoked_at IS NULL \
               AND (expires_at IS NULL OR expires_at > ?) LIMIT 1";
    let values = vec![Access::Ingest.code().into(), now.as_micros().into()];
    Ok(!query::numbers(db, sql, values).await?.is_empty())
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<TokenView>, StorageError> {
    let (filter, values) = conditions.into_where();
    let sql = format!(
        "SELECT t.id, t.name, t.secret, t.hint, t.access, t.source, t.matchers, t.created_at, \
         t.created_by, t.expires_at, t.used_at, t.revoked_at FROM tokens t{filter}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let view = |row: Row| {
        let (table, id) = ("tokens", row.id);
        Ok(TokenView {
            id,
            token: TokenRow {
                name: row.name,
                secret: read_hash(&row.secret, table, "secret", id)?,
                hint: row.hint,
                access: Access::read(row.access, table, "access", id)?,
                source: row.source,
                matchers: super::read_matchers(&row.matchers, table, id)?,
                created_at: query::time(row.created_at),
                created_by: row.created_by,
                expires_at: row.expires_at.map(query::time),
                used_at: row.used_at.map(query::time),
                revoked_at: row.revoked_at.map(query::time),
            },
        })
    };
    rows.into_iter().map(view).collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    name: String,
    secret: Vec<u8>,
    hint: String,
    access: i16,
    source: Option<String>,
    matchers: String,
    created_at: i64,
    created_by: String,
    expires_at: Option<i64>,
    used_at: Option<i64>,
    revoked_at: Option<i64>,
}
