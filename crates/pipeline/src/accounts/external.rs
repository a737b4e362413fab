//! Users authenticated by an external party: an OpenID provider, or an authenticating
//! proxy.

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::accounts::{self, UserRow, UserView};
use tocsin_storage::enums::{Role, SignInMethod};
use tocsin_storage::{StorageError, Tx};

use super::rows::{self, email};
use super::{Accounts, ClientInfo, Identity, Method, SignedIn, sign_in};
use crate::change::{ChangeError, name};
use crate::{Actor, AuditEntry};

/// Interval at which the sign-in of a proxy user, who has no session, is recorded.
const RECORD_INTERVAL: Duration = Duration::from_secs(12 * 3_600);

/// An identity as the provider or proxy reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// Issuer URL of the OpenID provider; empty for a proxy.
    pub issuer: String,
    /// Permanent subject at the provider; empty for a proxy.
    pub subject: String,
    /// E-mail address; empty if not reported.
    pub email: String,
    /// Whether the e-mail address is verified. Only a verified address is matched with
    /// existing users.
    pub email_verified: bool,
    /// Display name; empty: derived from the e-mail address.
    pub name: String,
    /// Role; `None`: unchanged, and viewer for a new user.
    pub role: Option<Role>,
}

/// Reason why an external identity is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// A user cannot be created without an e-mail address.
    #[error("no usable e-mail address was reported")]
    NoEmail,
    /// The e-mail address belongs to another user, and it is not verified or linked.
    #[error("the e-mail address belongs to another account")]
    NotAllowed,
    /// The user is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// Error from the database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<ChangeError> for ExternalError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Storage(error) => Self::Storage(error),
            // Other errors are checked before.
            _ => Self::NotAllowed,
        }
    }
}

impl Accounts {
    /// Signs in a user of an OpenID provider, and creates the user the first time.
    ///
    /// # Errors
    /// [`ExternalError`].
    pub async fn sign_in_from(
        &self,
        external: &ExternalIdentity,
        method: SignInMethod,
        client: &ClientInfo,
    ) -> Result<SignedIn, ExternalError> {
        let now = self.now();
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        let user = self.find_or_create(&tx, external, client, now).await?;
        if !user.user.enabled {
            record_failure(&tx, &user, client, now).await?;
            tx.commit().await?;
            return Err(ExternalError::Disabled);
        }
        accounts::note_sign_in(&tx, user.id, now).await?;
        let signed_in = self.begin_session(&tx, user, method, client, now).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(signed_in)
    }

    /// Identifies the user that a trusted proxy reports with each request, and creates
    /// the user the first time.
    ///
    /// # Errors
    /// [`ExternalError`].
    pub async fn external_user(
        &self,
        external: &ExternalIdentity,
        client: &ClientInfo,
    ) -> Result<Arc<Identity>, ExternalError> {
        let now = self.now();
        let key = key(external);
        let cache = &self.shared.cache;
        if let Some(identity) = cache.get(&key, now) {
            return Ok(identity);
        }
        let generation = cache.generation();
        let existing = accounts::user_by_email(self.db(), external.email.trim()).await?;
        let user = match existing {
            Some(user) if is_up_to_date(&user, external, now) => user,
            _ => self.record_sign_in(external, client, now).await?,
        };
        if !user.user.enabled {
            return Err(ExternalError::Disabled);
        }
        let identity = Arc::new(Identity::of_user(&user, Method::Proxy, None, key)?);
        cache.keep(generation, &identity, now, None);
        Ok(identity)
    }

