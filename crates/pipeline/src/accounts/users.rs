//! Making, changing and deleting users.

use tocsin_storage::Tx;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::Role;

use super::Accounts;
use super::passwords::Busy;
use super::rows::{add, check_last_admin, email, not_found, rewrite, snapshot_user};
use crate::change::{ChangeError, Issues, matchers, name};
use crate::idempotency::{self, Created, IdempotentRequest};
use crate::{Actor, AuditEntry, Expected};

/// What an administrator writes of a user.
#[derive(Clone)]
pub struct UserDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// A mail address of up to 254 bytes; no two users share one.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Matchers as Alertmanager writes them; an administrator has none.
    pub matchers: Vec<String>,
    /// Left out: yes for a new user, unchanged for another.
    pub enabled: Option<bool>,
    /// Left out: none for a new user, unchanged for another.
    pub password: Option<String>,
}

impl Accounts {
    /// Adds a user.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] with every wrong field; [`ChangeError::Unfit`],
    /// such as with a weak password; [`ChangeError::Conflict`] where the address is another user's; [`ChangeError::KeyReused`];
    /// [`ChangeError::Busy`].
    pub async fn create_user(
        &self,
        actor: &Actor,
        once: Option<&IdempotentRequest>,
        draft: &UserDraft,
    ) -> Result<Created<UserView>, ChangeError> {
        let draft = self.check_draft(draft).await?;
        let now = self.now();
        let row = UserRow {
            name: draft.name,
            email: draft.email,
            role: draft.role,
            matchers: draft.matchers,
            enabled: draft.enabled.unwrap_or(true),
            password: draft.password,
            issuer: None,
            subject: None,
            language: None,
            time_zone: None,
            theme: None,
            created_at: now,
            last_sign_in_at: None,
        };
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        if let Some(id) = idempotency::begin(&tx, once, now).await? {
            let object = accounts::get_user(&tx, id).await?;
            return idempotency::made_before(object, "user", id);
        }
        let object = add(&tx, actor, row, now).await?;
        idempotency::finish(&tx, once, object.id).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(Created::now(object))
    }

    /// Rewrites a user. A new password, and being disabled, end their sessions;
    /// another role or other matchers count from their next request on.
    ///
    /// # Errors
    /// As [`Accounts::create_user`]; [`ChangeError::NotFound`];
    /// [`ChangeError::Changed`]; [`ChangeError::NotNow`] where nobody would be
    /// left who may change users.
    pub async fn update_user(
        &self,
        actor: &Actor,
        id: i64,
        expected: Option<&Expected>,
        draft: &UserDraft,
    ) -> Result<UserView, ChangeError> {
        let draft = self.check_draft(draft).await?;
        let (tx, before) = self.take(id).await?;
        Expected::check(expected, &snapshot_user(&before))?;
        let old = before.user.clone();
        let row = UserRow {
            name: draft.name,
            email: draft.email,
            role: draft.role,
            matchers: draft.matchers,
            enabled: draft.enabled.unwrap_or(old.enabled),
            password: draft.password.or_else(|| old.password.clone()),
            ..old
        };
        check_last_admin(&tx, &before.user, Some(&row)).await?;
        self.finish(tx, actor, &before, row, None).await
    }

    /// Gives a user another password, and ends all their sessions: the way back
    /// in for those who forgot theirs.
    ///
    /// # Errors
    /// As [`Accounts::update_user`].
    pub async fn set_password(
        &self,
        actor: &Actor,
        id: i64,
        password: &str,
    ) -> Result<UserView, ChangeError> {
        let user = accounts::get_user(self.db(), id).await?;
        let UserRow { name, email, .. } = user.ok_or_else(|| not_found(id))?.user;
        let about = [name.as_str(), email.as_str()];
        let hash = self.new_password(password, "password", &about).await?;
        let (tx, before) = self.take(id).await?;
        let row = UserRow {
            password: Some(hash),
            ..before.user.clone()
        };
        self.finish(tx, actor, &before, row, None).await
    }

