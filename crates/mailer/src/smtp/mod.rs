//! Mails handed to an SMTP server.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Delivered, Mailer, Mode, OutgoingMail, SendError, Stage};

mod settings;

pub use settings::{SettingsError, SmtpSettings, TlsMode};

/// Sends mails through one SMTP server.
pub struct SmtpMailer {
    settings: SmtpSettings,
}

impl SmtpMailer {
    /// Checks the settings and reads the certificates; does not connect.
    ///
    /// # Errors
    ///
    /// Settings that cannot work.
    pub fn new(settings: SmtpSettings) -> Result<SmtpMailer, SettingsError> {
        Ok(SmtpMailer { settings })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, _mail: &OutgoingMail) -> Result<Delivered, SendError> {
        Err(SendError::Unavailable {
            stage: Stage::Connect,
            message: "not built yet".to_owned(),
        })
    }

    fn mode(&self) -> Mode {
        Mode::Smtp
    }

    fn send_timeout(&self) -> Duration {
        self.settings.timeout * 3
    }
}
