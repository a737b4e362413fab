//! The table of all keys, for environment variables.

/// How the value of an environment variable or flag is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Used unchanged: a password of digits stays a string.
    Text,
    /// An integer.
    Number,
    /// `true` or `false`.
    Bool,
    /// A list, written as TOML or JSON.
    List,
    /// A list of strings: TOML, JSON, or separated by commas.
    Words,
}

/// The keys of the settings file. The variable of `server.public_url` is
/// `TOCSIN_SERVER_PUBLIC_URL`. A test compares this table with the types.
pub(crate) const KEYS: [(&str, Kind); 71] = [
    ("data_dir", Kind::Text),
    ("server.listen", Kind::Text),
    ("server.public_url", Kind::Text),
    ("server.body_limit", Kind::Text),
    ("server.workers", Kind::Number),
    ("database.url", Kind::Text),
    ("database.max_connections", Kind::Number),
    ("auth.session_idle", Kind::Text),
    ("auth.session_lifetime", Kind::Text),
    ("auth.password_sign_in", Kind::Bool),
    ("auth.tokens", Kind::List),
    ("auth.oidc.issuer", Kind::Text),
    ("auth.oidc.client_id", Kind::Text),
    ("auth.oidc.client_secret", Kind::Text),
    ("auth.oidc.client_secret_file", Kind::Text),
    ("auth.oidc.name", Kind::Text),
    ("auth.oidc.scopes", Kind::Words),
    ("auth.oidc.groups_claim", Kind::Text),
    ("auth.oidc.admin_groups", Kind::Words),
    ("auth.oidc.responder_groups", Kind::Words),
    ("auth.oidc.viewer_groups", Kind::Words),
    ("auth.oidc.ca_file", Kind::Text),
    ("auth.proxy.header", Kind::Text),
    ("auth.proxy.name_header", Kind::Text),
    ("auth.proxy.groups_header", Kind::Text),
    ("auth.proxy.from", Kind::Words),
    ("auth.proxy.admin_groups", Kind::Words),
    ("auth.proxy.responder_groups", Kind::Words),
    ("auth.proxy.viewer_groups", Kind::Words),
    ("limits.requests_per_second", Kind::Number),
    ("limits.burst", Kind::Number),
    ("limits.sign_ins_per_minute", Kind::Number),
    ("ingest.tokens", Kind::List),
    ("ingest.queue_bytes", Kind::Text),
    ("ingest.cache_entries", Kind::Number),
    ("ingest.writers", Kind::Number),
    ("ingest.team_label", Kind::Text),
    ("incidents.window", Kind::Text),
    ("incidents.stale_after", Kind::Text),
    ("incidents.expire_after", Kind::Text),
    ("mail.from", Kind::Text),
    ("mail.default_language", Kind::Text),
    ("mail.default_time_zone", Kind::Text),
    ("mail.template_dir", Kind::Text),
    ("mail.max_files", Kind::Number),
    ("mail.max_file_bytes", Kind::Text),
    ("mail.smtp.host", Kind::Text),
    ("mail.smtp.port", Kind::Number),
    ("mail.smtp.tls", Kind::Text),
    ("mail.smtp.username", Kind::Text),
    ("mail.smtp.password", Kind::Text),
    ("mail.smtp.password_file", Kind::Text),
    ("mail.smtp.timeout", Kind::Text),
    ("mail.smtp.ca_file", Kind::Text),
    ("mail.smtp.hello_name", Kind::Text),
    ("retention.raw_bodies", Kind::Text),
    ("retention.refused_bytes", Kind::Text),
    ("retention.log", Kind::Text),
    ("retention.deliveries", Kind::Text),
    ("retention.mails", Kind::Text),
    ("retention.archive_dir", Kind::Text),
    ("retention.rules", Kind::List),
    ("log.format", Kind::Text),
    ("log.level", Kind::Text),
    ("server.drain_timeout", Kind::Text),
    ("server.max_event_streams", Kind::Number),
    ("server.page_limit", Kind::Number),
    ("server.trusted_proxies", Kind::Words),
    ("server.tls.cert_file", Kind::Text),
    ("server.tls.key_file", Kind::Text),
    ("retention.audit", Kind::Text),
];

/// Keys of earlier versions, with their replacement.
pub(crate) const REMOVED: [(&str, &str); 2] = [
    ("auth.admin_password", NO_ADMIN_PASSWORD),
    ("auth.admin_password_file", NO_ADMIN_PASSWORD),
];

const NO_ADMIN_PASSWORD: &str = "replaced by user accounts; remove this key, start \
    `tocsin serve` and open the setup link, or run `tocsin user add --role admin --email …`; \
    scripts use tokens (`tocsin token`)";

/// The environment variable of a key.
pub(crate) fn variable(key: &str) -> String {
    format!("TOCSIN_{}", key.replace('.', "_").to_uppercase())
}

/// Variables with the prefix that are not settings: the log filter, and those of tests and the
/// build tool.
pub(crate) fn is_foreign(variable: &str) -> bool {
    variable == "TOCSIN_LOG" || variable == "TOCSIN_BIN" || variable.starts_with("TOCSIN_TEST_")
}