    /// Lets a user in again, or no more.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`]; [`ChangeError::NotNow`] for the last
    /// administrator.
    pub async fn set_enabled(
        &self,
        actor: &Actor,
        id: i64,
        enabled: bool,
    ) -> Result<UserView, ChangeError> {
        let (tx, before) = self.take(id).await?;
        let row = UserRow {
            enabled,
            ..before.user.clone()
        };
        check_last_admin(&tx, &before.user, Some(&row)).await?;
        self.finish(tx, actor, &before, row, None).await
    }

    /// Deletes a user with their sessions. What they did stays under their name.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`]; [`ChangeError::Changed`];
    /// [`ChangeError::NotNow`] for the last administrator.
    pub async fn delete_user(
        &self,
        actor: &Actor,
        id: i64,
        expected: Option<&Expected>,
    ) -> Result<(), ChangeError> {
        let (tx, before) = self.take(id).await?;
        let snapshot = snapshot_user(&before);
        Expected::check(expected, &snapshot)?;
        check_last_admin(&tx, &before.user, None).await?;
        accounts::delete_user(&tx, id).await?;
        let deed = AuditEntry {
            action: "user.delete",
            kind: "user",
            id: Some(id),
            name: &before.user.name,
            before: Some(&snapshot),
            after: None,
        };
        actor.record(&tx, &deed, self.now()).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(())
    }

    /// A transaction that changes a user, and what the user is like.
    pub(super) async fn take(&self, id: i64) -> Result<(Tx, UserView), ChangeError> {
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        let before = accounts::get_user(&tx, id).await?;
        let before = before.ok_or_else(|| not_found(id))?;
        Ok((tx, before))
    }

    /// Writes what became of a user, and commits. `keep` is the session that
    /// another password does not end.
    pub(super) async fn finish(
        &self,
        tx: Tx,
        actor: &Actor,
        before: &UserView,
        row: UserRow,
        keep: Option<i64>,
    ) -> Result<UserView, ChangeError> {
        let view = rewrite(&tx, actor, before, row, keep, self.now()).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(view)
    }

    /// The hash of a new password that will do.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] and [`ChangeError::Unfit`] of `field`;
    /// [`ChangeError::Busy`].
    pub(super) async fn new_password(
        &self,
        password: &str,
        field: &str,
        about: &[&str],
    ) -> Result<String, ChangeError> {
        let (mut issues, mut unfit) = (Issues::default(), Issues::default());
        if let Some(flaw) = self.shared.judge.check(password, about).await? {
            flaw.add_to(&mut issues, &mut unfit, field);
        }
        issues.finish_with(unfit)?;
        self.hash(password).await
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, ChangeError> {
        let turn = self.shared.hasher.turn().await?;
        Ok(turn.hash(password).await?)
    }

    /// The draft as it would be stored, its password hashed.
    async fn check_draft(&self, draft: &UserDraft) -> Result<UserDraft, ChangeError> {
        let (mut issues, mut unfit) = (Issues::default(), Issues::default());
        let mut checked = UserDraft {
            name: issues.take("name", name(&draft.name)),
            email: issues.take("email", email(&draft.email)),
            role: draft.role,
            matchers: matchers(&mut issues, &draft.matchers),
            enabled: draft.enabled,
            password: None,
        };
        if draft.role == Role::Admin && !draft.matchers.is_empty() {
            unfit.add(
                "matchers",
                "expected none: an administrator sees all alerts",
            );
        }
        if let Some(password) = &draft.password {
            let about = [draft.name.as_str(), draft.email.as_str()];
            if let Some(flaw) = self.shared.judge.check(password, &about).await? {
                flaw.add_to(&mut issues, &mut unfit, "password");
            }
        }
        issues.finish_with(unfit)?;
        if let Some(password) = &draft.password {
            checked.password = Some(self.hash(password).await?);
        }
        Ok(checked)
    }
}

impl From<Busy> for ChangeError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}
