//! Startup message of `serve`: the URL, how to sign in, the configuration for alertmanager.yml, and
//! the mail settings.

use std::fmt;
use std::net::SocketAddr;

use crate::config::Settings;
use crate::demo;

/// Printed to standard output.
pub(crate) struct Banner<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) address: SocketAddr,
    pub(crate) sign_in: SignInHint,
    pub(crate) ingest: IngestToken,
}

/// How to sign in.
pub(crate) enum SignInHint {
    /// There is no administrator yet: secret of the setup link.
    SetUp(String),
    /// With existing accounts.
    SignIn,
    /// By single sign-on only, and there is no administrator yet.
    NoAdmin,
    /// With the demo account, which has this password.
    Demo(String),
}

/// The token that Alertmanager needs.
pub(crate) enum IngestToken {
    /// None: the webhook accepts requests from this machine without a token.
    NotNeeded,
    /// A token from the settings.
    Configured,
    /// A token that has been created.
    Created,
    /// A token that must be created first.
    Missing,
}

impl Banner<'_> {
    /// URL for browsers, with a slash at the end.
    fn base(&self) -> String {
        let Self {
            settings, address, ..
        } = self;
        // An unspecified address cannot be opened in a browser.
        match &settings.public_url {
            None if address.ip().is_unspecified() => {
                format!("{}://localhost:{}/", settings.scheme(), address.port())
            }
            _ => settings.base_url(*address),
        }
    }

    fn sign_in(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base();
        match &self.sign_in {
            SignInHint::SetUp(token) => {
                writeln!(
                    f,
                    "\nThere is no administrator yet. Open this link to create the first one:\n"
                )?;
                writeln!(f, "  {base}set-up#{token}")
            }
            SignInHint::SignIn => writeln!(f, "Sign in at {base}"),
            SignInHint::NoAdmin => {
                writeln!(f, "Sign in at {base}")?;
                writeln!(f, "\nThere is no administrator yet. To create one, run:\n")?;
                writeln!(
                    f,
                    "  tocsin user add --role admin --no-password --email ADDRESS"
                )
            }
            SignInHint::Demo(password) => {
                writeln!(f, "Demo mode: all alerts are generated sample data.")?;
                writeln!(f, "\nSign in at {base} with\n")?;
                writeln!(f, "  e-mail    {}", demo::EMAIL)?;
                writeln!(f, "  password  {password}")
            }
        }
    }

    fn alertmanager(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nAdd this to alertmanager.yml, with the route before your other routes:\n"
        )?;
        writeln!(f, "  route:")?;
        writeln!(f, "    routes:")?;
        writeln!(f, "      - receiver: tocsin")?;
        writeln!(f, "        continue: true")?;
        writeln!(f, "  receivers:")?;
        writeln!(f, "    - name: tocsin")?;
        writeln!(f, "      webhook_configs:")?;
        writeln!(
            f,
            "        - url: {}",
            self.settings.webhook_url(self.address)
        )?;
        writeln!(f, "          send_resolved: true")?;
        let credentials = match self.ingest {
            IngestToken::NotNeeded => None,
            IngestToken::Configured => Some("ONE OF ingest.tokens"),
            IngestToken::Created | IngestToken::Missing => Some("THE SECRET OF AN INGEST TOKEN"),
        };
        if let Some(credentials) = credentials {
            writeln!(f, "          http_config:")?;
            writeln!(f, "            authorization:")?;
            writeln!(f, "              credentials: {credentials}")?;
        }
        if let IngestToken::Missing = self.ingest {
            writeln!(
                f,
                "\nTo create the token, run: tocsin token add --name alertmanager --scope ingest"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            settings, address, ..
        } = self;
        writeln!(
            f,
            "Tocsin {} is listening on {}://{address}",
            env!("CARGO_PKG_VERSION"),
            settings.scheme()
        )?;
        self.sign_in(f)?;
        self.alertmanager(f)?;
        match &settings.smtp {
            Some(smtp) => {
                let port = smtp.port.unwrap_or(smtp.tls.default_port());
                writeln!(
                    f,
                    "\nE-mail is sent through the SMTP server {}:{port}, from {}.",
                    smtp.host, settings.from.email
                )
            }
            None => writeln!(
                f,
                "\nE-mail is written to files in {}, because no SMTP server is configured (mail.smtp.host).",
                settings.mail_dir().display()
            ),
        }
    }
}
