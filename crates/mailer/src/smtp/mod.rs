//! Mails handed to an SMTP server.

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

/// Sends mails through one SMTP server, over connections that are kept for a while.
///
/// It does not limit how many mails are sent at once; its caller does.
pub struct SmtpMailer {
    server: Server,
    pool: Arc<Pool>,
}

impl SmtpMailer {
    /// Checks the settings and reads the certificates; does not connect.
    ///
    /// # Errors
    ///
    /// Settings that cannot work.
    pub fn new(settings: &SmtpSettings) -> Result<SmtpMailer, SettingsError> {
        Ok(SmtpMailer {
            server: Server::new(settings)?,
            pool: Arc::default(),
        })
    }

    /// Hands over a mail on a kept connection. `None` when there is none, or it turned out to be
    /// dead before the server had the mail: then nothing happened that anyone need know of.
    async fn send_on_kept(
        &self,
        parcel: &Envelope<'_>,
        limit: &Limit,
    ) -> Option<Result<(), SendError>> {
        let mut connection = self.pool.take()?;
        if !connection.reset(limit).await {
            return None;
        }
        let result = connection.transact(parcel, limit).await;
        match &result {
            Err((Command::Mail | Command::Rcpt | Command::Data, failure))
                if !failure.leaves_connection_usable() =>
            {
                None
            }
            _ => Some(self.conclude(connection, result)),
        }
    }

    /// Keeps the connection where it can be, and says what the result means.
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
        result.map_err(|(command, failure)| judge(command, failure))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivered, SendError> {
        let parcel = Envelope {
            from: address::parse(&mail.from).map_err(|error| SendError::Unavailable {
                stage: Stage::MailFrom,
                message: format!("the sender is {error}"),
            })?,
            to: address::parse(&mail.to).map_err(|error| SendError::Refused {
                code: 553,
                message: error.to_string(),
            })?,
            message: &mail.message,
        };
        let limit = Limit::start(self.server.timeout);
        if let Some(result) = self.send_on_kept(&parcel, &limit).await {
            return result.map(|()| Delivered::Sent);
        }
        let mut connection = Connection::open(&self.server, &limit).await?;
        let result = connection.transact(&parcel, &limit).await;
        self.conclude(connection, result).map(|()| Delivered::Sent)
    }

    fn mode(&self) -> Mode {
        Mode::Smtp
    }

    fn send_timeout(&self) -> Duration {
        self.server.timeout * step::STEPS
    }
}

/// Whose fault it is: the mail's or ours (rule 5 of the design).
///
/// | at            | 5xx         | 4xx         | no answer   |
/// | ------------- | ----------- | ----------- | ----------- |
/// | MAIL FROM     | unavailable | unavailable | unavailable |
/// | RCPT and DATA | refused     | try later   | try later   |
///
/// A connection that breaks after MAIL FROM is put on the mail, so that one which a filter kills
/// the connection for does not stop all others; if it is the server that is gone, the next
/// attempt to connect says so.
fn judge(command: Command, failure: Failure) -> SendError {
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
            text: "said the server".to_owned(),
        }
    }

    #[test]
    fn the_command_tells_whose_fault_it_is() {
        let refused = SendError::Refused {
            code: 550,
            message: "said the server".to_owned(),
        };
        let ours = |message: &str| SendError::Unavailable {
            stage: Stage::MailFrom,
            message: message.to_owned(),
        };
        for command in [Command::Rcpt, Command::Data, Command::Message] {
            assert_eq!(judge(command, reply(550)), refused);
            assert!(matches!(
                judge(command, reply(450)),
                SendError::TryLater { .. }
            ));
            let lost = Failure::Lost("gone".to_owned());
            assert!(matches!(judge(command, lost), SendError::TryLater { .. }));
        }
        assert_eq!(
            judge(Command::Mail, reply(550)),
            ours("550 said the server")
        );
        assert_eq!(
            judge(Command::Mail, reply(450)),
            ours("450 said the server")
        );
        assert_eq!(
            judge(Command::Mail, Failure::Lost("gone".to_owned())),
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