    async fn record_sign_in(
        &self,
        external: &ExternalIdentity,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<UserView, ExternalError> {
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        let user = self.find_or_create(&tx, external, client, now).await?;
        if user.user.enabled && !is_up_to_date(&user, external, now) {
            accounts::note_sign_in(&tx, user.id, now).await?;
            sign_in::signed_in(&tx, &user, "proxy", client, now).await?;
        }
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(user)
    }

    /// Returns the user with the reported role; creates it if needed.
    async fn find_or_create(
        &self,
        tx: &Tx,
        external: &ExternalIdentity,
        client: &ClientInfo,
        now: Timestamp,
    ) -> Result<UserView, ExternalError> {
        let Some(before) = find(tx, external).await? else {
            let row = new(external, now)?;
            let actor = Actor {
                name: row.name.clone(),
                ..Actor::anonymous(client.address)
            };
            return Ok(rows::add(tx, &actor, row, now).await?);
        };
        let mut row = before.user.clone();
        if !external.subject.is_empty() {
            row.issuer = Some(external.issuer.clone());
            row.subject = Some(external.subject.clone());
        }
        // Matchers are kept, without effect on an administrator: a former administrator
        // sees the same alerts as before, and not all.
        if let Some(role) = external.role {
            row.role = role;
        }
        if row == before.user {
            return Ok(before);
        }
        // The provider decides about administrators, even the last one; the command
        // line and a new set-up link are the way back.
        let actor = sign_in::actor_of(&before, client);
        Ok(rows::rewrite(tx, &actor, &before, row, None, now).await?)
    }
}

/// Finds a user by subject, or by verified e-mail address.
async fn find(tx: &Tx, external: &ExternalIdentity) -> Result<Option<UserView>, ExternalError> {
    let by_provider = !external.subject.is_empty();
    if by_provider
        && let Some(user) =
            accounts::user_by_subject(tx, &external.issuer, &external.subject).await?
    {
        return Ok(Some(user));
    }
    let Some(user) = accounts::user_by_email(tx, external.email.trim()).await? else {
        return Ok(None);
    };
    // An address that the provider has since reassigned to another user gives no access
    // to the account.
    let is_of_another = by_provider && user.user.subject.is_some();
    if is_of_another || !external.email_verified {
        return Err(ExternalError::NotAllowed);
    }
    Ok(Some(user))
}

fn new(external: &ExternalIdentity, now: Timestamp) -> Result<UserRow, ExternalError> {
    let address = email(&external.email).map_err(|_| ExternalError::NoEmail)?;
    let display_name = name(&external.name)
        .or_else(|_| name(address.split('@').next().unwrap_or_default()))
        .unwrap_or_else(|_| address.chars().take(100).collect());
    let non_empty = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    Ok(UserRow {
        name: display_name,
        email: address,
        role: external.role.unwrap_or(Role::Viewer),
        matchers: Vec::new(),
        enabled: true,
        password: None,
        issuer: non_empty(&external.subject).and_then(|_| non_empty(&external.issuer)),
        subject: non_empty(&external.subject),
        language: None,
        time_zone: None,
        theme: None,
        created_at: now,
        last_sign_in_at: None,
    })
}

/// Whether the stored user of a proxy is up to date.
fn is_up_to_date(user: &UserView, external: &ExternalIdentity, now: Timestamp) -> bool {
    let is_recent = |at: Timestamp| at <= now && now.since(at) < RECORD_INTERVAL;
    let has_role = external.role.is_none_or(|role| role == user.user.role);
    has_role && user.user.last_sign_in_at.is_some_and(is_recent)
}

async fn record_failure(
    tx: &Tx,
    user: &UserView,
    client: &ClientInfo,
    now: Timestamp,
) -> Result<(), StorageError> {
    let entry = AuditEntry {
        action: "sign-in.failed",
        kind: "user",
        id: Some(user.id),
        name: &user.user.email,
        before: None,
        after: None,
    };
    let actor = Actor::anonymous(client.address);
    actor.record(tx, &entry, now).await
}

/// Cache key of an external identity.
fn key(external: &ExternalIdentity) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("tocsin 2026 person behind a proxy");
    let role = external.role.map_or(u8::MAX, |role| role as u8);
    for part in [
        &external.issuer,
        &external.subject,
        &external.email,
        &external.name,
    ] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&[role]);
    *hasher.finalize().as_bytes()
}
