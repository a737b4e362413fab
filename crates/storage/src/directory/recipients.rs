//! Recipients of notifications.

use sea_orm::{FromQueryResult, Value};

use super::{BoundRow, ByRecipient, NamedRef, Page, PageRequest, by_owner};
use crate::cursor::Place;
use crate::enums::{Coded, Language};
use crate::query::{self, Conditions, Reads};
use crate::{StorageError, Tx};

/// A recipient with its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientView {
    /// Database ID.
    pub id: i64,
    /// The stored fields.
    pub recipient: RecipientRow,
    /// Groups, sorted by name.
    pub groups: Vec<NamedRef>,
}

/// Fields of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientRow {
    /// Name.
    pub name: String,
    /// E-mail address as entered; unique, ignoring case.
    pub email: String,
    /// Language of notifications.
    pub language: Language,
    /// IANA time zone of the times in notifications.
    pub time_zone: String,
    /// Whether notifications are sent.
    pub enabled: bool,
}

/// One page of the recipients.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn list_recipients(
    db: &impl Reads,
    page: &PageRequest<ByRecipient>,
) -> Result<Page<RecipientView>, StorageError> {
    let mut conditions = Conditions::default();
    page.continue_after(&mut conditions, "r.id", vec![], "r.id");
    let items = select(db, conditions, &page.order_and_limit("r.id", "r.id")).await?;
    Ok(page.page(items, |row| Place {
        value: row.id,
        id: row.id,
        as_of: None,
    }))
}

/// Returns one recipient.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn get_recipient(
    db: &impl Reads,
    id: i64,
) -> Result<Option<RecipientView>, StorageError> {
    let mut conditions = Conditions::default();
    conditions.and("r.id = ?", [Value::from(id)]);
    Ok(select(db, conditions, "").await?.pop())
}

/// Returns the ID of the recipient with this e-mail address, ignoring case.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn recipient_by_email(db: &impl Reads, email: &str) -> Result<Option<i64>, StorageError> {
    let sql = "SELECT id AS n FROM recipients WHERE email_key = ?";
    let values = vec![query::text(&key(email))];
    Ok(query::numbers(db, sql, values).await?.first().copied())
}

/// Returns the groups of a recipient, sorted by name.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn groups_of(db: &impl Reads, recipient_id: i64) -> Result<Vec<NamedRef>, StorageError> {
    let mut groups = groups_of_all(db, &[recipient_id]).await?;
    Ok(groups.remove(&recipient_id).unwrap_or_default())
}

/// Adds a recipient and returns its ID.
///
/// # Errors
/// [`StorageError::Conflict`] if the e-mail address is taken.
pub async fn insert_recipient(tx: &Tx, row: &RecipientRow) -> Result<i64, StorageError> {
    let sql = "INSERT INTO recipients (name, email, email_key, language, time_zone, enabled) \
               VALUES (?, ?, ?, ?, ?, ?) RETURNING id AS n";
    let ids = query::numbers(tx, sql, values(row)).await?;
    ids.first().copied().ok_or(StorageError::Stale("recipient"))
}

/// Replaces the fields of a recipient.
///
/// # Errors
/// [`StorageError::Conflict`] if the e-mail address is taken, [`StorageError::Stale`] if
/// the recipient does not exist.
pub async fn update_recipient(tx: &Tx, id: i64, row: &RecipientRow) -> Result<(), StorageError> {
    let mut values = values(row);
    values.push(id.into());
    let sql = "UPDATE recipients SET name = ?, email = ?, email_key = ?, language = ?, \
               time_zone = ?, enabled = ? WHERE id = ?";
    match tx.execute(sql, values).await? {
        1 => Ok(()),
        _ => Err(StorageError::Stale("recipient")),
    }
}

/// Deletes a recipient that is in no group. Notifications keep the name and address.
/// Returns whether it existed.
///
/// # Errors
/// [`StorageError::Conflict`] if a group contains it.
pub async fn delete_recipient(tx: &Tx, id: i64) -> Result<bool, StorageError> {
    Ok(tx
        .execute("DELETE FROM recipients WHERE id = ?", vec![id.into()])
        .await?
        == 1)
}

fn values(row: &RecipientRow) -> Vec<Value> {
    vec![
        query::text(&row.name),
        query::text(&row.email),
        query::text(&key(&row.email)),
        row.language.code().into(),
        query::text(&row.time_zone),
        row.enabled.into(),
    ]
}

/// Key for comparing e-mail addresses, ignoring case.
fn key(email: &str) -> String {
    tocsin_core::search::fold(email)
}

async fn groups_of_all(
    db: &impl Reads,
    recipients: &[i64],
) -> Result<std::collections::HashMap<i64, Vec<NamedRef>>, StorageError> {
    let sql = format!(
        "SELECT m.recipient_id AS owner, g.id, g.name FROM group_members m \
         JOIN recipient_groups g ON g.id = m.group_id \
         WHERE m.recipient_id IN ({}) ORDER BY g.name{}, g.id",
        query::id_list(db.backend()),
        query::bytewise(db.backend()),
    );
    let rows: Vec<BoundRow> = query::all(db, &sql, vec![query::ids(recipients)]).await?;
    Ok(by_owner(rows))
}

async fn select(
    db: &impl Reads,
    conditions: Conditions,
    end: &str,
) -> Result<Vec<RecipientView>, StorageError> {
    let (filter, values) = conditions.into_where();
    let sql = format!(
        "SELECT r.id, r.name, r.email, r.language, r.time_zone, r.enabled \
         FROM recipients r{filter}{end}"
    );
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut groups = groups_of_all(db, &ids).await?;
    rows.into_iter()
        .map(|row| {
            Ok(RecipientView {
                id: row.id,
                groups: groups.remove(&row.id).unwrap_or_default(),
                recipient: RecipientRow {
                    language: Language::read(row.language, "recipients", "language", row.id)?,
                    name: row.name,
                    email: row.email,
                    time_zone: row.time_zone,
                    enabled: row.enabled,
                },
            })
        })
        .collect()
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    name: String,
    email: String,
    language: i16,
    time_zone: String,
    enabled: bool,
}
