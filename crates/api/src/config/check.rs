//! Validates [`Sections`] and converts them to [`Settings`].

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use ipnet::IpNet;
use tocsin_mailer::{Address, Secret, SmtpSettings};
use tocsin_pipeline::RetentionSettings;

use super::auth::{AuthSettings, auth_settings};
use super::parts::{
    check_log, database_url, from, guard, positive, smtp, tokens, within, without_password,
};
use super::retention::retention_settings;
use super::sections::Log;
use super::units::{BindAddress, trusted_networks};
use super::{ConfigError, Language, Limits, PublicUrl, Sections, SourceName, Tls};
use crate::tls::Certificate;

/// More writers would wait for each other, and for connections.
const MAX_WRITERS: usize = 8;

/// Validated settings, in the types that the program uses.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// As configured, for `check-config`.
    pub(crate) sections: Sections,
    /// Demo mode with sample data; on loopback only.
    pub(crate) demo: bool,
    /// Directory of all stored data.
    pub(crate) data_dir: PathBuf,
    /// Address to listen on.
    pub(crate) listen: std::net::SocketAddr,
    /// Base URL of all links.
    pub(crate) public_url: Option<PublicUrl>,
    /// Maximum size of a webhook body, in bytes.
    pub(crate) body_limit: usize,
    /// Threads that serve requests; by default one for each core.
    pub(crate) workers: Option<usize>,
    /// Maximum number of event streams.
    pub(crate) max_event_streams: usize,
    /// Maximum number of rows of a page.
    pub(crate) page_limit: u32,
    /// Maximum duration of a shutdown.
    pub(crate) drain_timeout: Duration,
    /// `sqlite://…` or `postgres://…`; may contain a password.
    pub(crate) database_url: String,
    /// Maximum number of connections for reading.
    pub(crate) max_connections: u32,
    /// Sign-in methods.
    pub(crate) auth: AuthSettings,
    /// Rate limits for one caller.
    pub(crate) limits: Limits,
    /// Proxies whose forwarded headers are trusted.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// TLS certificate of the server; plain HTTP without one.
    pub(crate) tls: Option<Tls>,
    /// Provisioned ingest tokens, besides those in the database; each with its source.
    pub(crate) tokens: Vec<(String, Secret, Option<SourceName>)>,
    /// Size of the ingest queue.
    pub(crate) queue_bytes: usize,
    /// Maximum number of alerts in the alert cache.
    pub(crate) cache_entries: usize,
    /// Concurrent ingest transactions, on PostgreSQL.
    pub(crate) ingest_writers: usize,
    /// Name of the label that holds the team.
    pub(crate) team_label: String,
    /// Deduplication window.
    pub(crate) window: Duration,
    /// Time without an update after which an incident is stale.
    pub(crate) stale_after: Duration,
    pub(crate) expire_after: Option<Duration>,
    /// Sender of e-mails.
    pub(crate) from: Address,
    /// Language of new recipients.
    pub(crate) default_language: Language,
    /// Time zone of new recipients.
    pub(crate) default_time_zone: Tz,
    /// Directory with template overrides.
    pub(crate) template_dir: Option<PathBuf>,
    /// Maximum number and total size of the mail files.
    pub(crate) mail_files: (usize, u64),
    /// SMTP server; mail is written to files without one.
    pub(crate) smtp: Option<SmtpSettings>,
    /// Retention periods.
    pub(crate) retention: RetentionSettings,
    /// Maximum total size of stored bodies of rejected requests.
    pub(crate) refused_bytes: u64,
    /// Format and level of log lines.
    pub(crate) log: Log,
}

