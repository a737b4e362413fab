//! Who may do what: users, their sessions, tokens, and the audit log.
//!
//! A secret is only here as its hash, of which it cannot be reckoned back: a
//! password as Argon2id makes it, a random secret (session, token, set-up link)
//! as BLAKE3 does, because nobody can guess 256 random bits.

use sea_orm_migration::prelude::*;

use crate::dialect;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::run(manager, ACCOUNTS).await?;
        dialect::run(manager, AUDIT).await
    }
}

/// `matchers` is a JSON list of texts; empty: all alerts are shown. `issuer` and
/// `subject` are who an OpenID provider says that it is. A token's `access` says
/// what it opens. `sign_in_failures.account` is the hash of an address in lower
/// case, known or not, so that a row tells nobody which accounts there are.
const ACCOUNTS: &str = "
CREATE TABLE users (
    id {key},
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    role SMALLINT NOT NULL,
    matchers TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    password TEXT,
    issuer TEXT,
    subject TEXT,
    language SMALLINT,
    time_zone TEXT,
    theme SMALLINT,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT
);

CREATE UNIQUE INDEX users_subject ON users (issuer, subject);

CREATE TABLE sessions (
    id {key},
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret {bytes} NOT NULL UNIQUE,
    method SMALLINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);

CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_end ON sessions (expires_at);

CREATE TABLE tokens (
    id {key},
    name TEXT NOT NULL,
    secret {bytes} NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    access SMALLINT NOT NULL,
    source TEXT,
    matchers TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE setup_links (
    secret {bytes} NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE TABLE sign_in_failures (
    account {bytes} NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    failed_at BIGINT NOT NULL,
    locked_until BIGINT
);

CREATE INDEX sign_in_failures_age ON sign_in_failures (failed_at);

CREATE TABLE idempotency (
    caller TEXT NOT NULL,
    secret {bytes} NOT NULL,
    request {bytes} NOT NULL,
    object_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (caller, secret)
);

CREATE INDEX idempotency_age ON idempotency (at)
";

/// The names are copied: a line says what was true then, whoever is renamed or
/// deleted later.
const AUDIT: &str = "
CREATE TABLE audit_entries (
    id {key},
    at BIGINT NOT NULL,
    actor_kind SMALLINT NOT NULL,
    actor_id BIGINT,
    actor_name TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id BIGINT,
    object_name TEXT NOT NULL,
    before TEXT,
    after TEXT
);

CREATE INDEX audit_entries_at ON audit_entries (at, id);
CREATE INDEX audit_entries_actor ON audit_entries (actor_kind, actor_id, at, id);
CREATE INDEX audit_entries_object ON audit_entries (object_kind, object_id, at, id);
CREATE INDEX audit_entries_action ON audit_entries (action, at, id)
";
