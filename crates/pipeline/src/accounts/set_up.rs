//! Creates the first administrator with the set-up link that the program prints at
//! start.

use tocsin_storage::StorageError;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::{Role, SignInMethod};

use super::passwords::Busy;
use super::rows::{self, email};
use super::{Accounts, ClientInfo, SignedIn, secrets};
use crate::Actor;
use crate::change::{ChangeError, FieldIssue, Issues, name};

/// Reason why the first administrator was not created.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The token is not that of a valid link.
    #[error("unknown set-up link")]
    NotKnown,
    /// There is an administrator already.
    #[error("there is an administrator already")]
    AlreadyDone,
    /// Too many passwords are being hashed.
    #[error("too many concurrent sign-ins")]
    Busy,
    /// Invalid fields; all of them are listed.
    #[error("invalid fields")]
    Invalid(Vec<FieldIssue>),
    /// Valid fields with values that are not accepted: a weak password, or the e-mail
    /// address of another user.
    #[error("values not accepted")]
    Unprocessable(Vec<FieldIssue>),
    /// Error from the database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Busy> for SetUpError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<ChangeError> for SetUpError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid(issues) => Self::Invalid(issues),
            ChangeError::Unprocessable(issues) => Self::Unprocessable(issues),
            ChangeError::Conflict { field, message } => {
                Self::Unprocessable(vec![FieldIssue::new(field, message)])
            }
            ChangeError::Storage(error) => Self::Storage(error),
            ChangeError::Busy => Self::Busy,
            // Creating a user returns no other errors.
            _ => Self::AlreadyDone,
        }
    }
}

impl Accounts {
    /// Whether there is no enabled administrator. Not "no user": a viewer who signed in
    /// by single sign-on first would lock everyone out. Always `false` if passwords are
    /// disabled: the first administrator then signs in like all other users.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn needs_set_up(&self) -> Result<bool, StorageError> {
        Ok(self.shared.settings.password_sign_in
            && accounts::count_enabled_admins(self.db()).await? == 0)
    }

    /// Whether there is an enabled administrator.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn has_admin(&self) -> Result<bool, StorageError> {
        Ok(accounts::count_enabled_admins(self.db()).await? > 0)
    }

    /// Creates the secret of a set-up link, valid until there is an administrator.
    /// Returns `None` if there is one, or if passwords are disabled. Earlier links stay
    /// valid.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn setup_link(&self) -> Result<Option<String>, StorageError> {
        if !self.shared.settings.password_sign_in {
            return Ok(None);
        }
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        if accounts::count_enabled_admins(&tx).await? > 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        let secret = secrets::setup();
        accounts::insert_setup_link(&tx, &secrets::hash(&secret), self.now()).await?;
        tx.commit().await?;
        Ok(Some(secret))
    }

    /// Creates the first administrator and signs them in. Of several concurrent calls,
    /// one succeeds.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub async fn set_up(
        &self,
        token: &str,
        name: &str,
        email: &str,
        password: &str,
        client: &ClientInfo,
    ) -> Result<SignedIn, SetUpError> {
        // Checked first, so that no password is hashed without a valid link.
        self.check_link(token).await?;
        let row = self.first_user(name, email, password).await?;
        let now = self.now();
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        if accounts::count_enabled_admins(&tx).await? > 0 {
            return Err(SetUpError::AlreadyDone);
        }
        if !accounts::is_setup_link(&tx, &secrets::hash(token)).await? {
            return Err(SetUpError::NotKnown);
        }
        let actor = Actor {
            name: row.name.clone(),
            ..Actor::anonymous(client.address)
        };
        let user = rows::add(&tx, &actor, row, now).await?;
        accounts::note_sign_in(&tx, user.id, now).await?;
        self.audit_set_up(&tx, &user, client).await?;
        let method = SignInMethod::Password;
        let signed_in = self.begin_session(&tx, user, method, client, now).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(signed_in)
    }

    async fn check_link(&self, token: &str) -> Result<(), SetUpError> {
        if !self.needs_set_up().await? {
            return Err(SetUpError::AlreadyDone);
        }
        if !secrets::is_setup(token)
            || !accounts::is_setup_link(self.db(), &secrets::hash(token)).await?
        {
            return Err(SetUpError::NotKnown);
        }
        Ok(())
    }

    async fn first_user(
        &self,
        user_name: &str,
        email_address: &str,
        password: &str,
    ) -> Result<UserRow, SetUpError> {
        let (mut issues, mut unprocessable) = (Issues::default(), Issues::default());
        let checked_name = issues.take("name", name(user_name));
        let checked_email = issues.take("email", email(email_address));
        let about = [user_name, email_address];
        if let Some(weakness) = self.shared.strength.check(password, &about).await? {
            weakness.add_to(&mut issues, &mut unprocessable, "password");
        }
        issues.finish_with(unprocessable)?;
        let now = self.now();
        Ok(UserRow {
            name: checked_name,
            email: checked_email,
            role: Role::Admin,
            matchers: Vec::new(),
            enabled: true,
            password: Some(self.hash(password).await?),
            issuer: None,
            subject: None,
            language: None,
            time_zone: None,
            theme: None,
            created_at: now,
            last_sign_in_at: Some(now),
        })
    }

    async fn audit_set_up(
        &self,
        tx: &tocsin_storage::Tx,
        user: &UserView,
        client: &ClientInfo,
    ) -> Result<(), StorageError> {
        let entry = crate::AuditEntry {
            action: "set-up",
            kind: "user",
            id: Some(user.id),
            name: &user.user.email,
            before: None,
            after: None,
        };
        let actor = super::sign_in::actor_of(user, client);
        actor.record(tx, &entry, self.now()).await
    }
}
