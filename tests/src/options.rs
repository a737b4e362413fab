//! How the program is started.

use std::path::{Path, PathBuf};

use crate::{Certificates, Database, SmtpServer};

/// The program's settings. Settings that are not set have their defaults.
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) database: Database,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) config: Option<String>,
    pub(crate) admin: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) full_disk: bool,
    pub(crate) demo: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self::on(Database::Sqlite)
    }
}

impl Options {
    /// The defaults, with this database.
    #[must_use]
    pub fn on(database: Database) -> Self {
        Self {
            database,
            settings: Vec::new(),
            config: None,
            admin: None,
            token: None,
            data_dir: None,
            ca: None,
            full_disk: false,
            demo: false,
            host: "127.0.0.1".to_owned(),
            port: 0,
        }
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Sets a setting through its environment variable.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// Sets the listen address. Requests still go to 127.0.0.1.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    /// Uses an existing data directory instead of a new one.
    #[must_use]
    pub fn data_dir(mut self, dir: &Path) -> Self {
        self.data_dir = Some(dir.to_owned());
        self
    }

    /// Enables [`Tocsin::fill_disk`](crate::Tocsin::fill_disk).
    #[must_use]
    pub fn with_limited_disk(mut self) -> Self {
        self.full_disk = true;
        self
    }

    /// Starts the demo, which has its own database. No token is created for the
    /// harness.
    #[must_use]
    pub fn demo(mut self) -> Self {
        self.demo = true;
        self.admin("")
    }

    /// Sets the settings file's content.
    #[must_use]
    pub fn config(mut self, toml: impl Into<String>) -> Self {
        self.config = Some(toml.into());
        self
    }

    /// Sets the token of the harness's own requests. Without it the harness creates an
    /// administrator token.
    #[must_use]
    pub fn admin(mut self, token: &str) -> Self {
        self.admin = Some(token.to_owned());
        self
    }

    /// Sets the token of the harness's own deliveries, which the program then requires.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self.set(
            "ingest.tokens",
            format!(r#"[{{"name": "test", "token": "{token}"}}]"#),
        )
    }

    /// Enables TLS in the program with this certificate.
    #[must_use]
    pub fn tls(mut self, certificates: &Certificates) -> Self {
        self.ca = Some(certificates.ca.clone());
        self.set("server.tls.cert_file", certificates.cert.display())
            .set("server.tls.key_file", certificates.key.display())
    }

    /// Sends e-mail through this server, without TLS.
    #[must_use]
    pub fn smtp(self, server: &SmtpServer) -> Self {
        self.set("mail.from", "Tocsin <tocsin@example.com>")
            .set("mail.smtp.host", "localhost")
            .set("mail.smtp.port", server.port)
            .set("mail.smtp.tls", "none")
            .set("mail.smtp.timeout", "5s")
    }

    /// Sends e-mail through this server, with STARTTLS and AUTH.
    #[must_use]
    pub fn secure_smtp(
        self,
        server: &SmtpServer,
        certificates: &Certificates,
        (user, password): (&str, &str),
    ) -> Self {
        self.smtp(server)
            .set("mail.smtp.tls", "starttls")
            .set("mail.smtp.ca_file", certificates.ca.display())
            .set("mail.smtp.username", user)
            .set("mail.smtp.password", password)
    }
}
