//! Changes that users make to their own account.

use std::str::FromStr;
use std::time::Duration;

use serde_json::json;
use tocsin_storage::StorageError;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::{Language, Theme};

use super::passwords::{Busy, PasswordCheck};
use super::rows::not_found;
use super::{Accounts, SignInError, lockout, passwords};
use crate::change::{ChangeError, FieldIssue, Issues, name};
use crate::{Actor, AuditEntry};

/// Input for the own account; all fields are replaced.
#[derive(Clone, Debug)]
pub struct MeDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// Language of the pages; `None`: that of the browser.
    pub language: Option<Language>,
    /// IANA time zone; `None`: that of the browser.
    pub time_zone: Option<String>,
    /// Theme of the pages; `None`: that of the system.
    pub theme: Option<Theme>,
}

/// Reason why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The current password was wrong too often.
    #[error("too many failed sign-ins; try again in {} s", retry_after.as_secs())]
    Locked {
        /// Remaining duration of the lock.
        retry_after: Duration,
    },
    /// Too many passwords are being hashed.
    #[error("too many concurrent sign-ins")]
    Busy,
    /// Any other error; a wrong current password is [`ChangeError::Unprocessable`] for
    /// `current`.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<Busy> for PasswordError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<StorageError> for PasswordError {
    fn from(error: StorageError) -> Self {
        Self::Change(error.into())
    }
}

impl Accounts {
    /// Updates the own account.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] with all invalid fields; [`ChangeError::NotFound`].
    pub async fn update_me(
        &self,
        actor: &Actor,
        user_id: i64,
        draft: &MeDraft,
    ) -> Result<UserView, ChangeError> {
        let mut issues = Issues::default();
        let name = issues.take("name", name(&draft.name));
        let time_zone = draft
            .time_zone
            .as_deref()
            .map(|name| issues.take("timeZone", zone(name)));
        issues.finish()?;
        let (tx, before) = self.begin_user_change(user_id).await?;
        let row = UserRow {
            name,
            language: draft.language,
            time_zone,
            theme: draft.theme,
            ..before.user.clone()
        };
        self.finish(tx, actor, &before, row, None).await
    }

    /// Changes the own password and ends all sessions but `keep`. A wrong current
    /// password counts as a failed sign-in, so that it cannot be guessed in an
    /// unattended browser.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub async fn change_password(
        &self,
        actor: &Actor,
        user_id: i64,
        current: &str,
        new: &str,
        keep: Option<i64>,
    ) -> Result<(), PasswordError> {
        let user = accounts::get_user(self.db(), user_id).await?;
        let user = user.ok_or_else(|| not_found(user_id))?;
        let UserRow { name, email, .. } = &user.user;
        let (mut issues, mut unprocessable) = (Issues::default(), Issues::default());
        issues.take("current", passwords::check_length(current));
        if let Some(weakness) = self.shared.strength.check(new, &[name, email]).await? {
            weakness.add_to(&mut issues, &mut unprocessable, "new");
        }
        if !new.is_empty() && new == current {
            unprocessable.add("new", "expected a password other than the current one");
        }
        if user.user.password.is_none() {
            unprocessable.add("current", "this account has no password");
        }
        issues.finish_with(unprocessable)?;
        let hash = self.verify_and_hash(actor, &user, current, new).await?;
        let (tx, before) = self.begin_user_change(user_id).await?;
        if before.user.password != user.user.password {
            return Err(wrong_password().into());
        }
        let row = UserRow {
            password: Some(hash),
            ..before.user.clone()
        };
        self.finish(tx, actor, &before, row, keep).await?;
        Ok(())
    }

    /// Ends one session of a user.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`].
    pub async fn revoke_session(
        &self,
        actor: &Actor,
        user_id: i64,
        session_id: i64,
    ) -> Result<(), ChangeError> {
        let (tx, user) = self.begin_user_change(user_id).await?;
        if !accounts::delete_session(&tx, user_id, session_id).await? {
            return Err(ChangeError::NotFound {
                what: "session",
                id: session_id,
            });
        }
        let entry = AuditEntry {
            action: "session.revoke",
            kind: "session",
            id: Some(session_id),
            name: &user.user.email,
            before: None,
            after: None,
        };
        actor.record(&tx, &entry, self.now()).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(())
    }

    /// Ends the sessions of a user except `keep`, and returns their number.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] if the user does not exist.
    pub async fn revoke_other_sessions(
        &self,
        actor: &Actor,
        user_id: i64,
        keep: Option<i64>,
    ) -> Result<u64, ChangeError> {
        let (tx, user) = self.begin_user_change(user_id).await?;
        let ended = accounts::delete_sessions(&tx, user_id, keep).await?;
        if ended > 0 {
            let details = json!({ "sessions": ended });
            let entry = AuditEntry {
                action: "session.revoke",
                kind: "session",
                id: None,
                name: &user.user.email,
                before: None,
                after: Some(&details),
            };
            actor.record(&tx, &entry, self.now()).await?;
        }
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(ended)
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// As [`Accounts::revoke_other_sessions`].
    pub async fn end_sessions_of(&self, actor: &Actor, user_id: i64) -> Result<u64, ChangeError> {
        self.revoke_other_sessions(actor, user_id, None).await
    }

    /// Verifies the current password and returns the hash of the new one.
    async fn verify_and_hash(
        &self,
        actor: &Actor,
        user: &UserView,
        current: &str,
        new: &str,
    ) -> Result<String, PasswordError> {
        let account = lockout::account(&user.user.email);
        let permit = self.shared.hasher.acquire().await?;
        self.check_lock(&account).await.map_err(locked)?;
        let stored = user.user.password.as_deref();
        match permit.verify(current, stored).await? {
            PasswordCheck::Right(_) => Ok(permit.hash(new).await?),
            PasswordCheck::Wrong => {
                self.count_failure(Some(user), &account, actor).await?;
                Err(wrong_password().into())
            }
        }
    }
}

fn locked(error: SignInError) -> PasswordError {
    match error {
        SignInError::Locked { retry_after } => PasswordError::Locked { retry_after },
        SignInError::Storage(error) => error.into(),
        // `check_lock` returns no other errors.
        _ => PasswordError::Busy,
    }
}

fn wrong_password() -> ChangeError {
    let message = "this is not the current password";
    ChangeError::Unprocessable(vec![FieldIssue::new("current", message)])
}

fn zone(name: &str) -> Result<String, String> {
    match chrono_tz::Tz::from_str(name) {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => Err("expected an IANA zone name such as Asia/Shanghai or UTC".to_owned()),
    }
}
