//! Mails sent to an SMTP server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Delivered, Mailer, Mode, OutgoingMail, SendError, Stage, address};

mod connection;
mod pool;
mod settings;
mod step;
mod tls;

use connection::{Command, Connection, Envelope};
use pool::Pool;
use settings::Server;
use step::{Failure, Limit};

pub use settings::{SettingsError, SmtpSettings, TlsMode};

/// Sends mails through one SMTP server, over pooled connections.
///
/// It does not limit the number of concurrent sends; its caller does.
pub struct SmtpMailer {
    server: Server,
    pool: Arc<Pool>,
}

impl SmtpMailer {
    /// Validates the settings and reads the certificates; does not connect.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for invalid settings.
    pub fn new(settings: &SmtpSettings) -> Result<SmtpMailer, SettingsError> {
        Ok(SmtpMailer {
            server: Server::new(settings)?,
            pool: Arc::default(),
        })
    }

    /// Sends a mail on a pooled connection. `None` if there is none, or if it was dead before the
    /// server had the mail, which is not an error.
    async fn send_on_kept(
        &self,
        envelope: &Envelope<'_>,
        limit: &Limit,
    ) -> Option<Result<(), SendError>> {
        let mut connection = self.pool.take()?;
        if !connection.reset(limit).await {
            return None;
        }
        let result = connection.transact(envelope, limit).await;
        match &result {
            Err((Command::Mail | Command::Rcpt | Command::Data, failure))
                if !failure.leaves_connection_usable() =>
            {
                None
            }
            _ => Some(self.conclude(connection, result)),
        }
    }

    /// Returns the connection to the pool if it is usable, and converts the result.
    fn conclude(
        &self,
        connection: Connection,
        result: Result<(), (Command, Failure)>,
    ) -> Result<(), SendError> {
        let usable = match &result {
            Ok(()) => true,
            Err((_, failure)) => failure.leaves_connection_usable(),
        };
        if usable {
            self.pool.put(connection, self.server.timeout);
        }
        result.map_err(|(command, failure)| classify(command, failure))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivered, SendError> {
        let envelope = Envelope {
            from: address::parse(&mail.from).map_err(|error| SendError::Unavailable {
                stage: Stage::MailFrom,
                message: format!("sender: {error}"),
            })?,
            to: address::parse(&mail.to).map_err(|error| SendError::Refused {
                code: 553,
                message: error.to_string(),
            })?,
            message: &mail.message,
        };
        let limit = Limit::start(self.server.timeout);
        if let Some(result) = self.send_on_kept(&envelope, &limit).await {
            return result.map(|()| Delivered::Sent);
        }
        let mut connection = Connection::open(&self.server, &limit).await?;
        let result = connection.transact(&envelope, &limit).await;
        self.conclude(connection, result).map(|()| Delivered::Sent)
    }

    fn mode(&self) -> Mode {
        Mode::Smtp
    }

    fn send_timeout(&self) -> Duration {
        self.server.timeout * step::STEPS
    }
}

/// Classifies a failure: of this mail only, or of all mails.
///
/// | at            | 5xx         | 4xx         | no answer   |
/// | ------------- | ----------- | ----------- | ----------- |
/// | MAIL FROM     | unavailable | unavailable | unavailable |
/// | RCPT and DATA | refused     | try later   | try later   |
///
/// A connection that is lost after MAIL FROM counts as a failure of the mail, so that a mail for
/// which a filter closes the connection does not stop all others; if the server is down, the next
/// attempt to connect fails as unavailable.
fn classify(command: Command, failure: Failure) -> SendError {
    match (command, failure) {
        (Command::Mail, failure) => SendError::Unavailable {
            stage: Stage::MailFrom,
            message: failure.to_string(),
        },
        (_, Failure::Reply { code, text }) if code >= 500 => SendError::Refused {
            code,
            message: text,
        },
        (_, failure) => SendError::TryLater {
            message: failure.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16) -> Failure {
        Failure::Reply {
            code,
            text: "from the server".to_owned(),
        }
    }

    #[test]
    fn the_command_tells_whose_fault_it_is() {
        let refused = SendError::Refused {
            code: 550,
            message: "from the server".to_owned(),
        };
        let ours = |message: &str| SendError::Unavailable {
            stage: Stage::MailFrom,
            message: message.to_owned(),
        };
        for command in [Command::Rcpt, Command::Data, Command::Message] {
            assert_eq!(classify(command, reply(550)), refused);
            assert!(matches!(
                classify(command, reply(450)),
                SendError::TryLater { .. }
            ));
            let lost = Failure::Lost("gone".to_owned());
            assert!(matches!(
                classify(command, lost),
                SendError::TryLater { .. }
            ));
        }
        assert_eq!(
            classify(Command::Mail, reply(550)),
            ours("550 from the server")
        );
        assert_eq!(
            classify(Command::Mail, reply(450)),
            ours("450 from the server")
        );
        assert_eq!(
            classify(Command::Mail, Failure::Lost("gone".to_owned())),
            ours("gone")
        );
    }

    #[test]
    fn a_server_that_closes_is_not_used_on() {
        assert!(reply(550).leaves_connection_usable());
        assert!(!reply(421).leaves_connection_usable());
        assert!(!Failure::Lost(String::new()).leaves_connection_usable());
    }
}
