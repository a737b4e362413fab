//! Signs users in with e-mail and password, and out.

use std::time::Duration;

use serde_json::json;
use tocsin_core::time::Timestamp;
use tocsin_storage::accounts::{self, SessionRow, UserView};
use tocsin_storage::enums::{ActorKind, SignInMethod};
use tocsin_storage::{StorageError, Tx};

use super::passwords::{Busy, PasswordCheck};
use super::{Accounts, ClientInfo, SessionSecret, SignedIn, lockout, passwords, secrets};
use crate::{Actor, AuditEntry, FieldIssue};

/// Longest e-mail address in bytes; longer ones match no user.
const MAX_EMAIL: usize = 254;

/// Longest stored user agent in characters.
const MAX_USER_AGENT: usize = 300;

/// Limit of sessions per user; the oldest are ended.
const MAX_SESSIONS: usize = 100;

/// Reason why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The account does not exist, has no password or another one, or is disabled. The
    /// response does not distinguish these cases.
    #[error("e-mail or password is wrong")]
    Wrong,
    /// Sign-in with a password is disabled.
    #[error("sign-in with a password is disabled")]
    Off,
    /// Too many failed sign-ins.
    #[error("too many failed sign-ins; try again in {} s", retry_after.as_secs())]
    Locked {
        /// Remaining duration of the lock.
        retry_after: Duration,
    },
    /// Too many concurrent sign-ins.
    #[error("too many concurrent sign-ins")]
    Busy,
    /// Invalid fields.
    #[error("invalid fields")]
    Invalid(Vec<FieldIssue>),
    /// Error from the database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Busy> for SignInError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl Accounts {
    /// Signs a user in. A wrong password, an unknown account, an account without a
    /// password and a disabled one take the same work and return the same error.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        client: &ClientInfo,
    ) -> Result<SignedIn, SignInError> {
        if !self.shared.settings.password_sign_in {
            return Err(SignInError::Off);
        }
        let email = email.trim();
        let mut issues = Vec::new();
        if email.is_empty() {
            issues.push(FieldIssue::new("email", "expected an e-mail address"));
        }
        if let Err(message) = passwords::check_length(password) {
            issues.push(FieldIssue::new("password", message));
        }
        if !issues.is_empty() {
            return Err(SignInError::Invalid(issues));
        }
        let account = lockout::account(email);
        self.check_lock(&account).await?;
        let permit = self.shared.hasher.acquire().await?;
        // Checked again: other attempts may have failed while this one waited.
        self.check_lock(&account).await?;
        let user = match email.len() {
            ..=MAX_EMAIL => accounts::user_by_email(self.db(), email).await?,
            _ => None,
        };
        let stored = user
            .as_ref()
            .filter(|view| view.user.enabled)
            .and_then(|view| view.user.password.as_deref());
        match (permit.verify(password, stored).await?, &user) {
            (PasswordCheck::Right(rehashed), Some(user)) => {
                drop(permit);
                self.complete_sign_in(user, rehashed, &account, client)
                    .await
            }
            _ => {
                self.record_failure(user.as_ref(), &account, client).await?;
                Err(SignInError::Wrong)
            }
        }
    }

    /// Ends the session with this secret, if there is one.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
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
        let entry = AuditEntry {
            action: "sign-out",
            kind: "user",
            id: Some(user.id),
            name: &user.user.email,
            before: None,
            after: None,
        };
        actor.record(&tx, &entry, self.now()).await?;
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

    async fn complete_sign_in(
        &self,
        verified: &UserView,
        rehashed: Option<String>,
        account: &[u8; 32],
        client: &ClientInfo,
    ) -> Result<SignedIn, SignInError> {
        let now = self.now();
        let tx = self.db().begin().await?;
        // This locks the user until the commit.
        let sign_in_noted = accounts::note_sign_in(&tx, verified.id, now).await;
        let user = accounts::get_user(&tx, verified.id).await?;
        let Some(mut user) =
            user.filter(|user| user.user.enabled && user.user.password == verified.user.password)
        else {
            return Err(SignInError::Wrong);
        };
        sign_in_noted?;
        if rehashed.is_some() {
            user.user.password = rehashed;
            accounts::update_user(&tx, user.id, &user.user).await?;
        }
        accounts::forget_failures(&tx, account).await?;
        let signed_in = self
            .begin_session(&tx, user, SignInMethod::Password, client, now)
            .await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    /// Counts and logs a failed sign-in, for unknown accounts too. The input is not
    /// logged, because it may be a password in the wrong field.
    async fn record_failure(
        &self,
        user: Option<&UserView>,
        account: &[u8; 32],
        client: &ClientInfo,
    ) -> Result<(), StorageError> {
        let actor = Actor::anonymous(client.address);
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
        let locked_until = lockout::record_failure(&tx, account, now).await?;
        let mut entry = AuditEntry {
            action: "sign-in.failed",
            kind: "user",
            id: user.map(|view| view.id),
            name: user.map_or("", |view| &view.user.email),
            before: None,
            after: None,
        };
        actor.record(&tx, &entry, now).await?;
        if let Some(until) = locked_until {
            let until = json!({ "lockedUntil": until.to_datetime() });
            entry.action = "sign-in.locked";
            entry.after = Some(&until);
            actor.record(&tx, &entry, now).await?;
        }
        tx.commit().await
    }

    /// Creates a session of a user, with its audit log entry.
    pub(super) async fn begin_session(
        &self,
        tx: &Tx,
        user: UserView,
        method: SignInMethod,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<SignedIn, StorageError> {
        let secret = SessionSecret::random();
        let expires_at = now.plus(self.shared.settings.session_lifetime);
        let address = client.address.map(|address| address.to_canonical());
        let row = SessionRow {
            user_id: user.id,
            secret: secrets::hash(secret.as_str()),
            method,
            created_at: now,
            seen_at: now,
            expires_at,
            address: address.map_or_else(String::new, |address| address.to_string()),
            user_agent: client
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
        let method = match method {
            SignInMethod::Password => "password",
            SignInMethod::Oidc => "oidc",
        };
        signed_in(tx, &user, method, client, now).await?;
        Ok(SignedIn {
            user,
            secret,
            session_id,
            expires_at,
        })
    }
}

/// Writes the audit log entry of a sign-in.
pub(super) async fn signed_in(
    tx: &Tx,
    user: &UserView,
    method: &str,
    client: &ClientInfo,
    now: Timestamp,
) -> Result<(), StorageError> {
    let details = json!({ "method": method });
    let entry = AuditEntry {
        action: "sign-in.ok",
        kind: "user",
        id: Some(user.id),
        name: &user.user.email,
        before: None,
        after: Some(&details),
    };
    actor_of(user, client).record(tx, &entry, now).await
}

/// Returns the user as an actor with the client's address.
pub(super) fn actor_of(user: &UserView, client: &ClientInfo) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Some(user.id),
        name: user.user.name.clone(),
        address: client.address,
    }
}
