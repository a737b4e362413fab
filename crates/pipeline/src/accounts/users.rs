//! Creates, updates and deletes users.

use tocsin_storage::Tx;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::Role;

use super::Accounts;
use super::passwords::Busy;
use super::rows::{add, check_last_admin, email, not_found, rewrite, snapshot_user};
use crate::change::{ChangeError, Issues, matchers, name};
use crate::idempotency::{self, Created, IdempotentRequest};
use crate::{Actor, AuditEntry, Expected};

/// Input for a user, by an administrator.
#[derive(Clone)]
pub struct UserDraft {
    /// 1 to 100 characters.
    pub name: String,
    /// E-mail address, up to 254 bytes; unique among users.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Matchers of the visible alerts in Alertmanager's syntax; an administrator has
    /// none.
    pub matchers: Vec<String>,
    /// `None`: true for a new user, unchanged otherwise.
    pub enabled: Option<bool>,
    /// `None`: no password for a new user, unchanged otherwise.
    pub password: Option<String>,
}

impl Accounts {
    /// Creates a user.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] with all invalid fields;
    /// [`ChangeError::Unprocessable`], for example for a weak password;
    /// [`ChangeError::Conflict`] if another user has the e-mail address;
    /// [`ChangeError::KeyReused`]; [`ChangeError::Busy`].
    pub async fn create_user(
        &self,
        actor: &Actor,
        idempotent: Option<&IdempotentRequest>,
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
        if let Some(id) = idempotency::begin(&tx, idempotent, now).await? {
            let object = accounts::get_user(&tx, id).await?;
            return idempotency::replay(object, "user", id);
        }
        let object = add(&tx, actor, row, now).await?;
        idempotency::finish(&tx, idempotent, object.id).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(Created::now(object))
    }

    /// Updates a user. A new password or disabling ends their sessions; a new role or
    /// new matchers take effect with the next request.
    ///
    /// # Errors
    /// As [`Accounts::create_user`]; [`ChangeError::NotFound`];
    /// [`ChangeError::PreconditionFailed`]; [`ChangeError::InvalidState`] if no enabled
    /// administrator would be left.
    pub async fn update_user(
        &self,
        actor: &Actor,
        id: i64,
        expected: Option<&Expected>,
        draft: &UserDraft,
    ) -> Result<UserView, ChangeError> {
        let draft = self.check_draft(draft).await?;
        let (tx, before) = self.begin_user_change(id).await?;
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

    /// Sets the password of a user and ends all their sessions, for users who forgot
    /// it.
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
        let (tx, before) = self.begin_user_change(id).await?;
        let row = UserRow {
            password: Some(hash),
            ..before.user.clone()
        };
        self.finish(tx, actor, &before, row, None).await
    }

    /// Enables or disables a user.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`]; [`ChangeError::InvalidState`] for the last
    /// administrator.
    pub async fn set_enabled(
        &self,
        actor: &Actor,
        id: i64,
        enabled: bool,
    ) -> Result<UserView, ChangeError> {
        let (tx, before) = self.begin_user_change(id).await?;
        let row = UserRow {
            enabled,
            ..before.user.clone()
        };
        check_last_admin(&tx, &before.user, Some(&row)).await?;
        self.finish(tx, actor, &before, row, None).await
    }

    /// Deletes a user with their sessions. The audit log keeps their name.
    ///
    /// # Errors
    /// [`ChangeError::NotFound`]; [`ChangeError::PreconditionFailed`];
    /// [`ChangeError::InvalidState`] for the last administrator.
    pub async fn delete_user(
        &self,
        actor: &Actor,
        id: i64,
        expected: Option<&Expected>,
    ) -> Result<(), ChangeError> {
        let (tx, before) = self.begin_user_change(id).await?;
        let snapshot = snapshot_user(&before);
        Expected::check(expected, &snapshot)?;
        check_last_admin(&tx, &before.user, None).await?;
        accounts::delete_user(&tx, id).await?;
        let entry = AuditEntry {
            action: "user.delete",
            kind: "user",
            id: Some(id),
            name: &before.user.name,
            before: Some(&snapshot),
            after: None,
        };
        actor.record(&tx, &entry, self.now()).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(())
    }

    /// Begins a transaction that changes a user, and returns the current state.
    pub(super) async fn begin_user_change(&self, id: i64) -> Result<(Tx, UserView), ChangeError> {
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        let before = accounts::get_user(&tx, id).await?;
        let before = before.ok_or_else(|| not_found(id))?;
        Ok((tx, before))
    }

    /// Writes the new state of a user and commits. `keep` is the session that a new
    /// password does not end.
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

    /// Checks a new password and returns its hash.
    ///
    /// # Errors
    /// [`ChangeError::Invalid`] and [`ChangeError::Unprocessable`] for `field`;
    /// [`ChangeError::Busy`].
    pub(super) async fn new_password(
        &self,
        password: &str,
        field: &str,
        about: &[&str],
    ) -> Result<String, ChangeError> {
        let (mut issues, mut unprocessable) = (Issues::default(), Issues::default());
        if let Some(weakness) = self.shared.strength.check(password, about).await? {
            weakness.add_to(&mut issues, &mut unprocessable, field);
        }
        issues.finish_with(unprocessable)?;
        self.hash(password).await
    }

    pub(super) async fn hash(&self, password: &str) -> Result<String, ChangeError> {
        let permit = self.shared.hasher.acquire().await?;
        Ok(permit.hash(password).await?)
    }

    /// Validates a draft, and hashes its password.
    async fn check_draft(&self, draft: &UserDraft) -> Result<UserDraft, ChangeError> {
        let (mut issues, mut unprocessable) = (Issues::default(), Issues::default());
        let mut checked = UserDraft {
            name: issues.take("name", name(&draft.name)),
            email: issues.take("email", email(&draft.email)),
            role: draft.role,
            matchers: matchers(&mut issues, &draft.matchers),
            enabled: draft.enabled,
            password: None,
        };
        if draft.role == Role::Admin && !draft.matchers.is_empty() {
            unprocessable.add(
                "matchers",
                "expected none: an administrator sees all alerts",
            );
        }
        if let Some(password) = &draft.password {
            let about = [draft.name.as_str(), draft.email.as_str()];
            if let Some(weakness) = self.shared.strength.check(password, &about).await? {
                weakness.add_to(&mut issues, &mut unprocessable, "password");
            }
        }
        issues.finish_with(unprocessable)?;
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
