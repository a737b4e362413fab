//! From what is written to what is right: [`Settings`], in the types that the
//! program works with.

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
use super::units::{BindAddress, not_everyone};
use super::{ConfigError, Language, Limits, PublicUrl, Sections, SourceName, Tls};
use crate::tls::Certificate;

/// More would wait for each other, and for connections.
const MAX_WRITERS: usize = 8;

/// Settings that are right, in the types that the program works with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// As they were set, for `check-config`.
    pub(crate) sections: Sections,
    /// Made-up history; only on loopback.
    pub(crate) demo: bool,
    /// The directory of everything that is kept.
    pub(crate) data_dir: PathBuf,
    /// Where the server listens.
    pub(crate) listen: std::net::SocketAddr,
    /// The base of all links.
    pub(crate) public_url: Option<PublicUrl>,
    /// The longest webhook body, in bytes.
    pub(crate) body_limit: usize,
    /// Threads that serve requests; by default one for each core.
    pub(crate) workers: Option<usize>,
    /// Event streams at most.
    pub(crate) max_event_streams: usize,
    /// Rows of a page, at most.
    pub(crate) page_limit: u32,
    /// How long stopping may take.
    pub(crate) drain_timeout: Duration,
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub(crate) database_url: String,
    /// Connections for reading, at most.
    pub(crate) max_connections: u32,
    /// How people come in.
    pub(crate) auth: AuthSettings,
    /// How much one caller may ask for.
    pub(crate) limits: Limits,
    /// Whose forwarded headers are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// The program's own certificate; plain HTTP without one.
    pub(crate) tls: Option<Tls>,
    /// Provisioned tokens of the webhook, besides those in the database; each with the source that it is bound to.
    pub(crate) tokens: Vec<(String, Secret, Option<SourceName>)>,
    /// The ingest queue's size.
    pub(crate) queue_bytes: usize,
    /// Known alerts held in memory, at most.
    pub(crate) cache_entries: usize,
    /// Transactions of ingest at the same time, on PostgreSQL.
    pub(crate) ingest_writers: usize,
    /// The label that holds the team.
    pub(crate) team_label: String,
    /// Rule 2's window.
    pub(crate) window: Duration,
    /// Rule 4's limit.
    pub(crate) stale_after: Duration,
    pub(crate) expire_after: Option<Duration>,
    /// The sender of mails.
    pub(crate) from: Address,
    /// The language of new recipients.
    pub(crate) default_language: Language,
    /// The zone of new recipients.
    pub(crate) default_time_zone: Tz,
    /// Templates that replace the embedded ones.
    pub(crate) template_dir: Option<PathBuf>,
    /// How many mails the file mailer keeps, and bytes of them.
    pub(crate) mail_files: (usize, u64),
    /// Where mail goes; files without one.
    pub(crate) smtp: Option<SmtpSettings>,
    /// For how long what is kept.
    pub(crate) retention: RetentionSettings,
    /// How many bytes of refused bodies are kept.
    pub(crate) refused_bytes: u64,
    /// How to log.
    pub(crate) log: Log,
}

impl Settings {
    /// # Errors
    /// The first thing that is wrong.
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
        // A little more, because what is known of a body waits with it.
        if ingest.queue_bytes.0 < server.body_limit.0.saturating_add(1 << 20) {
            return Err(ConfigError::new(
                "ingest.queue_bytes",
                "expected at least 1MiB more than server.body_limit, or the largest body would wait for an empty queue",
            ));
        }
        if ingest.team_label.trim().is_empty() {
            return Err(ConfigError::new(
                "ingest.team_label",
                "expected a label's name",
            ));
        }
        if incidents.stale_after.0 <= incidents.window.0 {
            return Err(ConfigError::new(
                "incidents.stale_after",
                "expected more than incidents.window; above twice Alertmanager's repeat_interval is best",
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
            // So that check-config says what is wrong with them.
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
                    "expected an IANA zone such as \"Asia/Shanghai\", found {:?}",
                    mail.default_time_zone
                ),
            )
        })?;
        if let Some(dir) = mail.template_dir.as_ref().filter(|dir| !dir.is_dir()) {
            return Err(ConfigError::new(
                "mail.template_dir",
                format!("there is no directory {}", dir.display()),
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
            trusted_proxies: not_everyone("server.trusted_proxies", &server.trusted_proxies)?,
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

    /// Makes the data directory, and that of the archive if there is one, and
    /// sees whether they can be written to.
    ///
    /// # Errors
    /// They cannot.
    pub(crate) fn prepare_data_dir(&self) -> Result<(), ConfigError> {
        prepare("data_dir", &self.data_dir)?;
        match &self.retention.archive_dir {
            Some(dir) => prepare("retention.archive_dir", dir),
            None => Ok(()),
        }
    }
}

impl Settings {
    /// The address that Alertmanager should post to, where the server listens
    /// on `address`.
    pub(crate) fn webhook_url(&self, address: std::net::SocketAddr) -> String {
        format!("{}api/v1/webhooks/alertmanager", self.base_url(address))
    }

    /// What all links begin with, where the server listens on `address`:
    /// `server.public_url`, else the address itself. It ends in a slash.
    pub(crate) fn base_url(&self, address: std::net::SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.to_string(),
            None => format!("{}://{address}/", self.scheme()),
        }
    }

    /// What the server itself speaks: `https` with a certificate, else `http`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether only this machine can reach the server directly.
    pub(crate) fn is_on_loopback(&self) -> bool {
        BindAddress(self.listen).is_loopback()
    }

    /// Where mails are written while no SMTP server is set.
    pub(crate) fn mail_dir(&self) -> PathBuf {
        self.data_dir
            .join(if self.demo { "demo-mail" } else { "mail" })
    }

    /// The file of an SQLite database.
    pub(crate) fn sqlite_file(&self) -> Option<&Path> {
        let path = self.database_url.strip_prefix("sqlite:")?;
        Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
    }

    /// The database's address, without its password.
    pub(crate) fn shown_database_url(&self) -> String {
        without_password(&self.database_url)
    }
}

fn prepare(key: &str, dir: &Path) -> Result<(), ConfigError> {
    let wrong = |error: std::io::Error| {
        ConfigError::new(
            key,
            format!(
                "expected a directory that can be written to, found {}: {error}",
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

/// It holds alerts and mails, so it is for its owner only.
fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}
