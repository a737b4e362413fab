//! What `serve` prints at its start: where it is and how to come in, what to put
//! into alertmanager.yml, and where mail goes.

use std::fmt;
use std::net::SocketAddr;

use crate::config::Settings;
use crate::demo;

/// Printed to standard output.
pub(crate) struct Banner<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) address: SocketAddr,
    pub(crate) way_in: SignInHint,
    pub(crate) ingest: IngestToken,
}

/// How people come in.
pub(crate) enum SignInHint {
    /// There is no administrator: the secret of a link that makes the first.
    SetUp(String),
    /// With their accounts.
    SignIn,
    /// By single sign-on only, and nobody is an administrator.
    NoAdmin,
    /// With the demo's account, which has this password.
    Demo(String),
}

/// What Alertmanager has to show.
pub(crate) enum IngestToken {
    /// Nothing: the webhook is open to this machine.
    NotNeeded,
    /// A token of the settings.
    OfSettings,
    /// A token that was made.
    Made,
    /// A token that is still to be made.
    Missing,
}

impl Banner<'_> {
    /// Where people open it, with a slash at the end.
    fn base(&self) -> String {
        let Self {
            settings, address, ..
        } = self;
        // Nobody can open "every address".
        match &settings.public_url {
            None if address.ip().is_unspecified() => {
                format!("{}://localhost:{}/", settings.scheme(), address.port())
            }
            _ => settings.base_url(*address),
        }
    }

    fn way_in(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = self.base();
        match &self.way_in {
            SignInHint::SetUp(token) => {
                writeln!(
                    f,
                    "\nThere is no administrator yet. This link makes the first one:\n"
                )?;
                writeln!(f, "  {base}set-up#{token}")
            }
            SignInHint::SignIn => writeln!(f, "Sign in at {base}"),
            SignInHint::NoAdmin => {
                writeln!(f, "Sign in at {base}")?;
                writeln!(f, "\nThere is no administrator yet. This makes one:\n")?;
                writeln!(
                    f,
                    "  tocsin user add --role admin --no-password --email ADDRESS"
                )
            }
            SignInHint::Demo(password) => {
                writeln!(f, "This is a demo: its alerts are made up.")?;
                writeln!(f, "\nSign in at {base} with\n")?;
                writeln!(f, "  e-mail    {}", demo::EMAIL)?;
                writeln!(f, "  password  {password}")
            }
        }
    }

    fn alertmanager(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nAdd this to alertmanager.yml, the route before your others:\n"
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
            IngestToken::OfSettings => Some("ONE OF ingest.tokens"),
            IngestToken::Made | IngestToken::Missing => Some("THE SECRET OF AN INGEST TOKEN"),
        };
        if let Some(credentials) = credentials {
            writeln!(f, "          http_config:")?;
            writeln!(f, "            authorization:")?;
            writeln!(f, "              credentials: {credentials}")?;
        }
        if let IngestToken::Missing = self.ingest {
            writeln!(
                f,
                "\nThis makes the token: tocsin token add --name alertmanager --scope ingest"
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
            "Tocsin {} listens on {}://{address}",
            env!("CARGO_PKG_VERSION"),
            settings.scheme()
        )?;
        self.way_in(f)?;
        self.alertmanager(f)?;
        match &settings.smtp {
            Some(smtp) => {
                let port = smtp.port.unwrap_or(smtp.tls.default_port());
                writeln!(
                    f,
                    "\nMail goes to the SMTP server {}:{port}, from {}.",
                    smtp.host, settings.from.email
                )
            }
            None => writeln!(
                f,
                "\nMail is written to files in {}, because no SMTP server is set (mail.smtp.host).",
                settings.mail_dir().display()
            ),
        }
    }
}