impl Settings {
    /// # Errors
    /// The first invalid setting.
    pub(super) fn check(mut sections: Sections, demo: bool) -> Result<Self, ConfigError> {
        let Sections {
            data_dir,
            server,
            database,
            auth,
            limits,
            ingest,
            incidents,
            mail,
            retention,
            log,
        } = sections.clone();
        positive("server.body_limit", server.body_limit.bytes())?;
        positive("ingest.queue_bytes", ingest.queue_bytes.bytes())?;
        positive("server.max_event_streams", server.max_event_streams)?;
        positive(
            "database.max_connections",
            database.max_connections as usize,
        )?;
        positive("ingest.cache_entries", ingest.cache_entries)?;
        within("ingest.writers", ingest.writers, MAX_WRITERS)?;
        within(
            "server.page_limit",
            server.page_limit as usize,
            tocsin_storage::MAX_LIMIT as usize,
        )?;
        if server.workers == Some(0) {
            return Err(ConfigError::new("server.workers", "expected at least 1"));
        }
        // A little more, because the parsed body is queued with it.
        if ingest.queue_bytes.0 < server.body_limit.0.saturating_add(1 << 20) {
            return Err(ConfigError::new(
                "ingest.queue_bytes",
                "expected at least 1MiB more than server.body_limit, so that the largest body fits into the queue",
            ));
        }
        if ingest.team_label.trim().is_empty() {
            return Err(ConfigError::new(
                "ingest.team_label",
                "expected a label name",
            ));
        }
        if incidents.stale_after.0 <= incidents.window.0 {
            return Err(ConfigError::new(
                "incidents.stale_after",
                "expected more than incidents.window; recommended is more than twice Alertmanager's repeat_interval",
            ));
        }
        if incidents
            .expire_after
            .0
            .is_some_and(|after| after < incidents.stale_after.0)
        {
            return Err(ConfigError::new(
                "incidents.expire_after",
                "expected at least incidents.stale_after, or \"forever\"",
            ));
        }
        check_log(&log)?;
        let tokens = tokens(ingest.tokens)?;
        guard(server.listen.0, demo)?;
        let auth = auth_settings(
            auth,
            server.public_url.as_ref(),
            server.listen.is_loopback(),
        )?;
        let is_shared = |(_, token, _): &&(String, Secret, Option<SourceName>)| {
            auth.tokens.iter().any(|(_, other, _)| other == token)
        };
        if let Some((name, ..)) = tokens.iter().find(is_shared) {
            return Err(ConfigError::new(
                "ingest.tokens",
                format!("{name:?} has the same secret as one of auth.tokens"),
            ));
        }
        if let Some(files) = &server.tls {
            // So that check-config reports errors in the files.
            Certificate::read(files)?;
        }
        if limits.burst == 0 {
            return Err(ConfigError::new("limits.burst", "expected at least 1"));
        }
        let from = from(&mail.from, mail.smtp.is_some())?;
        let default_time_zone = mail.default_time_zone.parse().map_err(|_| {
            ConfigError::new(
                "mail.default_time_zone",
                format!(
                    "expected an IANA time zone such as \"Asia/Shanghai\", found {:?}",
                    mail.default_time_zone
                ),
            )
        })?;
        if let Some(dir) = mail.template_dir.as_ref().filter(|dir| !dir.is_dir()) {
            return Err(ConfigError::new(
                "mail.template_dir",
                format!("no such directory: {}", dir.display()),
            ));
        }
        let smtp = mail.smtp.map(smtp).transpose()?;
        let database_url = database_url(database.url, &data_dir, demo)?;
        sections.database.url = Some(database_url.clone());
        let refused_bytes = retention.refused_bytes;
        let retention = retention_settings(retention, incidents.window.0, auth.session_idle)?;
        Ok(Self {
            sections,
            demo,
            data_dir,
            listen: server.listen.0,
            public_url: server.public_url,
            body_limit: server.body_limit.bytes(),
            workers: server.workers,
            max_event_streams: server.max_event_streams,
            page_limit: server.page_limit,
            drain_timeout: server.drain_timeout.0,
            database_url,
            max_connections: database.max_connections,
            auth,
            limits,
            trusted_proxies: trusted_networks("server.trusted_proxies", &server.trusted_proxies)?,
            tls: server.tls,
            tokens,
            queue_bytes: ingest.queue_bytes.bytes(),
            cache_entries: ingest.cache_entries,
            ingest_writers: ingest.writers,
            team_label: ingest.team_label,
            window: incidents.window.0,
            stale_after: incidents.stale_after.0,
            expire_after: incidents.expire_after.0,
            from,
            default_language: mail.default_language,
            default_time_zone,
            template_dir: mail.template_dir,
            mail_files: (mail.max_files, mail.max_file_bytes.0),
            smtp,
            retention,
            refused_bytes: refused_bytes.0,
            log,
        })
    }

    /// Creates the data directory and the archive directory, if configured, and checks that they
    /// are writable.
    ///
    /// # Errors
    /// They are not.
    pub(crate) fn prepare_data_dir(&self) -> Result<(), ConfigError> {
        prepare("data_dir", &self.data_dir)?;
        match &self.retention.archive_dir {
            Some(dir) => prepare("retention.archive_dir", dir),
            None => Ok(()),
        }
    }
}

impl Settings {
    /// Webhook URL for Alertmanager, if the server listens on `address`.
    pub(crate) fn webhook_url(&self, address: std::net::SocketAddr) -> String {
        format!("{}api/v1/webhooks/alertmanager", self.base_url(address))
    }

    /// Base URL of all links, if the server listens on `address`: `server.public_url`, else the
    /// address itself. Ends in a slash.
    pub(crate) fn base_url(&self, address: std::net::SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.to_string(),
            None => format!("{}://{address}/", self.scheme()),
        }
    }

    /// Protocol of the server itself: `https` with a certificate, else `http`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether the server is reachable directly from this machine only.
    pub(crate) fn is_on_loopback(&self) -> bool {
        BindAddress(self.listen).is_loopback()
    }

    /// Directory of mail files while no SMTP server is configured.
    pub(crate) fn mail_dir(&self) -> PathBuf {
        self.data_dir
            .join(if self.demo { "demo-mail" } else { "mail" })
    }

    /// Path of an SQLite database.
    pub(crate) fn sqlite_file(&self) -> Option<&Path> {
        let path = self.database_url.strip_prefix("sqlite:")?;
        Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
    }

    /// Database URL, without its password.
    pub(crate) fn shown_database_url(&self) -> String {
        without_password(&self.database_url)
    }
}

fn prepare(key: &str, dir: &Path) -> Result<(), ConfigError> {
    let wrong = |error: std::io::Error| {
        ConfigError::new(
            key,
            format!(
                "expected a writable directory, found {}: {error}",
                dir.display()
            ),
        )
    };
    make_private_dir(dir).map_err(wrong)?;
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, b"")
        .and_then(|()| fs::remove_file(&probe))
        .map_err(wrong)
}

/// The directory contains alerts and mails, so only its owner has access.
fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
