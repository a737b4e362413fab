//! Accounts: users, their sessions, and API tokens.
//!
//! [`Accounts`] is the only entry point. It identifies the owner of a secret
//! ([`Accounts::identify_token`], [`Accounts::identify_session`]), signs users in
//! ([`Accounts::sign_in`], [`Accounts::sign_in_from`], [`Accounts::set_up`]), and
//! changes users and tokens. Each change and each sign-in is one transaction, including
//! its audit log entry.
//!
//! * Secrets are not stored, only hashes: Argon2id for passwords (`passwords`), BLAKE3
//!   for random secrets (`secrets`).
//! * A failed sign-in does not reveal whether an account exists: the response and the
//!   amount of work are the same (`sign_in`).
//! * An identity is cached for one second, so that ingest and event streams do not
//!   query the database for each request. Changes by this process take effect
//!   immediately, those of another replica within that second (`identify`).

mod cache;
mod external;
mod identify;
mod lockout;
mod me;
mod passwords;
mod rows;
mod secrets;
mod set_up;
mod sign_in;
mod strength;
#[cfg(test)]
mod tests;
mod tokens;
mod users;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::Db;
use tocsin_storage::accounts::UserView;

pub use external::{ExternalError, ExternalIdentity};
pub use identify::{AuthError, Identity, Method};
pub use me::{MeDraft, PasswordError};
pub use passwords::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS};
pub use rows::snapshot_user;
pub use secrets::{SessionSecret, random_password};
pub use set_up::SetUpError;
pub use sign_in::SignInError;
pub use tokens::{NewToken, TokenDraft, snapshot_token};
pub use users::UserDraft;

use crate::Clock;

/// Settings of accounts.
#[derive(Clone, Copy, Debug)]
pub struct AccountsSettings {
    /// Idle timeout of a session.
    pub session_idle: Duration,
    /// Maximum lifetime of a session.
    pub session_lifetime: Duration,
    /// Whether users may sign in with e-mail and password.
    pub password_sign_in: bool,
}

impl Default for AccountsSettings {
    fn default() -> Self {
        Self {
            session_idle: Duration::from_secs(12 * 3_600),
            session_lifetime: Duration::from_secs(14 * 86_400),
            password_sign_in: true,
        }
    }
}

/// Client of a sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// Client IP address.
    pub address: Option<IpAddr>,
    /// User agent of the browser; shortened when it is stored.
    pub user_agent: String,
}

/// A successful sign-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The user.
    pub user: UserView,
    /// Secret for the session cookie; it is not stored.
    pub secret: SessionSecret,
    /// ID of the session.
    pub session_id: i64,
    /// Time at which the session ends, even if it is in use.
    pub expires_at: Timestamp,
}

/// Accounts, sessions and tokens. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    clock: Arc<dyn Clock>,
    settings: AccountsSettings,
    hasher: passwords::Hasher,
    strength: strength::StrengthChecker,
    cache: cache::Cache,
}

impl Accounts {
    /// Creates the accounts of a database.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: AccountsSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                db,
                clock,
                settings,
                hasher: passwords::Hasher::new(),
                strength: strength::StrengthChecker::new(),
                cache: cache::Cache::default(),
            }),
        }
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn db(&self) -> &Db {
        &self.shared.db
    }
}
