//! Whose a secret is.

use std::net::IpAddr;
use std::sync::Arc;

use tocsin_core::matcher::{self, display_list};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_storage::accounts::{self, SessionView, TokenView, UserView};
use tocsin_storage::enums::{Access, ActorKind, Role, SignInMethod};
use tocsin_storage::{Db, StorageError};

use super::cache::{TOUCHED_EVERY, Touched};
use super::{Accounts, secrets};
use crate::Actor;

/// How somebody came in.
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

/// Who somebody is, and what they may do.
#[derive(Clone, Debug)]
pub struct Identity {
    /// A person or a token.
    pub actor_kind: ActorKind,
    /// The user's or token's number.
    pub id: i64,
    /// The user's or token's name.
    pub name: String,
    /// The user's address.
    pub email: Option<String>,
    /// What may be done.
    pub access: Access,
    /// Which alerts may be seen.
    pub visibility: Visibility,
    /// The user's session, where there is one.
    pub session_id: Option<i64>,
    /// The source that an ingest token is bound to.
    pub source: Option<String>,
    /// How they came in.
    pub method: Method,
    /// What it was found by: the hash of a secret.
    pub(super) key: [u8; 32],
}

impl Identity {
    /// For the audit log.
    #[must_use]
    pub fn actor(&self, address: Option<IpAddr>) -> Actor {
        Actor {
            kind: self.actor_kind,
            id: Some(self.id),
            name: self.name.clone(),
            address,
        }
    }

    /// What may be done besides delivering.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.access.role()
    }

    /// Of a user.
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
                // Whom a provider's groups raised may have matchers from before.
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

    /// Whether the same may be done and seen.
    fn may_as(&self, other: &Self) -> bool {
        self.id == other.id
            && self.access == other.access
            && display_list(self.visibility.matchers()) == display_list(other.visibility.matchers())
    }
}

/// Why a secret opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It is nobody's: malformed, mistyped, signed out, or of something deleted.
    #[error("it is not known")]
    Unknown,
    /// It was good until then.
    #[error("it has expired")]
    Expired(Timestamp),
    /// A token that was taken back.
    #[error("it was revoked")]
    Revoked(Timestamp),
    /// The user may not sign in any more.
    #[error("the account is disabled")]
    Disabled,
    /// The database.
    #[error(transparent)]
    Unavailable(#[from] StorageError),
}

impl Accounts {
    /// Whose API token this is.
    ///
    /// # Errors
    /// [`Refused`]; never [`Refused::Disabled`].
    pub async fn identify_token(&self, token: &str) -> Result<Arc<Identity>, AuthError> {
        if !secrets::is_token(token) {
            return Err(AuthError::Unknown);
        }
        self.token_of(secrets::hash(token)).await
    }

    /// Whose API token this was a few minutes ago, for when the database cannot
    /// be asked. Who goes by this may be told nothing but what is in memory.
    #[must_use]
    pub fn remember_token(&self, token: &str) -> Option<Arc<Identity>> {
        let key = secrets::hash(token);
        self.shared.cache.remember(&key, self.now())
    }

    /// Whose session this is.
    ///
    /// # Errors
    /// [`Refused`]; never [`Refused::Revoked`].
    pub async fn identify_session(&self, secret: &str) -> Result<Arc<Identity>, AuthError> {
        if !secrets::is_session(secret) {
            return Err(AuthError::Unknown);
        }
        self.session_of(secrets::hash(secret)).await
    }

    /// Whether somebody may still do and see what they could when they were
    /// identified: for what goes on for long, such as a stream of events. Where
    /// the database does not say, they may.
    pub async fn is_still(&self, identity: &Identity) -> bool {
        let again = match identity.method {
            Method::Token => self.token_of(identity.key).await,
            Method::Password | Method::Oidc => self.session_of(identity.key).await,
            Method::Proxy => self.user_of(identity).await,
        };
        match again {
            Ok(again) => again.may_as(identity),
            Err(AuthError::Unavailable(_)) => true,
            Err(_) => false,
        }
    }

    /// Whether any token opens the webhook; then it is closed to those without.
    ///
    /// # Errors
    /// Whatever the database answers. It is to be taken for "try later": a
    /// sender does not repeat what it was refused.
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

    /// A user who came without a secret, read again.
    async fn user_of(&self, identity: &Identity) -> Result<Arc<Identity>, AuthError> {
        let user = accounts::get_user(self.db(), identity.id).await?;
        let user = user.ok_or(AuthError::Unknown)?;
        if !user.user.enabled {
            return Err(AuthError::Disabled);
        }
        let again = Identity::of_user(&user, identity.method, None, identity.key)?;
        Ok(Arc::new(again))
    }

    /// Notes that something was used, beside the request that used it.
    fn touch(&self, what: Touched, last: Option<Timestamp>, now: Timestamp) {
        let is_fresh = last.is_some_and(|last| now.since(last) < TOUCHED_EVERY);
        if is_fresh || !self.shared.cache.may_touch(what, now) {
            return;
        }
        let db = self.db().clone();
        tokio::spawn(async move {
            if let Err(error) = note(&db, what, now).await {
                tracing::debug!(%error, "the last use of a secret was not noted");
            }
        });
    }
}

async fn note(db: &Db, what: Touched, at: Timestamp) -> Result<(), StorageError> {
    let tx = db.begin().await?;
    match what {
        Touched::Session(id) => accounts::touch_session(&tx, id, at).await?,
        Touched::Token(id) => accounts::touch_token(&tx, id, at).await?,
    }
    tx.commit().await
}

fn visibility(texts: &[String], table: &'static str, id: i64) -> Result<Visibility, StorageError> {
    let matchers = matcher::parse_all(texts);
    // They were canonical when they were stored. What cannot be read must not
    // count as no matchers.
    let matchers = matchers.map_err(|_| StorageError::Corrupt {
        table,
        column: "matchers",
        id,
    })?;
    Ok(Visibility::of(matchers))
}
