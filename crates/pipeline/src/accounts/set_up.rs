//! The first administrator, by the link that the program prints at its start.

use tocsin_storage::StorageError;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::{Role, SignInMethod};

use super::passwords::Busy;
use super::rows::{self, email};
use super::{Accounts, ClientInfo, SignedIn, secrets};
use crate::Actor;
use crate::change::{ChangeError, FieldIssue, Issues, name};

/// Why the first administrator was not made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// No link has this token.
    #[error("this link is not known")]
    NotKnown,
    /// There is an administrator already.
    #[error("there is an administrator already")]
    AlreadyDone,
    /// Too many passwords are hashed at this moment.
    #[error("too many people sign in at this moment")]
    Busy,
    /// Fields are wrong; all of them are named.
    #[error("fields are wrong")]
    Invalid(Vec<FieldIssue>),
    /// Fields are as they should be, but will not do: the password is easily
    /// guessed, or the address is another user's.
    #[error("fields will not do")]
    Unfit(Vec<FieldIssue>),
    /// The database.
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
            ChangeError::Unprocessable(issues) => Self::Unfit(issues),
            ChangeError::Conflict { field, message } => {
                Self::Unfit(vec![FieldIssue::new(field, message)])
            }
            ChangeError::Storage(error) => Self::Storage(error),
            ChangeError::Busy => Self::Busy,
            // Nothing else comes of adding a user.
            _ => Self::AlreadyDone,
        }
    }
}

impl Accounts {
    /// Whether nobody may change users: there is no administrator who may sign
    /// in. Not "no user": one who came by single sign-on first, as a viewer,
    /// would lock everybody out. Never where passwords are not used: the first
    /// administrator then comes as the others do.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn needs_set_up(&self) -> Result<bool, StorageError> {
        Ok(self.shared.settings.password_sign_in
            && accounts::count_enabled_admins(self.db()).await? == 0)
    }

    /// Whether there is an administrator who may sign in.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn has_admin(&self) -> Result<bool, StorageError> {
        Ok(accounts::count_enabled_admins(self.db()).await? > 0)
    }

    /// A new secret for a link that makes the first administrator, valid until
    /// there is one; `None` where there is, or where passwords are not used.
    /// Those given before stay valid.
    ///
    /// # Errors
    /// Whatever the database answers.
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

    /// Makes the first administrator, and lets them in. Of several at once, one
    /// succeeds.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub async fn set_up(
        &self,
        token: &str,
        name: &str,
        email: &str,
        password: &str,
        arrival: &ClientInfo,
    ) -> Result<SignedIn, SetUpError> {
        // Nobody makes this program hash without a link.
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
            ..Actor::anonymous(arrival.address)
        };
        let user = rows::add(&tx, &actor, row, now).await?;
        accounts::note_sign_in(&tx, user.id, now).await?;
        self.note_set_up(&tx, &user, arrival).await?;
        let method = SignInMethod::Password;
        let signed_in = self.begin_session(&tx, user, method, arrival, now).await?;
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
        address: &str,
        password: &str,
    ) -> Result<UserRow, SetUpError> {
        let (mut issues, mut unfit) = (Issues::default(), Issues::default());
        let checked = issues.take("name", name(user_name));
        let checked_email = issues.take("email", email(address));
        let about = [user_name, address];
        if let Some(flaw) = self.shared.judge.check(password, &about).await? {
            flaw.add_to(&mut issues, &mut unfit, "password");
        }
        issues.finish_with(unfit)?;
        let now = self.now();
        Ok(UserRow {
            name: checked,
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

    async fn note_set_up(
        &self,
        tx: &tocsin_storage::Tx,
        user: &UserView,
        arrival: &ClientInfo,
    ) -> Result<(), StorageError> {
        let deed = crate::AuditEntry {
            action: "set-up",
            kind: "user",
            id: Some(user.id),
            name: &user.user.email,
            before: None,
            after: None,
        };
        let actor = super::sign_in::of(user, arrival);
        actor.record(tx, &deed, self.now()).await
    }
}
