//! Templates: the embedded ones, and overrides from a directory.

use std::path::Path;

use tera::{Context, Tera};

use super::words::Words;
use crate::Language;

/// One part of a mail, each with its own template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Subject,
    Text,
    Html,
}

impl Part {
    const ALL: [Part; 3] = [Part::Subject, Part::Text, Part::Html];

    /// File name. Tera escapes HTML depending on the suffix: `.html` is escaped, the other two are
    /// not.
    fn file(self) -> &'static str {
        match self {
            Part::Subject => "notification.subject",
            Part::Text => "notification.txt",
            Part::Html => "notification.html",
        }
    }

    fn embedded(self) -> &'static str {
        match self {
            Part::Subject => include_str!("../../../../templates/email/notification.subject"),
            Part::Text => include_str!("../../../../templates/email/notification.txt"),
            Part::Html => include_str!("../../../../templates/email/notification.html"),
        }
    }
}

/// The file with the words of a language.
const WORDS: &str = "words.toml";

fn embedded_words(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../../../../templates/email/en/words.toml"),
        Language::Zh => include_str!("../../../../templates/email/zh/words.toml"),
    }
}

/// Templates that cannot be used; the message has the file and the line.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    message: String,
}

impl TemplateError {
    pub(super) fn new(message: impl Into<String>) -> TemplateError {
        TemplateError {
            message: message.into(),
        }
    }
}

/// Templates and words of one language.
pub(super) struct Templates {
    pub(super) words: Words,
    tera: Tera,
    names: [String; 3],
}

impl Templates {
    /// The embedded templates.
    pub(super) fn embedded(language: Language) -> Result<Templates, TemplateError> {
        let words = Words::parse(embedded_words(language))
            .map_err(|error| TemplateError::new(format!("{}/{WORDS}: {error}", language.code())))?;
        let sources = Part::ALL.map(|part| (part.file().to_owned(), part.embedded().to_owned()));
        Templates::build(words, sources)
    }

    /// The embedded templates with overrides from `dir`, each found as `LANGUAGE/notification.html`
    /// or, for all languages, as `notification.html`. `None` if there is no such file.
    pub(super) fn overridden(
        language: Language,
        dir: &Path,
    ) -> Result<Option<Templates>, TemplateError> {
        let mut found = false;
        let mut words = Templates::embedded(language)?.words;
        let path = dir.join(language.code()).join(WORDS);
        if let Some(toml) = read(&path)? {
            found = true;
            let at = |error: String| TemplateError::new(format!("{}: {error}", path.display()));
            let over = Words::parse(&toml).map_err(|error| at(error.to_string()))?;
            words = words.overlaid(over).map_err(at)?;
        }
        let mut sources = Vec::new();
        for part in Part::ALL {
            let mut source = (part.file().to_owned(), part.embedded().to_owned());
            for path in [
                dir.join(language.code()).join(part.file()),
                dir.join(part.file()),
            ] {
                if let Some(text) = read(&path)? {
                    found = true;
                    // Named by its path, so that Tera's errors refer to the file.
                    source = (path.display().to_string(), text);
                    break;
                }
            }
            sources.push(source);
        }
        let sources: [(String, String); 3] = sources
            .try_into()
            .map_err(|_| TemplateError::new("a mail has three parts"))?;
        found.then(|| Templates::build(words, sources)).transpose()
    }

    fn build(words: Words, sources: [(String, String); 3]) -> Result<Templates, TemplateError> {
        let mut tera = Tera::default();
        tera.register_function("t", words.clone().function());
        tera.add_raw_templates(sources.iter().map(|(name, source)| (name, source)))
            .map_err(|error| TemplateError::new(error.to_string()))?;
        let names = sources.map(|(name, _)| name);
        Ok(Templates { words, tera, names })
    }

    /// Renders one part.
    pub(super) fn render(&self, part: Part, context: &Context) -> Result<String, TemplateError> {
        let [subject, text, html] = &self.names;
        let name = match part {
            Part::Subject => subject,
            Part::Text => text,
            Part::Html => html,
        };
        self.tera
            .render(name, context)
            .map_err(|error| TemplateError::new(error.to_string()))
    }
}

/// Reads a file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<String>, TemplateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TemplateError::new(format!("{}: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The keys that the templates use: literal `key="…"`, and keys derived from an event or a
    /// severity.
    fn used_keys() -> BTreeSet<String> {
        let mut keys: BTreeSet<String> = Part::ALL
            .iter()
            .flat_map(|part| part.embedded().split("key=\"").skip(1))
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
            .collect();
        for event in ["opened", "refreshed", "resolved", "expired", "closed"] {
            keys.insert(event.to_owned());
            keys.insert(format!("n_{event}"));
        }
        for other in [
            "critical", "warning", "info", "several", "d", "h", "min", "s",
        ] {
            keys.insert(other.to_owned());
        }
        keys
    }

    #[test]
    fn every_language_has_exactly_the_used_words_and_placeholders() {
        let english = Templates::embedded(Language::En).unwrap().words.shape();
        assert_eq!(
            english.keys().cloned().collect::<BTreeSet<_>>(),
            used_keys()
        );
        for language in Language::ALL {
            let shape = Templates::embedded(language).unwrap().words.shape();
            assert_eq!(shape, english, "{language:?}");
        }
    }
}
