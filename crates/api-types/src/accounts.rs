use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Language;

/// What a person may do. Each role may do what the one before it may.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    #[default]
    Viewer,
    /// Acknowledges, writes memos, sends mails again.
    Responder,
    /// Changes recipients, routes, users and tokens, and reads the audit log.
    Admin,
}

/// How the pages look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SignInMethod {
    /// E-mail and password.
    Password,
    /// OpenID Connect.
    Oidc,
    /// A header of a trusted proxy.
    Proxy,
    /// An API token.
    Token,
}

/// What the sign-in page needs to know. It holds nothing that a stranger may
/// not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignInOptions {
    /// There is no account yet: the link that the program printed makes the
    /// first.
    pub set_up: bool,
    /// E-mail and password may be used.
    pub password: bool,
    /// What the button of single sign-on says, where there is one; it leads to
    /// `/api/v1/sign-in/oidc`.
    pub oidc: Option<String>,
    /// This database holds made-up history.
    pub demo: bool,
    /// The default language of the pages.
    pub default_language: Language,
}

/// E-mail and password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// The user's address, in any case.
    #[cfg_attr(
        feature = "openapi",
        schema(
            max_length = 254,
            pattern = r"[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
        )
    )]
    pub email: String,
    /// The password, 1 to 1,024 bytes.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024, format = Password))]
    pub password: String,
}

/// The first administrator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetUp {
    /// What follows `#` in the link that the program printed at its start.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub token: String,
    /// 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// A mail address of up to 254 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Email))]
    pub email: String,
    /// 10 characters or more, and not easily guessed.
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1024, format = Password))]
    pub password: String,
}

/// Who is asking, and what may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The user's number; null for a token.
    pub id: Option<i64>,
    /// The user's or the token's name.
    pub name: String,
    /// The user's address; null for a token.
    pub email: Option<String>,
    /// What may be done.
    pub role: Role,
    /// Only alerts whose labels match all of these are shown; none: all are.
    pub matchers: Vec<String>,
    /// How they came in.
    pub method: SignInMethod,
    /// Whether the user has a password that can be changed.
    pub has_password: bool,
    /// The chosen language; null: the browser's.
    pub language: Option<Language>,
    /// The chosen IANA time zone; null: the browser's.
    pub time_zone: Option<String>,
    /// The chosen theme; null: the system's.
    pub theme: Option<Theme>,
}

/// What a person changes of their own account; all of it is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeInput {
    /// 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// Null or left out: the browser's.
    #[serde(default)]
    pub language: Option<Language>,
    /// An IANA zone name. Null or left out: the browser's.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::TimeZone>))]
    pub time_zone: Option<String>,
    /// Null or left out: the system's.
    #[serde(default)]
    pub theme: Option<Theme>,
}

/// A new password in place of the present one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// The present password.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024, format = Password))]
    pub current: String,
    /// 10 characters or more, and not easily guessed.
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1024, format = Password))]
    pub new: String,
}

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The session's number.
    pub id: i64,
    /// The one that asks.
    pub current: bool,
    /// How it came in.
    pub method: SignInMethod,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends, whatever happens.
    pub expires_at: DateTime<Utc>,
    /// The network address that it came from.
    pub address: String,
    /// What the browser calls itself.
    pub user_agent: String,
}

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's number.
    pub id: i64,
    /// The name, 1 to 100 characters.
    pub name: String,
    /// The mail address; no two users share one.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Only alerts whose labels match all of these are shown; none: all are.
    pub matchers: Vec<String>,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Whether they have a password here.
    pub has_password: bool,
    /// Whether they came by single sign-on.
    pub single_sign_on: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// What is written of a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserInput {
    /// 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// A mail address of up to 254 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Email))]
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Matchers as Alertmanager writes them, such as `team="infra"`; an
    /// administrator has none.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub matchers: Vec<String>,
    /// Left out: true for a new user, unchanged for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// 10 characters or more, and not easily guessed. Left out: none for a new
    /// user, who then comes by single sign-on; unchanged for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1024, format = Password))]
    pub password: Option<String>,
}

/// What a token opens. `admin` includes `respond`, which includes `read`;
/// `ingest` stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Delivers alerts, and can read nothing.
    Ingest,
    /// As a viewer.
    Read,
    /// As a responder.
    Respond,
    /// As an administrator.
    Admin,
}

/// A secret for scripts and senders; the secret itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// The token's number.
    pub id: i64,
    /// The name, 1 to 100 characters.
    pub name: String,
    /// How the secret begins.
    pub hint: String,
    /// What it opens, with what that includes.
    pub scopes: Vec<Scope>,
    /// The role that it has; null for `ingest`.
    pub role: Option<Role>,
    /// The source that its deliveries belong to; null: `?source=` says.
    pub source: Option<String>,
    /// Only alerts whose labels match all of these are shown; none: all are.
    pub matchers: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// When it ends; null: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What is written of a new token: either `scopes` or `role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenInput {
    /// 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// What it opens; `ingest` alone, or others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 4))]
    pub scopes: Option<Vec<Scope>>,
    /// In place of `scopes`: what that role may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// For `ingest`: the source that deliveries belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Source>))]
    pub source: Option<String>,
    /// For `read` and `respond`: matchers as Alertmanager writes them.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub matchers: Vec<String>,
    /// Left out: it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token that was just made: the only time that its secret is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewToken {
    /// The secret. Null where the same request was answered before
    /// (`Idempotency-Key`): it is not kept.
    pub secret: Option<String>,
    /// The token.
    pub token: Token,
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ActorKind {
    /// A person.
    User,
    /// An API token.
    Token,
    /// Somebody at the program's command line.
    CommandLine,
    /// Somebody who was not signed in.
    Anonymous,
}

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor_kind: ActorKind,
    /// The user's or token's number.
    pub actor_id: Option<i64>,
    /// What they were called then.
    pub actor_name: String,
    /// The network address that they came from.
    pub address: Option<String>,
    /// What was done, such as `recipient.update` or `sign-in.failed`.
    pub action: String,
    /// To what, such as `recipient`, `group`, `route`, `user`, `token`, `session`,
    /// `incident`, `notification` or `archive`.
    pub object_kind: String,
    /// Its number, where it is one object.
    pub object_id: Option<i64>,
    /// What it was called then.
    pub object_name: String,
    /// What it was like before, without secrets. A list of more than 100 is cut
    /// to what was changed; its length is in a field beside it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub before: Option<serde_json::Value>,
    /// What it was like after, without secrets.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<serde_json::Value>,
}
