use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Language;

/// Permissions of a user. Each role includes the permissions of the previous one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read access.
    #[default]
    Viewer,
    /// Also acknowledges and closes incidents, writes notes and resends
    /// notifications.
    Responder,
    /// Also manages recipients, groups, routes, users and tokens, and reads the
    /// audit log.
    Admin,
}

/// Color theme of the web pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Light theme.
    Light,
    /// Dark theme.
    Dark,
}

/// Authentication method of a session or request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SignInMethod {
    /// E-mail address and password.
    Password,
    /// OpenID Connect.
    Oidc,
    /// Header set by a trusted proxy.
    Proxy,
    /// API token.
    Token,
}

/// Available sign-in methods. Public: contains no sensitive data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignInOptions {
    /// Whether no account exists yet. The setup link printed at startup creates
    /// the first one.
    pub set_up: bool,
    /// Whether sign-in with e-mail and password is enabled.
    pub password: bool,
    /// Label of the single sign-on button, which links to
    /// `/api/v1/sign-in/oidc`. Null if single sign-on is not configured.
    pub oidc: Option<String>,
    /// Whether the database contains demo data.
    pub demo: bool,
    /// Default language of the web pages.
    pub default_language: Language,
}

/// Credentials for sign-in with a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// E-mail address of the user. Case-insensitive.
    #[cfg_attr(
        feature = "openapi",
        schema(
            max_length = 254,
            pattern = r"[^\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
        )
    )]
    pub email: String,
    /// Password. 1 to 1,024 bytes.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024, format = Password))]
    pub password: String,
}

/// Parameters for creating the first administrator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetUp {
    /// Setup token: the part after `#` in the setup link printed at startup.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200))]
    pub token: String,
    /// Display name. 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// E-mail address. Up to 254 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Email))]
    pub email: String,
    /// Password. At least 10 characters and not easy to guess.
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1024, format = Password))]
    pub password: String,
}

/// The authenticated user or token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// ID of the user. Null for a token.
    pub id: Option<i64>,
    /// Name of the user or token.
    pub name: String,
    /// E-mail address of the user. Null for a token.
    pub email: Option<String>,
    /// Role of the user or token.
    pub role: Role,
    /// Matchers that limit the visible alerts: an alert is visible if its labels
    /// satisfy all of them. If empty, all alerts are visible.
    pub matchers: Vec<String>,
    /// Authentication method.
    pub method: SignInMethod,
    /// Whether the user has a local password.
    pub has_password: bool,
    /// Preferred language. Null: the browser's language.
    pub language: Option<Language>,
    /// Preferred IANA time zone. Null: the browser's time zone.
    pub time_zone: Option<String>,
    /// Preferred theme. Null: the system's theme.
    pub theme: Option<Theme>,
}

/// Parameters for updating the current user's account. Replaces all fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeInput {
    /// Display name. 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// Preferred language. If null or omitted, the browser's language is used.
    #[serde(default)]
    pub language: Option<Language>,
    /// Preferred IANA time zone. If null or omitted, the browser's time zone is
    /// used.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::TimeZone>))]
    pub time_zone: Option<String>,
    /// Preferred theme. If null or omitted, the system's theme is used.
    #[serde(default)]
    pub theme: Option<Theme>,
}

/// Parameters for changing the current user's password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// Current password.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024, format = Password))]
    pub current: String,
    /// New password. At least 10 characters and not easy to guess.
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1024, format = Password))]
    pub new: String,
}

/// A signed-in browser session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// ID of the session.
    pub id: i64,
    /// Whether this is the session of the current request.
    pub current: bool,
    /// Authentication method used to sign in.
    pub method: SignInMethod,
    /// Time at which the session was created.
    pub created_at: DateTime<Utc>,
    /// Time at which the session was last used, with a precision of one minute.
    pub last_seen_at: DateTime<Utc>,
    /// Time at which the session expires, regardless of activity.
    pub expires_at: DateTime<Utc>,
    /// IP address of the client.
    pub address: String,
    /// User agent of the browser.
    pub user_agent: String,
}

