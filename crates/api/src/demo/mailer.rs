//! Mail of the generated history.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tocsin_mailer::{Delivered, FileMailer, Mailer, Mode, OutgoingMail, SendError};

/// Domain of recipients that no longer exist.
const DELETED: &str = "@left.example.com";

/// Writes the mails of the last days to files, and only reports older ones as written: their files
/// would have been deleted by now.
#[derive(Debug)]
pub(super) struct DemoMailer {
    pub(super) files: FileMailer,
    pub(super) keep_from: DateTime<Utc>,
}

#[async_trait]
impl Mailer for DemoMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<Delivered, SendError> {
        if mail.to.ends_with(DELETED) {
            let message = "5.1.1 The mailbox does not exist".to_owned();
            return Err(SendError::Refused { code: 550, message });
        }
        if mail.date < self.keep_from {
            return Ok(Delivered::Written {
                path: PathBuf::new(),
            });
        }
        self.files.send(mail).await
    }

    fn mode(&self) -> Mode {
        Mode::File
    }

    fn send_timeout(&self) -> Duration {
        self.files.send_timeout()
    }
}
