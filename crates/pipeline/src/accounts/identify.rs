//! Identifies the owner of a secret.

use std::net::IpAddr;
use std::sync::Arc;

use tocsin_core::matcher::{self, display_list};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_storage::accounts::{self, SessionView, TokenView, UserView};
use tocsin_storage::enums::{Access, ActorKind, Role, SignInMethod};
use tocsin_storage::{Db, StorageError};

use super::cache::{TOUCH_INTERVAL, Touched};
use super::{Accounts, secrets};
use crate::Actor;

/// Method of authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// E-mail and password.
    Password,
    /// OpenID Connect.
    Oidc,
    /// A header of a trusted proxy.
    Proxy,
    /// An API token.
    Token,
}

impl From<SignInMethod> for Method {
    fn from(method: SignInMethod) -> Self {
        match method {
            SignInMethod::Password => Self::Password,
            SignInMethod::Oidc => Self::Oidc,
        }
    }
}

/// An authenticated user or token, with its permissions.
#[derive(Clone, Debug)]
pub struct Identity {
    /// User or token.
    pub actor_kind: ActorKind,
    /// ID of the user or token.
    pub id: i64,
    /// Name of the user or token.
    pub name: String,
    /// E-mail address of the user.
    pub email: Option<String>,
    /// Permissions.
    pub access: Access,
    /// Visible alerts.
    pub visibility: Visibility,
    /// ID of the user's session, if there is one.
    pub session_id: Option<i64>,
    /// Source that an ingest token is bound to.
    pub source: Option<String>,
    /// Method of authentication.
    pub method: Method,
    /// Key in the cache: hash of the secret.
    pub(super) key: [u8; 32],
}

impl Identity {
    /// Returns the actor for the audit log.
    #[must_use]
    pub fn actor(&self, address: Option<IpAddr>) -> Actor {
        Actor {
            kind: self.actor_kind,
            id: Some(self.id),
            name: self.name.clone(),
            address,
        }
    }

    /// Role; `None` for ingest tokens.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.access.role()
    }

    /// Creates the identity of a user.
    pub(super) fn of_user(
        view: &UserView,
        method: Method,
        session_id: Option<i64>,
        key: [u8; 32],
    ) -> Result<Self, StorageError> {
        let UserView { id, user } = view;
        Ok(Self {
            actor_kind: ActorKind::User,
            id: *id,
            name: user.name.clone(),
            email: Some(user.email.clone()),
            access: user.role.into(),
            visibility: match user.role {
                // A user who became an administrator through the provider's groups may
                // still have matchers.
                Role::Admin => Visibility::everything(),
                _ => visibility(&user.matchers, "users", *id)?,
            },
            session_id,
            source: None,
            method,
            key,
        })
    }

    fn of_token(view: &TokenView, key: [u8; 32]) -> Result<Self, StorageError> {
        let TokenView { id, token } = view;
        Ok(Self {
            actor_kind: ActorKind::Token,
            id: *id,
            name: token.name.clone(),
            email: None,
            access: token.access,
            visibility: visibility(&token.matchers, "tokens", *id)?,
            session_id: None,
            source: token.source.clone(),
            method: Method::Token,
            key,
        })
    }

    /// Whether both identities have the same permissions and visibility.
    fn has_access_of(&self, other: &Self) -> bool {
        self.id == other.id
            && self.access == other.access
            && display_list(self.visibility.matchers()) == display_list(other.visibility.matchers())
    }
}

/// Reason why a secret is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Malformed, mistyped, signed out, or its owner was deleted.
    #[error("unknown secret")]
    Unknown,
    /// Expired at this time.
    #[error("expired")]
    Expired(Timestamp),
    /// A token that was revoked at this time.
    #[error("revoked")]
    Revoked(Timestamp),
    /// The user is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// Error from the database.
    #[error(transparent)]
    Unavailable(#[from] StorageError),
}

impl Accounts {
    /// Identifies the owner of an API token.
    ///
    /// # Errors
    /// [`AuthError`]; never [`AuthError::Disabled`].
    pub async fn identify_token(&self, token: &str) -> Result<Arc<Identity>, AuthError> {
        if !secrets::is_token(token) {
            return Err(AuthError::Unknown);
        }
        self.token_of(secrets::hash(token)).await
    }

    /// Identifies the owner of an API token that was used in the last minutes, for use
    /// while the database is down. Grant it access to data in memory only.
    #[must_use]
    pub fn remember_token(&self, token: &str) -> Option<Arc<Identity>> {
        let key = secrets::hash(token);
        self.shared.cache.get_stale(&key, self.now())
    }

    /// Identifies the user of a session.
    ///
    /// # Errors
    /// [`AuthError`]; never [`AuthError::Revoked`].
    pub async fn identify_session(&self, secret: &str) -> Result<Arc<Identity>, AuthError> {
        if !secrets::is_session(secret) {
            return Err(AuthError::Unknown);
        }
        self.session_of(secrets::hash(secret)).await
    }

