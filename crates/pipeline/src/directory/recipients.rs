//! User changes to recipients.

use std::str::FromStr;

use tocsin_core::time::Timestamp;
use tocsin_storage::directory::{self, RecipientRow, RecipientView};
use tocsin_storage::enums::Language;
use tocsin_storage::{Db, StorageError, Tx};

use super::{
    audit_change, check_length, check_missing, check_version, distinct, names, snapshot_recipient,
};
use crate::Actor;
use crate::change::{ChangeError, Expected, Issues, name};
use crate::idempotency::{self, Created, IdempotentRequest};

/// Input for a recipient.
#[derive(Clone, Debug)]
pub struct RecipientDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// E-mail address, up to 254 bytes.
    pub email: String,
    /// `None`: the default.
    pub language: Option<Language>,
    /// IANA time zone. `None`: the default.
    pub time_zone: Option<String>,
    /// `None`: true.
    pub enabled: Option<bool>,
    /// `None`: empty for a new recipient, unchanged otherwise.
    pub group_ids: Option<Vec<i64>>,
}

/// Defaults for new recipients.
#[derive(Clone, Debug)]
pub struct MailDefaults {
    /// Setting `mail.default_language`.
    pub language: Language,
    /// Setting `mail.default_time_zone`, an IANA time zone.
    pub time_zone: String,
}

/// Creates a recipient; a retried request creates no second one.
///
/// # Errors
/// [`ChangeError::Invalid`] with all invalid fields; [`ChangeError::StaleReference`] if
/// a group does not exist; [`ChangeError::Conflict`] if another recipient has the
/// e-mail address; [`ChangeError::KeyReused`].
pub async fn create_recipient(
    db: &Db,
    actor: &Actor,
    idempotent: Option<&IdempotentRequest>,
    draft: &RecipientDraft,
    defaults: &MailDefaults,
    now: Timestamp,
) -> Result<Created<RecipientView>, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    if let Some(id) = idempotency::begin(&tx, idempotent, now).await? {
        let object = directory::get_recipient(&tx, id).await?;
        return idempotency::replay(object, "recipient", id);
    }
    let row = check(&tx, draft, defaults).await?;
    check_unique(&tx, None, &row).await?;
    let id = directory::insert_recipient(&tx, &row).await?;
    let object = set_groups_and_load(&tx, id, draft).await?;
    let after = snapshot_recipient(&object);
    audit_change(&tx, actor, "recipient", None, Some(&after), now).await?;
    idempotency::finish(&tx, idempotent, id).await?;
    tx.commit().await?;
    Ok(Created::now(object))
}

/// Updates a recipient.
///
/// # Errors
/// As [`create_recipient`], [`ChangeError::NotFound`] and
/// [`ChangeError::PreconditionFailed`].
pub async fn update_recipient(
    db: &Db,
    actor: &Actor,
    id: i64,
    expected: Option<&Expected>,
    draft: &RecipientDraft,
    defaults: &MailDefaults,
    now: Timestamp,
) -> Result<RecipientView, ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let before = directory::get_recipient(&tx, id).await?;
    let before = snapshot_recipient(&before.ok_or_else(|| not_found(id))?);
    let row = check(&tx, draft, defaults).await;
    let row = check_version(row, expected, &before)?;
    check_unique(&tx, Some(id), &row).await?;
    directory::update_recipient(&tx, id, &row).await?;
    let object = set_groups_and_load(&tx, id, draft).await?;
    let after = snapshot_recipient(&object);
    audit_change(&tx, actor, "recipient", Some(&before), Some(&after), now).await?;
    tx.commit().await?;
    Ok(object)
}

/// Deletes a recipient. Existing notifications keep the name and e-mail address.
///
/// # Errors
/// [`ChangeError::InUse`] if a group contains it; [`ChangeError::NotFound`];
/// [`ChangeError::PreconditionFailed`].
pub async fn delete_recipient(
    db: &Db,
    actor: &Actor,
    id: i64,
    expected: Option<&Expected>,
    now: Timestamp,
) -> Result<(), ChangeError> {
    let tx = db.begin().await?;
    directory::begin_change(&tx).await?;
    let before = directory::get_recipient(&tx, id).await?;
    let before = snapshot_recipient(&before.ok_or_else(|| not_found(id))?);
    Expected::check(expected, &before)?;
    let groups = directory::groups_of(&tx, id).await?;
    if !groups.is_empty() {
        let (quoted, users) = names(&groups);
        let groups = if users.len() == 1 { "group" } else { "groups" };
        let detail = format!(
            "The recipient is in the {groups} {quoted}. Remove it from the {groups} first, \
             or disable it."
        );
        return Err(ChangeError::InUse { detail, users });
    }
    if !directory::delete_recipient(&tx, id).await? {
        return Err(not_found(id));
    }
    audit_change(&tx, actor, "recipient", Some(&before), None, now).await?;
    Ok(tx.commit().await?)
}

async fn check(
    tx: &Tx,
    draft: &RecipientDraft,
    defaults: &MailDefaults,
) -> Result<RecipientRow, ChangeError> {
    let mut issues = Issues::default();
    let time_zone = draft.time_zone.as_ref().unwrap_or(&defaults.time_zone);
    let row = RecipientRow {
        name: issues.take("name", name(&draft.name)),
        email: issues.take("email", email(&draft.email)),
        language: draft.language.unwrap_or(defaults.language),
        time_zone: issues.take("timeZone", zone(time_zone)),
        enabled: draft.enabled.unwrap_or(true),
    };
    if let Some(ids) = &draft.group_ids {
        check_length(&mut issues, "groupIds", ids);
    }
    issues.finish()?;
    if let Some(ids) = &draft.group_ids {
        let missing = directory::missing_groups(tx, &distinct(ids)).await?;
        check_missing("groupIds", "group", &missing)?;
    }
    Ok(row)
}

async fn check_unique(tx: &Tx, id: Option<i64>, row: &RecipientRow) -> Result<(), ChangeError> {
    match directory::recipient_by_email(tx, &row.email).await? {
        Some(other) if Some(other) != id => Err(ChangeError::Conflict {
            field: "email",
            message: format!("recipient {other} has this e-mail address already"),
        }),
        _ => Ok(()),
    }
}

async fn set_groups_and_load(
    tx: &Tx,
    id: i64,
    draft: &RecipientDraft,
) -> Result<RecipientView, ChangeError> {
    if let Some(ids) = &draft.group_ids {
        directory::set_groups_of_recipient(tx, id, ids).await?;
    }
    let view = directory::get_recipient(tx, id).await?;
    Ok(view.ok_or(StorageError::Stale("recipient"))?)
}

fn email(text: &str) -> Result<String, String> {
    let text = text.trim();
    let address = tocsin_mailer::Address::new("", text);
    match address.check() {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn zone(text: &str) -> Result<String, String> {
    match chrono_tz::Tz::from_str(text) {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => Err("expected an IANA zone name such as Asia/Shanghai or UTC".to_owned()),
    }
}

fn not_found(id: i64) -> ChangeError {
    ChangeError::NotFound {
        what: "recipient",
        id,
    }
}
