//! What people change of their own account.

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

/// What a person writes of their own account; all of it is replaced.
#[derive(Clone, Debug)]
pub struct MeDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// The language of the pages; none: the browser's.
    pub language: Option<Language>,
    /// An IANA zone name; none: the browser's.
    pub time_zone: Option<String>,
    /// The look of the pages; none: the system's.
    pub theme: Option<Theme>,
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The present password was wrong too often.
    #[error("too many failed sign-ins; try again in {} s", retry_after.as_secs())]
    Locked {
        /// How long it lasts yet.
        retry_after: Duration,
    },
    /// Too many passwords are hashed at this moment.
    #[error("too many people sign in at this moment")]
    Busy,
    /// A wrong present password is [`ChangeError::Unfit`] of `current`.
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
    /// Rewrites what is a person's own affair.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] with every wrong field; [`ChangeError::NotFound`].
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
            .map(|text| issues.take("timeZone", zone(text)));
        issues.finish()?;
        let (tx, before) = self.take(user_id).await?;
        let row = UserRow {
            name,
            language: draft.language,
            time_zone,
            theme: draft.theme,
            ..before.user.clone()
        };
        self.finish(tx, actor, &before, row, None).await
    }

    /// Gives a person another password, who knows the present one, and ends
    /// their sessions but `keep`. A wrong one counts as a failed sign-in: whoever
    /// found an open browser must not guess on.
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
        let (mut issues, mut unfit) = (Issues::default(), Issues::default());
        issues.take("current", passwords::check_length(current));
        if let Some(flaw) = self.shared.judge.check(new, &[name, email]).await? {
            flaw.add_to(&mut issues, &mut unfit, "new");
        }
        if !new.is_empty() && new == current {
            unfit.add("new", "expected another password than the present one");
        }
        if user.user.password.is_none() {
            unfit.add("current", "this account has no password here");
        }
        issues.finish_with(unfit)?;
        let hash = self.exchange(actor, &user, current, new).await?;
        let (tx, before) = self.take(user_id).await?;
        if before.user.password != user.user.password {
            return Err(wrong().into());
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
        let (tx, user) = self.take(user_id).await?;
        if !accounts::delete_session(&tx, user_id, session_id).await? {
            return Err(ChangeError::NotFound {
                what: "session",
                id: session_id,
            });
        }
        let deed = AuditEntry {
            action: "session.revoke",
            kind: "session",
            id: Some(session_id),
            name: &user.user.email,
            before: None,
            after: None,
        };
        actor.record(&tx, &deed, self.now()).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(())
    }

    /// Ends the sessions of a user but `keep`, and answers how many those were.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`] without such a user.
    pub async fn revoke_other_sessions(
        &self,
        actor: &Actor,
        user_id: i64,
        keep: Option<i64>,
    ) -> Result<u64, ChangeError> {
        let (tx, user) = self.take(user_id).await?;
        let ended = accounts::delete_sessions(&tx, user_id, keep).await?;
        if ended > 0 {
            let number = json!({ "sessions": ended });
            let deed = AuditEntry {
                action: "session.revoke",
                kind: "session",
                id: None,
                name: &user.user.email,
                before: None,
                after: Some(&number),
            };
            actor.record(&tx, &deed, self.now()).await?;
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

    /// The hash of the new password, for one who knows the present one.
    async fn exchange(
        &self,
        actor: &Actor,
        user: &UserView,
        current: &str,
        new: &str,
    ) -> Result<String, PasswordError> {
        let account = lockout::account(&user.user.email);
        let turn = self.shared.hasher.turn().await?;
        self.check_lock(&account).await.map_err(locked)?;
        let stored = user.user.password.as_deref();
        match turn.verify(current, stored).await? {
            PasswordCheck::Right(_) => Ok(turn.hash(new).await?),
            PasswordCheck::Wrong => {
                self.count_failure(Some(user), &account, actor).await?;
                Err(wrong().into())
            }
        }
    }
}

fn locked(error: SignInError) -> PasswordError {
    match error {
        SignInError::Locked { retry_after } => PasswordError::Locked { retry_after },
        SignInError::Storage(error) => error.into(),
        // A lock is all that is looked for.
        _ => PasswordError::Busy,
    }
}

fn wrong() -> ChangeError {
    let message = "this is not the present password";
    ChangeError::Unprocessable(vec![FieldIssue::new("current", message)])
}

fn zone(text: &str) -> Result<String, String> {
    match chrono_tz::Tz::from_str(text) {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => Err("expected an IANA zone name such as Asia/Shanghai or UTC".to_owned()),
    }
}
