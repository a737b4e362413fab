//! Users who can sign in.

use sea_orm::{FromQueryResult, Value};
use tocsin_core::time::Timestamp;

use super::ByUser;
use crate::cursor::Place;
use crate::enums::{Coded, Language, Role, Theme};
use crate::query::{self, Conditions, Reads};
use crate::{Page, PageRequest, StorageError, Tx};

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserView {
    /// Database ID.
    pub id: i64,
    /// The stored fields.
    pub user: UserRow,
}

/// Fields of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// Name.
    pub name: String,
    /// E-mail address as entered; unique, ignoring case.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Only alerts matching all of these are visible; empty: all.
    pub matchers: Vec<String>,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// Password hash (Argon2id, with parameters); `None`: no login by password.
    pub password: Option<String>,
    /// Issuer URL of the OpenID provider.
    pub issuer: Option<String>,
    /// Subject at that provider; unique per issuer.
    pub subject: Option<String>,
    /// Language of the pages.
    pub language: Option<Language>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// Theme of the pages.
    pub theme: Option<Theme>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last login.
    pub last_sign_in_at: Option<Timestamp>,
}

/// One page of the users.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_users(
    db: &impl Reads,
    page: &PageRequest<ByUser>,
) -> Result<Page<UserView>, StorageError> {
    let mut conditions = Conditions::default();
    page.continue_after(&mut conditions, "u.id", vec![], "u.id");
    let items = select(db, conditions, &page.order_and_limit("u.id", "u.id")).await?;
    Ok(page.page(items, |row| Place {
        value: row.id,
        id: row.id,
        as_of: None,
    }))
}

/// Returns one user.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get_user(db: &impl Reads, id: i64) -> Result<Option<UserView>, StorageError> {
    one(db, "u.id = ?", vec![id.into()]).await
}

/// Returns the user with this e-mail address, ignoring case.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn user_by_email(db: &impl Reads, email: &str) -> Result<Option<UserView>, StorageError> {
    one(db, "u.email_key = ?", vec![query::text(&key(email))]).await
}

/// Returns the user with this subject at an OpenID provider.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn user_by_subject(
    db: &impl Reads,
    issuer: &str,
    subject: &str,
) -> Result<Option<UserView>, StorageError> {
    let values = vec![query::text(issuer), query::text(subject)];
    one(db, "u.issuer = ? AND u.subject = ?", values).await
}

/// Adds a user and returns its ID.
///
/// # Errors
/// [`StorageError::Conflict`] if the e-mail address or subject is taken.
pub async fn insert_user(tx: &Tx, row: &UserRow) -> Result<i64, StorageError> {
    let sql = "INSERT INTO users (name, email, email_key, role, matchers, enabled, password, \
               issuer, subject, language, time_zone, theme, created_at, last_sign_in_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id AS n";
    let ids = query::numbers(tx, sql, values(row)).await?;
    ids.first().copied().ok_or(StorageError::Stale("user"))
}

/// Replaces the fields of a user.
///
/// # Errors
/// [`StorageError::Conflict`] if the e-mail address or subject is taken,
/// [`StorageError::Stale`] if the user does not exist.
pub async fn update_user(tx: &Tx, id: i64, row: &UserRow) -> Result<(), StorageError> {
    let mut values = values(row);
    values.push(id.into());
    let sql = "UPDATE users SET name = ?, email = ?, email_key = ?, role = ?, matchers = ?, \
               enabled = ?, password = ?, issuer = ?, subject = ?, language = ?, time_zone = ?, \
               theme = ?, created_at = ?, last_sign_in_at = ? WHERE id = ?";
    match tx.execute(sql, values).await? {
        1 => Ok(()),
        _ => Err(StorageError::Stale("user")),
    }
}