    /// Whether an identity still has the same permissions and visibility, for
    /// long-running responses such as event streams. Returns `true` if the database is
    /// down.
    pub async fn is_still(&self, identity: &Identity) -> bool {
        let current = match identity.method {
            Method::Token => self.token_of(identity.key).await,
            Method::Password | Method::Oidc => self.session_of(identity.key).await,
            Method::Proxy => self.user_of(identity).await,
        };
        match current {
            Ok(current) => current.has_access_of(identity),
            Err(AuthError::Unavailable(_)) => true,
            Err(_) => false,
        }
    }

    /// Whether there is a valid ingest token; if so, the webhook requires one.
    ///
    /// # Errors
    /// [`StorageError`] from the database. Callers should ask for a retry: senders do
    /// not retry rejected requests.
    pub async fn has_ingest_token(&self) -> Result<bool, StorageError> {
        let now = self.now();
        let cache = &self.shared.cache;
        if let Some(has) = cache.has_ingest_token(now) {
            return Ok(has);
        }
        let generation = cache.generation();
        let has = accounts::has_ingest_token(self.db(), now).await?;
        cache.keep_ingest_token(generation, now, has);
        Ok(has)
    }

    async fn token_of(&self, key: [u8; 32]) -> Result<Arc<Identity>, AuthError> {
        let now = self.now();
        let cache = &self.shared.cache;
        if let Some(identity) = cache.get(&key, now) {
            return Ok(identity);
        }
        let generation = cache.generation();
        let view = accounts::token_by_secret(self.db(), &key).await?;
        let view = view.ok_or(AuthError::Unknown)?;
        if let Some(at) = view.token.revoked_at {
            return Err(AuthError::Revoked(at));
        }
        let ends = view.token.expires_at;
        if let Some(at) = ends.filter(|at| *at <= now) {
            return Err(AuthError::Expired(at));
        }
        let identity = Arc::new(Identity::of_token(&view, key)?);
        cache.keep(generation, &identity, now, ends);
        self.touch(Touched::Token(view.id), view.token.used_at, now);
        Ok(identity)
    }

    async fn session_of(&self, key: [u8; 32]) -> Result<Arc<Identity>, AuthError> {
        let now = self.now();
        let cache = &self.shared.cache;
        if let Some(identity) = cache.get(&key, now) {
            return Ok(identity);
        }
        let generation = cache.generation();
        let found = accounts::session_by_secret(self.db(), &key).await?;
        let (SessionView { id, session }, user) = found.ok_or(AuthError::Unknown)?;
        let idle = session.seen_at.plus(self.shared.settings.session_idle);
        let ends = session.expires_at.min(idle);
        if ends <= now {
            return Err(AuthError::Expired(ends));
        }
        if !user.user.enabled {
            return Err(AuthError::Disabled);
        }
        let method = session.method.into();
        let identity = Arc::new(Identity::of_user(&user, method, Some(id), key)?);
        cache.keep(generation, &identity, now, Some(session.expires_at));
        self.touch(Touched::Session(id), Some(session.seen_at), now);
        Ok(identity)
    }

    /// Reloads a user that was authenticated by a proxy.
    async fn user_of(&self, identity: &Identity) -> Result<Arc<Identity>, AuthError> {
        let user = accounts::get_user(self.db(), identity.id).await?;
        let user = user.ok_or(AuthError::Unknown)?;
        if !user.user.enabled {
            return Err(AuthError::Disabled);
        }
        let current = Identity::of_user(&user, identity.method, None, identity.key)?;
        Ok(Arc::new(current))
    }

    /// Stores the time of use, in the background of the request.
    fn touch(&self, what: Touched, last: Option<Timestamp>, now: Timestamp) {
        let is_fresh = last.is_some_and(|last| now.since(last) < TOUCH_INTERVAL);
        if is_fresh || !self.shared.cache.may_touch(what, now) {
            return;
        }
        let db = self.db().clone();
        tokio::spawn(async move {
            if let Err(error) = store_use(&db, what, now).await {
                tracing::debug!(%error, "the last use of a secret was not stored");
            }
        });
    }
}

async fn store_use(db: &Db, what: Touched, at: Timestamp) -> Result<(), StorageError> {
    let tx = db.begin().await?;
    match what {
        Touched::Session(id) => accounts::touch_session(&tx, id, at).await?,
        Touched::Token(id) => accounts::touch_token(&tx, id, at).await?,
    }
    tx.commit().await
}

fn visibility(
    matchers: &[String],
    table: &'static str,
    id: i64,
) -> Result<Visibility, StorageError> {
    let matchers = matcher::parse_all(matchers);
    // Matchers were in canonical form when they were stored. Unreadable ones must not
    // count as "no matchers".
    let matchers = matchers.map_err(|_| StorageError::Corrupt {
        table,
        column: "matchers",
        id,
    })?;
    Ok(Visibility::of(matchers))
}
