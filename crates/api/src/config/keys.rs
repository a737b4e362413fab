//! Every key there is, so that environment variables find theirs.

/// How the text of an environment variable or flag becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Taken as it is: a password of digits stays text.
    Text,
    /// A whole number.
    Number,
    /// A list, written as TOML or JSON.
    List,
}

/// The keys as the file has them. The variable of `server.public_url` is
/// `TOCSIN_SERVER_PUBLIC_URL`. A test compares this table with the types.
pub(crate) const KEYS: [(&str, Kind); 43] = [
    ("data_dir", Kind::Text),
    ("server.listen", Kind::Text),
    ("server.public_url", Kind::Text),
    ("server.body_limit", Kind::Text),
    ("server.workers", Kind::Number),
    ("database.url", Kind::Text),
    ("database.max_connections", Kind::Number),
    ("auth.admin_password", Kind::Text),
    ("auth.admin_password_file", Kind::Text),
    ("ingest.tokens", Kind::List),
    ("ingest.queue_bytes", Kind::Text),
    ("ingest.cache_entries", Kind::Number),
    ("ingest.writers", Kind::Number),
    ("ingest.team_label", Kind::Text),
    ("incidents.window", Kind::Text),
    ("incidents.stale_after", Kind::Text),
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
];

/// The environment variable of a key.
pub(crate) fn variable(key: &str) -> String {
    format!("TOCSIN_{}", key.replace('.', "_").to_uppercase())
}

/// Variables of that prefix that are not settings: the log filter, and what
/// tests and the build tool use.
pub(crate) fn is_foreign(variable: &str) -> bool {
    variable == "TOCSIN_LOG" || variable == "TOCSIN_BIN" || variable.starts_with("TOCSIN_TEST_")
}
