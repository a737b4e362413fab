//! Handing a mail over, and whose fault it is when that fails.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::OutgoingMail;

/// Hands mails over to whatever carries them on.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands over one mail.
    ///
    /// Takes no longer than [`send_timeout`](Mailer::send_timeout). Dropping the future is safe:
    /// the mail may or may not have been taken then, as after a crash.
    ///
    /// # Errors
    ///
    /// [`SendError`] tells what to do next.
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivered, SendError>;

    /// What kind it is.
    fn mode(&self) -> Mode;

    /// The longest that one [`send`](Mailer::send) can take. An outbox lease must be longer, or
    /// two workers could send the same mail.
    fn send_timeout(&self) -> Duration;
}

/// Where mails go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// To an SMTP server.
    Smtp,
    /// To files: no SMTP is configured.
    File,
    /// To memory, in tests.
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

/// What became of a mail that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// The SMTP server took responsibility for it.
    Sent,
    /// It was written to a file, and nobody was mailed.
    Written {
        /// The file.
        path: PathBuf,
    },
}

/// Why a mail was not handed over, and so what to do next.
///
/// Only the SMTP command that failed tells whose fault it is: the same `550` is about this one
/// recipient after RCPT, and about us after MAIL FROM.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server refused this mail for good (5xx to RCPT or DATA, or an address that cannot be
    /// one, with code 553). The mail is over; others go on.
    #[error("refused with {code}: {message}")]
    Refused {
        /// The SMTP reply code.
        code: u16,
        /// What the server said.
        message: String,
    },
    /// The server does not take this mail now (4xx to RCPT or DATA, greylisting for one), or the
    /// connection broke while it was taking it. This mail is tried again after
    /// [`backoff`](crate::backoff); others go on.
    #[error("to be tried later: {message}")]
    TryLater {
        /// What the server said, with its code.
        message: String,
    },
    /// No mail can be handed over: the server, or what we are configured with, is at fault. The
    /// worker pauses ([`pause`](crate::pause)) and tells people.
    #[error("no mail can be handed over ({stage}): {message}")]
    Unavailable {
        /// How far it came.
        stage: Stage,
        /// What happened.
        message: String,
    },
}

/// How far handing over came before it failed for reasons of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Name resolution, TCP, the server's greeting or EHLO.
    Connect,
    /// TLS: not offered, not trusted, or broken off.
    Tls,
    /// User name and password.
    Auth,
    /// The server does not take mail from this sender.
    MailFrom,
    /// The directory for written mails ([`FileMailer`](crate::FileMailer)).
    Write,
}

impl Stage {
    /// A short name for metrics: `connect`, `tls`, `auth`, `mail_from` or `write`.
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
