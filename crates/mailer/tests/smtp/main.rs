//! Sending through a real SMTP server, with TLS, AUTH and rejections.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps says where it failed, in its helpers too"
)]

mod delivery;
mod outages;
mod refusals;
mod security;
mod support;

use std::time::{Duration, Instant};

use mail_parser::MessageParser;
use support::{AUTH, Certificates, Server, mail, secure_settings, settings};
use tocsin_mailer::{
    Delivered, Language, Mailer, Mode, OutgoingMail, Renderer, Secret, SendError, SettingsError,
    SmtpMailer, SmtpSettings, Stage, TlsMode, sample_content,
};

fn mailer(settings: &SmtpSettings) -> SmtpMailer {
    SmtpMailer::new(settings).unwrap()
}

/// The stage and message of an unavailable server.
fn unavailable(result: Result<Delivered, SendError>) -> (Stage, String) {
    match result {
        Err(SendError::Unavailable { stage, message }) => (stage, message),
        other => panic!("{other:?}"),
    }
}
