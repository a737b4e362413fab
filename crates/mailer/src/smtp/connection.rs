//! A conversation with the server, command by command.
//!
//! lettre's `AsyncSmtpTransport` would do all of this, but its error does not say which command
//! failed (`AsyncSmtpConnection::send`, `client/async_connection.rs`, lettre 0.11.23, ends MAIL,
//! RCPT, DATA and the message alike), and it cuts the connection at every refusal. What to do
//! next hangs on the command, so the commands are given one by one here.
//!
//! lettre's `tracing` feature must stay off: it logs every line it writes, AUTH with the password
//! among them (`AsyncSmtpConnection::write`).

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};

use super::settings::{Encryption, Server};
use super::step::{Failure, Limit, describe};
use crate::{SendError, Stage};

/// Where in a mail's transaction something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Mail,
    Rcpt,
    Data,
    /// The message itself, up to the reply after the final dot.
    Message,
}

/// A mail's addresses, parsed, and its bytes.
pub(super) struct Envelope<'a> {
    pub(super) from: lettre::Address,
    pub(super) to: lettre::Address,
    pub(super) message: &'a [u8],
}

impl Envelope<'_> {
    /// Whether an address needs SMTPUTF8 (RFC 6531): only a non-ASCII local part does, domains
    /// are ASCII already.
    fn is_international(&self) -> bool {
        !self.from.to_string().is_ascii() || !self.to.to_string().is_ascii()
    }
}

/// An open connection, after TLS and AUTH.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    /// Transactions so far.
    pub(super) used: u32,
}

impl Connection {
    /// Connects, encrypts and authenticates; whatever fails here is ours.
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

    /// Brings a connection that was used before back to its start; false when it is dead.
    ///
    /// RSET and not NOOP: it also ends the transaction that a refusal left open.
    pub(super) async fn reset(&mut self, limit: &Limit) -> bool {
        limit.step(self.smtp.command(Rset)).await.is_ok()
    }

    /// Hands over one mail.
    pub(super) async fn transact(
        &mut self,
        parcel: &Envelope<'_>,
        limit: &Limit,
    ) -> Result<(), (Command, Failure)> {
        self.used += 1;
        let options = self.mail_options(parcel)?;
        let smtp = &mut self.smtp;
        limit
            .step(smtp.command(Mail::new(Some(parcel.from.clone()), options)))
            .await
            .map_err(|failure| (Command::Mail, failure))?;
        limit
            .step(smtp.command(Rcpt::new(parcel.to.clone(), vec![])))
            .await
            .map_err(|failure| (Command::Rcpt, failure))?;
        limit
            .step(smtp.command(Data))
            .await
            .map_err(|failure| (Command::Data, failure))?;
        limit
            .step(smtp.message(parcel.message))
            .await
            .map_err(|failure| (Command::Message, failure))?;
        Ok(())
    }

    /// What MAIL must announce. SIZE is not: a mail that is too large would then be refused at
    /// MAIL FROM, where a refusal is taken for ours, and stop all others.
    fn mail_options(
        &self,
        parcel: &Envelope<'_>,
    ) -> Result<Vec<MailParameter>, (Command, Failure)> {
        let mut options = Vec::new();
        let server = self.smtp.server_info();
        if parcel.is_international() {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                let whose = match parcel.from.to_string().is_ascii() {
                    true => Command::Rcpt,
                    false => Command::Mail,
                };
                let text = "the server takes no addresses outside ASCII (SMTPUTF8)".to_owned();
                return Err((whose, Failure::Reply { code: 553, text }));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !parcel.message.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(options)
    }

    /// Says good-bye; nothing hangs on the answer.
    pub(super) async fn quit(mut self, limit: &Limit) {
        let _ = limit.step(self.smtp.quit()).await;
    }
}

/// Whether connecting failed in the TLS handshake, not before or after.
///
/// `AsyncNetworkStream::upgrade_tls` wraps the error of `upgrade_tokio1_tls`, which is lettre's
/// own already, once more; every other failure to connect carries an `io::Error` or a text
/// (`client/async_net.rs`, lettre 0.11.23). The tests of SMTPS hold this.
fn is_from_tls(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<Error>())
}
