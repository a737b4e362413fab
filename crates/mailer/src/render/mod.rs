//! Renders the content of a mail into a message.

use std::path::Path;

use tera::Context;

use crate::{InvalidAddress, Language, MailContent, OutgoingMail, address, text};

mod message;
mod sample;
mod stem;
mod templates;
#[cfg(test)]
mod tests;
mod time;
mod view;
mod words;

use message::Parts;
use templates::{Part, Templates};
use view::View;

pub use sample::content as sample_content;
pub use stem::subject_stem;
pub use templates::TemplateError;

/// Maximum number of alerts shown in full; the rest are counted, with a link.
const MAX_ALERTS: usize = 50;
/// Maximum size of the HTML part. Gmail clips HTML after 102 KB, starting with the reasons at the
/// end. Fewer alerts are shown if 50 would not fit.
const MAX_HTML: usize = 90_000;
/// Maximum length of the subject, in characters.
const MAX_SUBJECT: usize = 200;

/// Renders mails from the embedded templates, or from overrides in a directory.
///
/// **The subject is the same in every mail of a thread**: the stem, without the state. `References`
/// alone do not hold a thread together: Gmail starts a new conversation when the subject changes
/// (its API documentation requires equal subjects besides `References`), and Outlook groups by the
/// subject without `Re:`. Neither ignores a `[FIRING:2]` prefix like a `Re:`, so it would split the
/// firing and the resolved mail of one incident in the two most common programs. The state is first
/// in the body instead, where mail lists show it as the preview. To have it in the subject,
/// override `notification.subject`.
pub struct Renderer {
    english: Set,
    chinese: Set,
}

/// The templates of one language.
struct Set {
    embedded: Templates,
    overridden: Option<Templates>,
}

/// A mail that can never be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The recipient's address is invalid: this mail fails.
    #[error("recipient: {0}")]
    Recipient(InvalidAddress),
    /// The sender's address, a setting, is invalid: every mail fails.
    #[error("sender: {0}")]
    Sender(InvalidAddress),
    /// The embedded templates failed, or an ID is invalid: a bug.
    #[error("cannot render the mail: {0}")]
    Internal(String),
}

impl Renderer {
    /// Loads the embedded templates, each replaced by the file of the same name in `override_dir`:
    /// `notification.subject`, `.txt` or `.html` for all languages, the same below `en` or `zh` for
    /// one, and `en/words.toml` or `zh/words.toml` with any of the words.
    ///
    /// Overrides are tested here with a sample mail, so that errors are found at startup and not at
    /// the first alert.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, parsed or rendered; the message has its path and line.
    pub fn new(override_dir: Option<&Path>) -> Result<Renderer, TemplateError> {
        if let Some(dir) = override_dir {
            let meta = std::fs::metadata(dir)
                .map_err(|error| TemplateError::new(format!("{}: {error}", dir.display())))?;
            if !meta.is_dir() {
                return Err(TemplateError::new(format!(
                    "{}: not a directory",
                    dir.display()
                )));
            }
        }
        Ok(Renderer {
            english: Set::new(Language::En, override_dir)?,
            chinese: Set::new(Language::Zh, override_dir)?,
        })
    }

    /// Renders one mail. The same content gives the same bytes.
    ///
    /// # Errors
    ///
    /// See [`RenderError`]. If an override fails, the error is logged and the embedded template is
    /// used, because the mail must be sent.
    pub fn render(&self, content: &MailContent) -> Result<OutgoingMail, RenderError> {
        let from = address::parse(&content.from.email).map_err(RenderError::Sender)?;
        let to = address::parse(&content.to.email).map_err(RenderError::Recipient)?;
        let set = match content.language {
            Language::En => &self.english,
            Language::Zh => &self.chinese,
        };
        let parts = set
            .render(content)
            .map_err(|error| RenderError::Internal(error.to_string()))?;
        let message = message::assemble(content, &from, &to, &parts)
            .map_err(|error| RenderError::Internal(error.to_string()))?;
        Ok(OutgoingMail {
            from: from.to_string(),
            to: to.to_string(),
            subject: parts.subject,
            message_id: content.message_id.clone(),
            date: content.date,
            message,
        })
    }
}

impl Set {
    fn new(language: Language, dir: Option<&Path>) -> Result<Set, TemplateError> {
        let overridden = match dir {
            Some(dir) => Templates::overridden(language, dir)?,
            None => None,
        };
        if let Some(templates) = &overridden {
            for content in [sample::content(language), sample::bare(language)] {
                let context = context(&View::new(&content, &templates.words, MAX_ALERTS))?;
                for part in [Part::Subject, Part::Text, Part::Html] {
                    templates.render(part, &context)?;
                }
            }
        }
        Ok(Set {
            embedded: Templates::embedded(language)?,
            overridden,
        })
    }

    fn render(&self, content: &MailContent) -> Result<Parts, TemplateError> {
        let words = &self.overridden.as_ref().unwrap_or(&self.embedded).words;
        let mut limit = MAX_ALERTS;
        let (context, html) = loop {
            let view = View::new(content, words, limit);
            let context = context(&view)?;
            let html = self.part(Part::Html, &context)?;
            if html.len() <= MAX_HTML || limit <= 1 {
                break (context, html);
            }
            limit = (limit.min(view.alerts.len()) * MAX_HTML / html.len()).clamp(1, limit - 1);
        };
        let subject = text::line(&self.part(Part::Subject, &context)?, MAX_SUBJECT);
        Ok(Parts {
            subject: if subject.is_empty() {
                "Tocsin".to_owned()
            } else {
                subject
            },
            text: tidy(&self.part(Part::Text, &context)?),
            html: html.replace("\r\n", "\n"),
        })
    }

    fn part(&self, part: Part, context: &Context) -> Result<String, TemplateError> {
        if let Some(templates) = &self.overridden {
            match templates.render(part, context) {
                Ok(text) => return Ok(text),
                Err(error) => tracing::warn!(
                    %error,
                    "an overriding mail template failed; using the embedded one"
                ),
            }
        }
        self.embedded.render(part, context)
    }
}

fn context(view: &View) -> Result<Context, TemplateError> {
    Context::from_serialize(view).map_err(|error| TemplateError::new(error.to_string()))
}

/// Removes spaces at the ends of lines and repeated empty lines, so that templates may be formatted
/// for readability.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines() {
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty <= 1 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
