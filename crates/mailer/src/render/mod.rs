//! From facts to a message.

use std::path::Path;

use crate::{MailFacts, OutgoingMail};

mod stem;

pub use stem::subject_stem;

/// Renders mails.
pub struct Renderer {}

/// Templates that cannot be used; names the file and the line.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    message: String,
}

/// A mail that cannot be rendered, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The recipient's address cannot be one: this mail is over.
    #[error("the recipient's address is {0}")]
    Recipient(crate::InvalidAddress),
    /// The sender's address, a setting, cannot be one: every mail will fail.
    #[error("the sender's address is {0}")]
    Sender(crate::InvalidAddress),
    /// The embedded templates failed, or the message could not be put together: a fault of ours.
    #[error("cannot render the mail: {0}")]
    Internal(String),
}

impl Renderer {
    /// The embedded templates, each replaced by the file of the same name under `override_dir`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or parsed.
    pub fn new(_override_dir: Option<&Path>) -> Result<Renderer, TemplateError> {
        Ok(Renderer {})
    }

    /// Renders one mail.
    ///
    /// # Errors
    ///
    /// See [`RenderError`].
    pub fn render(&self, _facts: &MailFacts) -> Result<OutgoingMail, RenderError> {
        Err(RenderError::Internal("not built yet".to_owned()))
    }
}