/// Deletes a user and their sessions. Returns whether the user existed.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn delete_user(tx: &Tx, id: i64) -> Result<bool, StorageError> {
    super::delete_sessions(tx, id, None).await?;
    let sql = "DELETE FROM users WHERE id = ?";
    Ok(tx.execute(sql, vec![id.into()]).await? == 1)
}

/// Counts the users.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn count_users(db: &impl Reads) -> Result<i64, StorageError> {
    count(db, "SELECT COUNT(*) AS n FROM users", vec![]).await
}

/// Counts the administrators who may sign in.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn count_enabled_admins(db: &impl Reads) -> Result<i64, StorageError> {
    let sql = "SELECT COUNT(*) AS n FROM users WHERE enabled AND role = ?";
    count(db, sql, vec![Role::Admin.code().into()]).await
}

/// Records that a user signed in at `at`.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn note_sign_in(tx: &Tx, id: i64, at: Timestamp) -> Result<(), StorageError> {
    let sql = "UPDATE users SET last_sign_in_at = ? WHERE id = ?";
    tx.execute(sql, vec![at.as_micros().into(), id.into()])
        .await?;
    Ok(())
}

async fn count(db: &impl Reads, sql: &str, values: Vec<Value>) -> Result<i64, StorageError> {
    let counted = query::numbers(db, sql, values).await?;
    Ok(counted.first().copied().unwrap_or_default())
}

fn values(row: &UserRow) -> Vec<Value> {
    let text = |text: &Option<String>| -> Value { text.as_deref().map(query::without_nul).into() };
    vec![
        query::text(&row.name),
        query::text(&row.email),
        query::text(&key(&row.email)),
        row.role.code().into(),
        super::matchers(&row.matchers),
        row.enabled.into(),
        text(&row.password),
        text(&row.issuer),
        text(&row.subject),
        row.language.map(Coded::code).into(),
        text(&row.time_zone),
        row.theme.map(Coded::code).into(),
        row.created_at.as_micros().into(),
        row.last_sign_in_at.map(Timestamp::as_micros).into(),
    ]
}

/// Key for comparing e-mail addresses: ASCII lower case. Other letters that Unicode folds
/// are different mailboxes to mail servers, such as one with the KELVIN SIGN in place of a
/// k.
fn key(email: &str) -> String {
    email.to_ascii_lowercase()
}

async fn one(
    db: &impl Reads,
    filter: &str,
    values: Vec<Value>,
) -> Result<Option<UserView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and(filter, values);
    Ok(select(db, conditions, "").await?.pop())
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<UserView>, StorageError> {
    let (filter, values) = conditions.into_where();
    let sql = format!(
        "SELECT u.id, u.name, u.email, u.role, u.matchers, u.enabled, u.password, u.issuer, \
         u.subject, u.language, u.time_zone, u.theme, u.created_at, u.last_sign_in_at \
         FROM users u{filter}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    rows.into_iter().map(Row::into_view).collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    name: String,
    email: String,
    role: i16,
    matchers: String,
    enabled: bool,
    password: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    language: Option<i16>,
    time_zone: Option<String>,
    theme: Option<i16>,
    created_at: i64,
    last_sign_in_at: Option<i64>,
}

impl Row {
    fn into_view(self) -> Result<UserView, StorageError> {
        let (table, id) = ("users", self.id);
        let language = self.language;
        let language = language.map(|code| Language::read(code, table, "language", id));
        let theme = self.theme.map(|code| Theme::read(code, table, "theme", id));
        Ok(UserView {
            id,
            user: UserRow {
                name: self.name,
                email: self.email,
                role: Role::read(self.role, table, "role", id)?,
                matchers: super::read_matchers(&self.matchers, table, id)?,
                enabled: self.enabled,
                password: self.password,
                issuer: self.issuer,
                subject: self.subject,
                language: language.transpose()?,
                time_zone: self.time_zone,
                theme: theme.transpose()?,
                created_at: query::time(self.created_at),
                last_sign_in_at: self.last_sign_in_at.map(query::time),
            },
        })
    }
}
