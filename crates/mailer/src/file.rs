//! Mails written to files.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Delivered, Mailer, Mode, OutgoingMail, SendError, Stage};

/// How much is kept; what is oldest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLimits {
    /// How many files.
    pub max_files: usize,
    /// How many bytes they hold together.
    pub max_bytes: u64,
}

/// Writes each mail as an `.eml` file.
#[derive(Debug)]
pub struct FileMailer {
    dir: PathBuf,
}

impl FileMailer {
    /// One that writes into `dir`, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// The directory cannot be made, read or written.
    pub fn new(dir: impl Into<PathBuf>, _limits: FileLimits) -> Result<FileMailer, std::io::Error> {
        Ok(FileMailer { dir: dir.into() })
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, _mail: &OutgoingMail) -> Result<Delivered, SendError> {
        Err(SendError::Unavailable {
            stage: Stage::Write,
            message: format!("not built yet: {}", self.dir.display()),
        })
    }

    fn mode(&self) -> Mode {
        Mode::File
    }

    fn send_timeout(&self) -> Duration {
        Duration::from_secs(30)
    }
}
