//! Sending a mail, and how to proceed if that fails.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::OutgoingMail;

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one mail.
    ///
    /// Takes at most [`send_timeout`](Mailer::send_timeout). Dropping the future is safe: the mail
    /// may or may not have been accepted then, as after a crash.
    ///
    /// # Errors
    ///
    /// [`SendError`], whose variant determines how to proceed.
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivered, SendError>;

    /// The kind of mailer.
    fn mode(&self) -> Mode;

    /// Maximum duration of one [`send`](Mailer::send). An outbox lease must be longer, or two
    /// workers could send the same mail.
    fn send_timeout(&self) -> Duration;
}

/// Destination of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An SMTP server.
    Smtp,
    /// Files, if no SMTP is configured.
    File,
    /// Memory, in tests.
    Memory,
}

impl Mode {
    /// `smtp`, `file` or `memory`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Smtp => "smtp",
            Mode::File => "file",
            Mode::Memory => "memory",
        }
    }
}

/// Result of a successful send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// The SMTP server accepted the mail.
    Sent,
    /// The mail was written to a file and not sent.
    Written {
        /// The file.
        path: PathBuf,
    },
}

/// Why a mail was not sent, and so how to proceed.
///
/// The failed SMTP command determines the cause: the same `550` concerns the recipient after RCPT,
/// and the configuration after MAIL FROM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server rejected this mail permanently (5xx to RCPT or DATA, or an invalid address, with
    /// code 553). The mail has failed; other mails are not affected.
    #[error("rejected with {code}: {message}")]
    Refused {
        /// The SMTP reply code.
        code: u16,
        /// Reply of the server.
        message: String,
    },
    /// The server rejected this mail temporarily (4xx to RCPT or DATA, such as greylisting), or the
    /// connection was lost during its transaction. This mail is tried again after
    /// [`backoff`](crate::backoff); other mails are not affected.
    #[error("temporary failure: {message}")]
    TryLater {
        /// Reply of the server, with its code.
        message: String,
    },
    /// No mail can be sent because of the server or the configuration. The worker pauses
    /// ([`pause`](crate::pause)) and shows a warning.
    #[error("mail delivery is unavailable ({stage}): {message}")]
    Unavailable {
        /// The stage that failed.
        stage: Stage,
        /// Error message.
        message: String,
    },
}

/// The stage at which sending failed because of the server or the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Name resolution, TCP, the server's greeting or EHLO.
    Connect,
    /// TLS: not offered, not trusted, or aborted.
    Tls,
    /// User name and password.
    Auth,
    /// The server rejects this sender.
    MailFrom,
    /// The directory for mail files ([`FileMailer`](crate::FileMailer)).
    Write,
}

impl Stage {
    /// Short name for metrics: `connect`, `tls`, `auth`, `mail_from` or `write`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Tls => "tls",
            Stage::Auth => "auth",
            Stage::MailFrom => "mail_from",
            Stage::Write => "write",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stage::Connect => "connecting",
            Stage::Tls => "TLS",
            Stage::Auth => "authentication",
            Stage::MailFrom => "MAIL FROM",
            Stage::Write => "writing the file",
        })
    }
}
