//! People whom somebody else vouches for: an OpenID provider, or a proxy that
//! signs people in.

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

/// A person behind a proxy has no session; their visit is written down so often.
const VISIT: Duration = Duration::from_secs(12 * 3_600);

/// Who somebody is, as somebody else says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The OpenID provider; empty for a proxy.
    pub issuer: String,
    /// What the provider calls them for ever; empty for a proxy.
    pub subject: String,
    /// Their mail address; empty where none was told.
    pub email: String,
    /// Whether the address is known to be theirs. Only then it is taken for that
    /// of a user who is here already.
    pub email_verified: bool,
    /// What they are called; empty: by their address.
    pub name: String,
    /// What they may do; none: what they may do here, a new user reads.
    pub role: Option<Role>,
}

/// Why somebody was not let in whom somebody else vouches for.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// Nobody can be made of it without an address.
    #[error("no usable mail address was told")]
    NoEmail,
    /// The address is another user's, and it is not sure that it is theirs.
    #[error("the mail address belongs to another account")]
    NotAllowed,
    /// The user may not sign in.
    #[error("the account is disabled")]
    Disabled,
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<ChangeError> for ExternalError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Storage(error) => Self::Storage(error),
            // All else was looked for before.
            _ => Self::NotAllowed,
        }
    }
}

impl Accounts {
    /// Lets somebody in whom an OpenID provider vouches for, and makes a user of
    /// them the first time.
    ///
    /// # Errors
    /// [`ExternalError`].
    pub async fn sign_in_from(
        &self,
        who: &ExternalIdentity,
        method: SignInMethod,
        arrival: &ClientInfo,
    ) -> Result<SignedIn, ExternalError> {
        let now = self.now();
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        let user = self.known_or_new(&tx, who, arrival, now).await?;
        if !user.user.enabled {
            refused(&tx, &user, arrival, now).await?;
            tx.commit().await?;
            return Err(ExternalError::Disabled);
        }
        accounts::note_sign_in(&tx, user.id, now).await?;
        let signed_in = self.begin_session(&tx, user, method, arrival, now).await?;
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(signed_in)
    }

    /// Who somebody is whom a trusted proxy vouches for, with each request; makes
    /// a user of them the first time.
    ///
    /// # Errors
    /// [`ExternalError`].
    pub async fn external_user(
        &self,
        who: &ExternalIdentity,
        arrival: &ClientInfo,
    ) -> Result<Arc<Identity>, ExternalError> {
        let now = self.now();
        let key = key(who);
        let cache = &self.shared.cache;
        if let Some(identity) = cache.get(&key, now) {
            return Ok(identity);
        }
        let generation = cache.generation();
        let known = accounts::user_by_email(self.db(), who.email.trim()).await?;
        let user = match known {
            Some(user) if is_as_told(&user, who, now) => user,
            _ => self.visit(who, arrival, now).await?,
        };
        if !user.user.enabled {
            return Err(ExternalError::Disabled);
        }
        let identity = Arc::new(Identity::of_user(&user, Method::Proxy, None, key)?);
        cache.keep(generation, &identity, now, None);
        Ok(identity)
    }

    async fn visit(
        &self,
        who: &ExternalIdentity,
        arrival: &ClientInfo,
        now: Timestamp,
    ) -> Result<UserView, ExternalError> {
        let tx = self.db().begin().await?;
        accounts::begin_change(&tx).await?;
        let user = self.known_or_new(&tx, who, arrival, now).await?;
        if user.user.enabled && !is_as_told(&user, who, now) {
            accounts::note_sign_in(&tx, user.id, now).await?;
            sign_in::signed_in(&tx, &user, "proxy", arrival, now).await?;
        }
        tx.commit().await?;
        self.shared.cache.clear();
        Ok(user)
    }

    /// The user, with the role that they are told to have.
    async fn known_or_new(
        &self,
        tx: &Tx,
        who: &ExternalIdentity,
        arrival: &ClientInfo,
        now: Timestamp,
    ) -> Result<UserView, ExternalError> {
        let Some(before) = find(tx, who).await? else {
            let row = new(who, now)?;
            let actor = Actor {
                name: row.name.clone(),
                ..Actor::anonymous(arrival.address)
            };
            return Ok(rows::add(tx, &actor, row, now).await?);
        };
        let mut row = before.user.clone();
        if !who.subject.is_empty() {
            row.issuer = Some(who.issuer.clone());
            row.subject = Some(who.subject.clone());
        }
        // Matchers stay, without effect on an administrator: who is one no longer
        // sees what they saw before, and not everything.
        if let Some(role) = who.role {
            row.role = role;
        }
        if row == before.user {
            return Ok(before);
        }
        // The provider says who is an administrator, also of the last one; the
        // command line and a new set-up link are the way back.
        let actor = sign_in::of(&before, arrival);
        Ok(rows::rewrite(tx, &actor, &before, row, None, now).await?)
    }
}

/// By what the provider calls them, or by the address that is known to be theirs.
async fn find(tx: &Tx, who: &ExternalIdentity) -> Result<Option<UserView>, ExternalError> {
    let by_provider = !who.subject.is_empty();
    if by_provider
        && let Some(user) = accounts::user_by_subject(tx, &who.issuer, &who.subject).await?
    {
        return Ok(Some(user));
    }
    let Some(user) = accounts::user_by_email(tx, who.email.trim()).await? else {
        return Ok(None);
    };
    // An address that the provider gave to somebody else since is no reason to
    // let them into the account.
    let is_of_another = by_provider && user.user.subject.is_some();
    if is_of_another || !who.email_verified {
        return Err(ExternalError::NotAllowed);
    }
    Ok(Some(user))
}

fn new(who: &ExternalIdentity, now: Timestamp) -> Result<UserRow, ExternalError> {
    let address = email(&who.email).map_err(|_| ExternalError::NoEmail)?;
    let called = name(&who.name)
        .or_else(|_| name(address.split('@').next().unwrap_or_default()))
        .unwrap_or_else(|_| address.chars().take(100).collect());
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(UserRow {
        name: called,
        email: address,
        role: who.role.unwrap_or(Role::Viewer),
        matchers: Vec::new(),
        enabled: true,
        password: None,
        issuer: given(&who.subject).and_then(|_| given(&who.issuer)),
        subject: given(&who.subject),
        language: None,
        time_zone: None,
        theme: None,
        created_at: now,
        last_sign_in_at: None,
    })
}

/// Whether nothing is to be written of somebody behind a proxy.
fn is_as_told(user: &UserView, who: &ExternalIdentity, now: Timestamp) -> bool {
    let is_here = |at: Timestamp| at <= now && now.since(at) < VISIT;
    let is_role = who.role.is_none_or(|role| role == user.user.role);
    is_role && user.user.last_sign_in_at.is_some_and(is_here)
}

async fn refused(
    tx: &Tx,
    user: &UserView,
    arrival: &ClientInfo,
    now: Timestamp,
) -> Result<(), StorageError> {
    let deed = AuditEntry {
        action: "sign-in.failed",
        kind: "user",
        id: Some(user.id),
        name: &user.user.email,
        before: None,
        after: None,
    };
    let actor = Actor::anonymous(arrival.address);
    actor.record(tx, &deed, now).await
}

/// What is told of somebody, as one key.
fn key(who: &ExternalIdentity) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("tocsin 2026 person behind a proxy");
    let role = who.role.map_or(u8::MAX, |role| role as u8);
    for text in [&who.issuer, &who.subject, &who.email, &who.name] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.update(&[role]);
    *hasher.finalize().as_bytes()
}
