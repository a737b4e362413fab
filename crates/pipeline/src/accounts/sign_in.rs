//! Signing in with e-mail and password, and out.

use std::time::Duration;

use serde_json::json;
use tocsin_core::time::Timestamp;
use tocsin_storage::accounts::{self, SessionRow, UserView};
use tocsin_storage::enums::{ActorKind, SignInMethod};
use tocsin_storage::{StorageError, Tx};

use super::passwords::{Busy, PasswordCheck};
use super::{Accounts, ClientInfo, SessionSecret, SignedIn, lockout, passwords, secrets};
use crate::{Actor, AuditEntry, FieldIssue};

/// The most bytes of an address; longer ones are nobody's.
const MAX_EMAIL: usize = 254;

/// The most characters that are stored of what a browser calls itself.
const MAX_USER_AGENT: usize = 300;

/// Sessions of one user at most; the oldest end.
const MAX_SESSIONS: usize = 100;

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There is no such account, or it has no password, or another one, or is
    /// disabled: it is not said which.
    #[error("e-mail or password is wrong")]
    Wrong,
    /// E-mail and password are not used here.
    #[error("signing in with a password is turned off")]
    Off,
    /// It was wrong too often.
    #[error("too many failed sign-ins; try again in {} s", retry_after.as_secs())]
    Locked {
        /// How long it lasts yet.
        retry_after: Duration,
    },
    /// Too many sign in at this moment.
    #[error("too many people sign in at this moment")]
    Busy,
    /// Fields that cannot be of any account.
    #[error("fields are wrong")]
    Invalid(Vec<FieldIssue>),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Busy> for SignInError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl Accounts {
    /// Lets somebody in by e-mail and password. A wrong password, an account
    /// that is not there, one without a password and a disabled one take the same
    /// work and get the same answer.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        arrival: &ClientInfo,
    ) -> Result<SignedIn, SignInError> {
        if !self.shared.settings.password_sign_in {
            return Err(SignInError::Off);
        }
        let email = email.trim();
        let mut wrong = Vec::new();
        if email.is_empty() {
            wrong.push(FieldIssue::new("email", "expected a mail address"));
        }
        if let Err(message) = passwords::check_length(password) {
            wrong.push(FieldIssue::new("password", message));
        }
        if !wrong.is_empty() {
            return Err(SignInError::Invalid(wrong));
        }
        let account = lockout::account(email);
        self.check_lock(&account).await?;
        let turn = self.shared.hasher.turn().await?;
        // Of many guesses at once, those that waited for their turn know what
        // became of the others.
        self.check_lock(&account).await?;
        let user = match email.len() {
            ..=MAX_EMAIL => accounts::user_by_email(self.db(), email).await?,
            _ => None,
        };
        let stored = user
            .as_ref()
            .filter(|view| view.user.enabled)
            .and_then(|view| view.user.password.as_deref());
        match (turn.verify(password, stored).await?, &user) {
            (PasswordCheck::Right(rehashed), Some(user)) => {
                drop(turn);
                self.let_in(user, rehashed, &account, arrival).await
            }
            _ => {
                self.turn_away(user.as_ref(), &account, arrival).await?;
                Err(SignInError::Wrong)
            }
        }
    }

    /// Ends the session with this secret, if there is one.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn sign_out(&self, secret: &str, actor: &Actor) -> Result<(), StorageError> {
        if !secrets::is_session(secret) {
            return Ok(());
        }
        let tx = self.db().begin().await?;
        let found = accounts::session_by_secret(&tx, &secrets::hash(secret)).await?;
        let Some((session, user)) = found else {
            return tx.rollback().await;
        };
        accounts::delete_session(&tx, user.id, session.id).await?;
        let deed = AuditEntry {
            action: "sign-out",
            kind: "user",
            id: Some(user.id),
            name: &user.user.email,
            before: None,
            after: None,
        };
        actor.record(&tx, &deed, self.now()).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(())
    }

    pub(super) async fn check_lock(&self, account: &[u8; 32]) -> Result<(), SignInError> {
        match lockout::locked_for(self.db(), account, self.now()).await? {
            Some(retry_after) => Err(SignInError::Locked { retry_after }),
            None => Ok(()),
        }
    }

    async fn let_in(
        &self,
        seen: &UserView,
        rehashed: Option<String>,
        account: &[u8; 32],
        arrival: &ClientInfo,
    ) -> Result<SignedIn, SignInError> {
        let now = self.now();
        let tx = self.db().begin().await?;
        // From here on nobody else changes the user.
        let noted = accounts::note_sign_in(&tx, seen.id, now).await;
        let user = accounts::get_user(&tx, seen.id).await?;
        let Some(mut user) =
            user.filter(|user| user.user.enabled && user.user.password == seen.user.password)
        else {
            return Err(SignInError::Wrong);
        };
        noted?;
        if rehashed.is_some() {
            user.user.password = rehashed;
            accounts::update_user(&tx, user.id, &user.user).await?;
        }
        accounts::forget_failures(&tx, account).await?;
        let signed_in = self
            .begin_session(&tx, user, SignInMethod::Password, arrival, now)
            .await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Counts a failure against an account, known or not, and writes it down:
    /// not what was typed, which may be a password in the wrong field.
    async fn turn_away(
        &self,
        user: Option<&UserView>,
        account: &[u8; 32],
        arrival: &ClientInfo,
    ) -> Result<(), StorageError> {
        let actor = Actor::anonymous(arrival.address);
        self.count_failure(user, account, &actor).await
    }

    pub(super) async fn count_failure(
        &self,
        user: Option<&UserView>,
        account: &[u8; 32],
        actor: &Actor,
    ) -> Result<(), StorageError> {
        let now = self.now();
        let tx = self.db().begin().await?;
        let locked_until = lockout::fail(&tx, account, now).await?;
        let mut deed = AuditEntry {
            action: "sign-in.failed",
            kind: "user",
            id: user.map(|view| view.id),
            name: user.map_or("", |view| &view.user.email),
            before: None,
            after: None,
        };
        actor.record(&tx, &deed, now).await?;
        if let Some(until) = locked_until {
            let until = json!({ "lockedUntil": until.to_datetime() });
            deed.action = "sign-in.locked";
            deed.after = Some(&until);
            actor.record(&tx, &deed, now).await?;
        }
        tx.commit().await
    }

    /// A new session of a user, and its line in the audit log.
    pub(super) async fn begin_session(
        &self,
        tx: &Tx,
        user: UserView,
        method: SignInMethod,
        arrival: &ClientInfo,
        now: Timestamp,
    ) -> Result<SignedIn, StorageError> {
        let secret = SessionSecret::random();
        let expires_at = now.plus(self.shared.settings.session_lifetime);
        let address = arrival.address.map(|address| address.to_canonical());
        let row = SessionRow {
            user_id: user.id,
            secret: secrets::hash(secret.as_str()),
            method,
            created_at: now,
            seen_at: now,
            expires_at,
            address: address.map_or_else(String::new, |address| address.to_string()),
            user_agent: arrival
                .user_agent
                .chars()
                .filter(|c| !c.is_control())
                .take(MAX_USER_AGENT)
                .collect(),
        };
        let session_id = accounts::insert_session(tx, &row).await?;
        let sessions = accounts::sessions_of(tx, user.id).await?;
        for old in sessions.iter().skip(MAX_SESSIONS) {
            accounts::delete_session(tx, user.id, old.id).await?;
        }
        let how = match method {
            SignInMethod::Password => "password",
            SignInMethod::Oidc => "oidc",
        };
        signed_in(tx, &user, how, arrival, now).await?;
        Ok(SignedIn {
            user,
            secret,
            session_id,
            expires_at,
        })
    }
}

/// The line in the audit log of a sign-in.
pub(super) async fn signed_in(
    tx: &Tx,
    user: &UserView,
    how: &str,
    arrival: &ClientInfo,
    now: Timestamp,
) -> Result<(), StorageError> {
    let how = json!({ "method": how });
    let deed = AuditEntry {
        action: "sign-in.ok",
        kind: "user",
        id: Some(user.id),
        name: &user.user.email,
        before: None,
        after: Some(&how),
    };
    of(user, arrival).record(tx, &deed, now).await
}

/// A user who comes from somewhere.
pub(super) fn of(user: &UserView, arrival: &ClientInfo) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Some(user.id),
        name: user.user.name.clone(),
        address: arrival.address,
    }
}