/// A user account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// ID of the user.
    pub id: i64,
    /// Display name. 1 to 100 characters.
    pub name: String,
    /// E-mail address. Unique among users.
    pub email: String,
    /// Role of the user.
    pub role: Role,
    /// Matchers that limit the visible alerts: an alert is visible if its labels
    /// satisfy all of them. If empty, all alerts are visible.
    pub matchers: Vec<String>,
    /// Whether the user can sign in.
    pub enabled: bool,
    /// Whether the user has a local password.
    pub has_password: bool,
    /// Whether the account is linked to a single sign-on identity.
    pub single_sign_on: bool,
    /// Time at which the account was created.
    pub created_at: DateTime<Utc>,
    /// Time of the last sign-in. Null if the user has never signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// Parameters for creating or updating a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserInput {
    /// Display name. 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// E-mail address. Up to 254 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Email))]
    pub email: String,
    /// Role of the user.
    pub role: Role,
    /// Alertmanager matchers that limit the visible alerts, such as
    /// `team="infra"`. Must be empty for administrators.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub matchers: Vec<String>,
    /// Whether the user can sign in. If omitted: true on create, unchanged on
    /// update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Password. At least 10 characters and not easy to guess. If omitted: no
    /// password on create (sign-in by single sign-on only), unchanged on update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 10, max_length = 1024, format = Password))]
    pub password: Option<String>,
}

/// Permission of a token. `admin` includes `respond`, and `respond` includes
/// `read`. `ingest` includes no other scope and cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Send alerts. No read access.
    Ingest,
    /// Permissions of a viewer.
    Read,
    /// Permissions of a responder.
    Respond,
    /// Permissions of an administrator.
    Admin,
}

/// An API or ingest token. The secret itself is not stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// ID of the token.
    pub id: i64,
    /// Name of the token. 1 to 100 characters.
    pub name: String,
    /// First characters of the secret.
    pub hint: String,
    /// Scopes of the token, including implied scopes.
    pub scopes: Vec<Scope>,
    /// Role with the same permissions. Null for `ingest`.
    pub role: Option<Role>,
    /// Source of deliveries sent with this token. Null: the query parameter
    /// `source` sets it.
    pub source: Option<String>,
    /// Matchers that limit the visible alerts: an alert is visible if its labels
    /// satisfy all of them. If empty, all alerts are visible.
    pub matchers: Vec<String>,
    /// Time at which the token was created.
    pub created_at: DateTime<Utc>,
    /// Name of the user who created the token.
    pub created_by: String,
    /// Time at which the token expires. Null: it never expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// Time at which the token was last used, with a precision of one minute.
    /// Null if it has never been used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Time at which the token was revoked. Null if it has not been revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Parameters for creating a token. Set either `scopes` or `role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenInput {
    /// Display name. 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Name))]
    pub name: String,
    /// Scopes of the token. `ingest` cannot be combined with other scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 4))]
    pub scopes: Option<Vec<Scope>>,
    /// Role whose permissions the token gets. Alternative to `scopes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Source of deliveries sent with this token. Only for `ingest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Source>))]
    pub source: Option<String>,
    /// Alertmanager matchers that limit the visible alerts. Only for `read` and
    /// `respond`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<crate::schemas::Matcher>, max_items = 32))]
    pub matchers: Vec<String>,
    /// Time at which the token expires. If omitted, it never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A newly created token, with its secret. The secret is returned only once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewToken {
    /// Secret of the token. Null if the request was a replay with the same
    /// `Idempotency-Key`: the secret is not stored.
    pub secret: Option<String>,
    /// The created token.
    pub token: Token,
}

/// Type of the actor of an audited action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ActorKind {
    /// A user.
    User,
    /// An API token.
    Token,
    /// The `tocsin` command line.
    CommandLine,
    /// An unauthenticated client.
    Anonymous,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// ID of the entry.
    pub id: i64,
    /// Time of the action.
    pub at: DateTime<Utc>,
    /// Type of the actor.
    pub actor_kind: ActorKind,
    /// ID of the user or token. Null for other actors.
    pub actor_id: Option<i64>,
    /// Name of the actor at that time.
    pub actor_name: String,
    /// IP address of the client. Null if unknown.
    pub address: Option<String>,
    /// Action, such as `recipient.update` or `sign-in.failed`.
    pub action: String,
    /// Type of the object, such as `recipient`, `group`, `route`, `user`, `token`,
    /// `session`, `incident`, `notification` or `archive`.
    pub object_kind: String,
    /// ID of the object. Null if the action affected no single object.
    pub object_id: Option<i64>,
    /// Name of the object at that time.
    pub object_name: String,
    /// Object before the action, without secrets. A list of more than 100 items is
    /// reduced to the changed items; a field such as `recipientsCount` holds its
    /// length.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub before: Option<serde_json::Value>,
    /// Object after the action, without secrets. Long lists are reduced as in
    /// `before`.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<serde_json::Value>,
}
