//! Who may do what: people, their sessions, and API tokens.
//!
//! [`Accounts`] is the one door. It says who a secret belongs to
//! ([`Accounts::identify_token`], [`Accounts::identify_session`]), lets people in
//! ([`Accounts::sign_in`], [`Accounts::sign_in_from`], [`Accounts::set_up`]), and
//! changes users and tokens. Each change and each sign-in is one transaction with
//! its line in the audit log.
//!
//! * No secret is stored, only what it cannot be reckoned back from: a password
//!   as Argon2id makes it (`passwords`), a random secret as BLAKE3 does
//!   (`secrets`).
//! * Who is not let in learns nothing of which accounts there are: the same
//!   answer after the same work (`sign_in`).
//! * What was read of an identity is used for a second, so that ingest and event
//!   streams do not ask the database each time; changes by this process count at
//!   once, those of another replica within that second (`identify`).

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

/// What the settings say of accounts.
#[derive(Clone, Copy, Debug)]
pub struct AccountsSettings {
    /// A session that is not used for so long ends.
    pub session_idle: Duration,
    /// A session ends after so long, whatever happens.
    pub session_lifetime: Duration,
    /// Whether e-mail and password may be used.
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

/// Where somebody comes from who wants to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The network address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself; cut to what is stored of it.
    pub user_agent: String,
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: UserView,
    /// For the cookie; it is not kept.
    pub secret: SessionSecret,
    /// The session's number.
    pub session_id: i64,
    /// When the session ends, whatever happens.
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
    judge: strength::StrengthChecker,
    cache: cache::Cache,
}

impl Accounts {
    /// Accounts of a database.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: AccountsSettings) -> Self {
        Self {
            shared: Arc::new(Shared {
                db,
                clock,
                settings,
                hasher: passwords::Hasher::new(),
                judge: strength::StrengthChecker::new(),
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
