//! An SMTP session, command by command.
//!
//! lettre's `AsyncSmtpTransport` would do all of this, but its error does not identify the failed
//! command (`AsyncSmtpConnection::send`, `client/async_connection.rs`, lettre 0.11.23, ends MAIL,
//! RCPT, DATA and the message alike), and it closes the connection at every rejection. How to
//! proceed depends on the command, so the commands are sent one by one here.
//!
//! lettre's `tracing` feature must stay disabled: it logs every line it writes, including AUTH with
//! the password (`AsyncSmtpConnection::write`).

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};

use super::settings::{Encryption, Server};
use super::step::{Failure, Limit, describe};
use crate::{SendError, Stage};

/// The command of a mail transaction that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Mail,
    Rcpt,
    Data,
    /// The message itself, up to the reply after the final dot.
    Message,
}

/// The parsed addresses of a mail, and its message.
pub(super) struct Envelope<'a> {
    pub(super) from: lettre::Address,
    pub(super) to: lettre::Address,
    pub(super) message: &'a [u8],
}

impl Envelope<'_> {
    /// Whether an address requires SMTPUTF8 (RFC 6531): only a non-ASCII local part does, domains
    /// are ASCII already.
    fn is_international(&self) -> bool {
        !self.from.to_string().is_ascii() || !self.to.to_string().is_ascii()
    }
}

/// An open connection, after TLS and AUTH.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Number of transactions so far.
    pub(super) used: u32,
}

impl Connection {
    /// Connects, starts TLS and authenticates; every failure here is [`SendError::Unavailable`].
    pub(super) async fn open(server: &Server, limit: &Limit) -> Result<Connection, SendError> {
        let failed = |stage, message: String| {
            let message = match &server.login {
                Some(login) => login.secret.scrub(&message),
                None => message,
            };
            SendError::Unavailable {
                stage,
                message: format!("{}:{}: {message}", server.host, server.port),
            }
        };

        let wrapper = match &server.encryption {
            Encryption::Smtps(tls) => Some(tls.clone()),
            Encryption::Starttls(_) | Encryption::None => None,
        };
        let address = (server.host.as_str(), server.port);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, None, &server.hello, wrapper, None);
        let mut smtp = limit.run(connecting).await.map_err(|error| match error {
            Some(error) if is_from_tls(&error) => failed(Stage::Tls, describe(&error)),
            Some(error) => failed(Stage::Connect, describe(&error)),
            None => failed(Stage::Connect, limit.no_answer()),
        })?;

        if let Encryption::Starttls(tls) = &server.encryption {
            if !smtp.can_starttls() {
                let message = "the server does not offer STARTTLS".to_owned();
                return Err(failed(Stage::Tls, message));
            }
            limit
                .step(smtp.starttls(tls.clone(), &server.hello))
                .await
                .map_err(|failure| failed(Stage::Tls, failure.to_string()))?;
        }

        if let Some(login) = &server.login {
            limit
                .step(smtp.auth(DEFAULT_MECHANISMS, &login.credentials))
                .await
                .map_err(|failure| failed(Stage::Auth, failure.to_string()))?;
        }
        Ok(Connection { smtp, used: 0 })
    }

    /// Resets a kept connection; returns false if it is dead.
    ///
    /// RSET and not NOOP: it also ends the transaction that a rejection left open.
    pub(super) async fn reset(&mut self, limit: &Limit) -> bool {
        limit.step(self.smtp.command(Rset)).await.is_ok()
    }

    /// Sends one mail.
    pub(super) async fn transact(
        &mut self,
        envelope: &Envelope<'_>,
        limit: &Limit,
    ) -> Result<(), (Command, Failure)> {
        self.used += 1;
        let options = self.mail_options(envelope)?;
        let smtp = &mut self.smtp;
        limit
            .step(smtp.command(Mail::new(Some(envelope.from.clone()), options)))
            .await
            .map_err(|failure| (Command::Mail, failure))?;
        limit
            .step(smtp.command(Rcpt::new(envelope.to.clone(), vec![])))
            .await
            .map_err(|failure| (Command::Rcpt, failure))?;
        limit
            .step(smtp.command(Data))
            .await
            .map_err(|failure| (Command::Data, failure))?;
        limit
            .step(smtp.message(envelope.message))
            .await
            .map_err(|failure| (Command::Message, failure))?;
        Ok(())
    }

    /// The parameters of MAIL. SIZE is omitted: a mail that is too large would be rejected at MAIL
    /// FROM, which counts as unavailable and stops all other mails.
    fn mail_options(
        &self,
        envelope: &Envelope<'_>,
    ) -> Result<Vec<MailParameter>, (Command, Failure)> {
        let mut options = Vec::new();
        let server = self.smtp.server_info();
        if envelope.is_international() {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                let whose = match envelope.from.to_string().is_ascii() {
                    true => Command::Rcpt,
                    false => Command::Mail,
                };
                let text =
                    "the server does not support addresses outside ASCII (SMTPUTF8)".to_owned();
                return Err((whose, Failure::Reply { code: 553, text }));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !envelope.message.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(options)
    }

    /// Sends QUIT; the reply does not matter.
    pub(super) async fn quit(mut self, limit: &Limit) {
        let _ = limit.step(self.smtp.quit()).await;
    }
}

/// Whether connecting failed in the TLS handshake, not before or after.
///
/// `AsyncNetworkStream::upgrade_tls` wraps the error of `upgrade_tokio1_tls`, which is lettre's own
/// already, once more; every other failure to connect has an `io::Error` or a string as its source
/// (`client/async_net.rs`, lettre 0.11.23). The SMTPS tests check this.
fn is_from_tls(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<Error>())
}
