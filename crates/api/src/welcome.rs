//! What `serve` prints at its start: where it is, what to put into
//! alertmanager.yml, and where mail goes.

use std::fmt;
use std::net::SocketAddr;

use crate::config::Settings;

/// Printed to standard output.
pub(crate) struct Welcome<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) address: SocketAddr,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, address } = self;
        writeln!(
            f,
            "Tocsin {} listens on http://{address}",
            env!("CARGO_PKG_VERSION")
        )?;
        if let Some(url) = &settings.public_url {
            writeln!(f, "People open it at {url}")?;
        }
        if settings.demo {
            writeln!(f, "This is a demo: its alerts are made up.")?;
        }
        writeln!(f, "\nPut this into alertmanager.yml:\n")?;
        writeln!(f, "  receivers:")?;
        writeln!(f, "    - name: tocsin")?;
        writeln!(f, "      webhook_configs:")?;
        writeln!(f, "        - url: {}", settings.webhook_url(*address))?;
        writeln!(f, "          send_resolved: true")?;
        if !settings.tokens.is_empty() {
            writeln!(f, "          http_config:")?;
            writeln!(f, "            authorization:")?;
            writeln!(f, "              credentials: ONE OF ingest.tokens")?;
        }
        writeln!(f, "  route:")?;
        writeln!(f, "    receiver: tocsin")?;
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
