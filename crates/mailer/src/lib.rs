//! Rendering and sending of Tocsin's mail.
//!
//! The two halves meet in [`OutgoingMail`]:
//!
//! - [`Renderer`] renders [`MailContent`] (plain data, decided long before) into a complete RFC 5322
//!   message in the recipient's language and time zone. It is pure: the same content gives the same
//!   bytes, so that a mail sent twice after a crash is the same mail.
//! - A [`Mailer`] sends such a message: to an SMTP server ([`SmtpMailer`]), to a directory
//!   ([`FileMailer`], if no SMTP is configured) or to memory ([`MemoryMailer`], for tests).
//!   [`SendError`] classifies failures, and the outbox worker acts on the class.
//!
//! This crate has no database, no queue and no routing: the callers decide the recipients, the time
//! and the reason, and [`backoff`] only computes their delays.

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
pub use render::{RenderError, Renderer, TemplateError, sample_content, subject_stem};
pub use retry::{MAX_ATTEMPTS, backoff, pause};
pub use secret::Secret;
pub use smtp::{SettingsError, SmtpMailer, SmtpSettings, TlsMode};
