//! From facts to a message.

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

pub use sample::facts as sample_facts;
pub use stem::subject_stem;
pub use templates::TemplateError;

/// How many alerts a mail shows in full; the rest are counted, with a link.
const MAX_ALERTS: usize = 50;
/// Gmail cuts HTML off after 102 KB, and what is cut first is why one got the mail. Fewer alerts
/// are shown where 50 would not fit.
const MAX_HTML: usize = 90_000;
/// The longest subject, in characters.
const MAX_SUBJECT: usize = 200;

/// Renders mails from the embedded templates, or from those of a directory in their place.
///
/// **The subject is the same in every mail of a thread**: the stem, without the state. `References`
/// alone do not hold a thread together: Gmail starts a new conversation when the subject changes
/// (its API documentation asks for equal subjects besides `References`), and Outlook groups by the
/// subject without `Re:`. A `[FIRING:2]` in front is no `Re:` to either, so firing and resolved of
/// one incident would part, in the two programs most people have. The state is the first thing in
/// the body instead, where every list of mails shows it as the preview. Whoever prefers it in the
/// subject overrides `notification.subject`.
pub struct Renderer {
    english: Set,
    chinese: Set,
}

/// One language's templates.
struct Set {
    embedded: Templates,
    overridden: Option<Templates>,
}

/// A mail that cannot be rendered, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The recipient's address cannot be one: this mail is over.
    #[error("the recipient is {0}")]
    Recipient(InvalidAddress),
    /// The sender's address, a setting, cannot be one: every mail will fail.
    #[error("the sender is {0}")]
    Sender(InvalidAddress),
    /// The embedded templates failed, or an id is none: a fault of ours.
    #[error("cannot render the mail: {0}")]
    Internal(String),
}

impl Renderer {
    /// The embedded templates, each replaced by the file of the same name in `override_dir`:
    /// `notification.subject`, `.txt` or `.html` for all languages, the same below `en` or `zh` for
    /// one, and `en/words.toml` or `zh/words.toml` with any of the words.
    ///
    /// Files that replace are tried out here with a made-up mail, so that a mistake in them is
    /// found at the start and not at the first alert.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, parsed or rendered; the message names it and the line.
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

    /// Renders one mail. The same facts give the same bytes.
    ///
    /// # Errors
    ///
    /// See [`RenderError`]. A template of the directory that fails is no error: it is logged, and
    /// the embedded one is used, because the mail must go out.
    pub fn render(&self, facts: &MailContent) -> Result<OutgoingMail, RenderError> {
        let from = address::parse(&facts.from.email).map_err(RenderError::Sender)?;
        let to = address::parse(&facts.to.email).map_err(RenderError::Recipient)?;
        let set = match facts.language {
            Language::En => &self.english,
            Language::Zh => &self.chinese,
        };
        let parts = set
            .render(facts)
            .map_err(|error| RenderError::Internal(error.to_string()))?;
        let message = message::assemble(facts, &from, &to, &parts)
            .map_err(|error| RenderError::Internal(error.to_string()))?;
        Ok(OutgoingMail {
            from: from.to_string(),
            to: to.to_string(),
            subject: parts.subject,
            message_id: facts.message_id.clone(),
            date: facts.date,
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
            for facts in [sample::facts(language), sample::bare(language)] {
                let context = context(&View::new(&facts, &templates.words, MAX_ALERTS))?;
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

    fn render(&self, facts: &MailContent) -> Result<Parts, TemplateError> {
        let words = &self.overridden.as_ref().unwrap_or(&self.embedded).words;
        let mut limit = MAX_ALERTS;
        let (context, html) = loop {
            let view = View::new(facts, words, limit);
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
                    "a mail template of the directory failed; the embedded one is used instead"
                ),
            }
        }
        self.embedded.render(part, context)
    }
}

fn context(view: &View) -> Result<Context, TemplateError> {
    Context::from_serialize(view).map_err(|error| TemplateError::new(error.to_string()))
}

/// Plain text without spaces at the ends of lines and with at most one empty line in a row, so
/// that templates can be written to be read.
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
