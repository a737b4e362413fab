//! Rendering and sending of Tocsin's mail.
//!
//! Two halves that meet in [`OutgoingMail`]:
//!
//! - [`Renderer`] turns [`MailFacts`] (plain data, decided long before) into a complete RFC 5322
//!   message in the recipient's language and time zone. It is pure: the same facts give the same
//!   bytes, so that a mail sent twice after a crash is the same mail.
//! - a [`Mailer`] hands such a message over: to an SMTP server ([`SmtpMailer`]), to a directory
//!   ([`FileMailer`], while no SMTP is configured) or to memory ([`MemoryMailer`], for tests).
//!   [`SendError`] says whose fault a failure is, which is what the outbox worker acts on.
//!
//! This crate knows no database, no queue and no routing: who is mailed, when and why is decided
//! by its callers, and [`backoff`] only says how long they wait.

mod address;
mod content;
mod file;
mod mailer;
mod memory;
mod outgoing;
mod render;
mod retry;
mod secret;
mod smtp;
mod text;

pub use address::{Address, InvalidAddress};
pub use content::{EventKind, Language, MailContent, NotifiedAlert, Reason};
pub use file::{FileLimits, FileMailer};
pub use mailer::{Delivered, Mailer, Mode, SendError, Stage};
pub use memory::MemoryMailer;
pub use outgoing::OutgoingMail;
pub use render::{RenderError, Renderer, TemplateError, sample_facts, subject_stem};
pub use retry::{MAX_ATTEMPTS, backoff, pause};
pub use secret::Secret;
pub use smtp::{SettingsError, SmtpMailer, SmtpSettings, TlsMode};
