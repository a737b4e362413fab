//! Why a change that a person asked for was not made, and of which version it
//! was asked.

use serde_json::Value;
use tocsin_core::matcher::{self, InvalidMatcher, MatcherError};
use tocsin_storage::StorageError;

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldIssue {
    /// The field as the API names it, such as `email` or `matchers[0]`.
    pub field: String,
    /// What is wrong and what was expected, as a sentence.
    pub message: String,
}

impl FieldIssue {
    /// An issue of one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Why a change was not made. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Fields are wrong; all of them are named.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldIssue>),
    /// The request is right in itself, but not of what is stored now: it names
    /// what is not there (any more), or leaves out what is.
    #[error("{}", list(.0))]
    StaleReference(Vec<FieldIssue>),
    /// Each field is as it should be, but what it says will not do: a password
    /// that is easily guessed, fields that do not go together.
    #[error("{}", list(.0))]
    Unprocessable(Vec<FieldIssue>),
    /// What is to be changed does not exist.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of thing, for a person.
        what: &'static str,
        /// Its number.
        id: i64,
    },
    /// Something else refers to it.
    #[error("{detail}")]
    InUse {
        /// What refers to it and what can be done, as a sentence.
        detail: String,
        /// The names of what refers to it.
        users: Vec<String>,
    },
    /// Another row has what must be unique.
    #[error("{field}: {message}")]
    Conflict {
        /// The field.
        field: &'static str,
        /// What has it already, as a sentence.
        message: String,
    },
    /// Its state does not allow it now.
    #[error("{0}")]
    InvalidState(String),
    /// It is no longer the version that the change was asked of.
    #[error("it was changed by somebody else meanwhile")]
    PreconditionFailed {
        /// It as it is now: its snapshot, without secrets.
        current: Value,
    },
    /// The key of a request that may be sent again was used for another one.
    #[error("this key was used for another request")]
    KeyReused,
    /// Too many passwords are hashed at this moment; worth trying again soon.
    #[error("too many passwords are hashed at this moment")]
    Busy,
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The versions that a change is asked of: it is made of no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whichever it is.
    Any,
    /// One of these, as [`etag`] writes them.
    OneOf(Vec<String>),
}

impl Expected {
    /// Whether a change may be made of what looks so now. To be asked in the
    /// transaction that makes it. `None`: nobody said of which version.
    ///
    /// # Errors
    /// [`ChangeError::Changed`].
    pub fn check(expected: Option<&Self>, current: &Value) -> Result<(), ChangeError> {
        match expected {
            Some(Self::OneOf(tags)) if !tags.contains(&etag(current)) => {
                Err(ChangeError::PreconditionFailed {
                    current: current.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// The version of what looks so: a strong entity tag (RFC 9110, 8.8.3), in its
/// quotes. Equal snapshots have equal ones.
#[must_use]
pub fn etag(snapshot: &Value) -> String {
    let hash = blake3::hash(snapshot.to_string().as_bytes()).to_hex();
    format!("\"{}\"", &hash[..16])
}

fn list(issues: &[FieldIssue]) -> String {
    let issues: Vec<String> = issues
        .iter()
        .map(|issue| format!("{}: {}", issue.field, issue.message))
        .collect();
    issues.join("; ")
}

/// Gathers what is wrong with a request, so that a person reads all of it at
/// once.
#[derive(Debug, Default)]
pub(crate) struct Issues(Vec<FieldIssue>);

impl Issues {
    /// One more.
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldIssue::new(field, message));
    }

    /// The value of a check, or the type's empty value and one more issue.
    pub(crate) fn take<T: Default>(&mut self, field: &str, checked: Result<T, String>) -> T {
        checked.unwrap_or_else(|message| {
            self.add(field, message);
            T::default()
        })
    }

    /// Ends the checking, with what is [unfit](ChangeError::Unfit) besides.
    pub(crate) fn finish_with(mut self, unfit: Self) -> Result<(), ChangeError> {
        if self.0.is_empty() && !unfit.0.is_empty() {
            return Err(ChangeError::Unprocessable(unfit.0));
        }
        if !self.0.is_empty() {
            self.0.extend(unfit.0);
        }
        self.finish()
    }

    /// Ends the checking.
    pub(crate) fn finish(self) -> Result<(), ChangeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ChangeError::Invalid(self.0))
        }
    }
}

/// A name for people to read: trimmed, 1 to 100 characters, on one line.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if !(1..=100).contains(&text.chars().count()) {
        return Err("expected 1 to 100 characters".to_owned());
    }
    clean(text)?;
    Ok(text.to_owned())
}

/// Refuses what is not seen and makes a text look like another one: control
/// characters, those that turn the direction of writing, and those without a
/// width. (Those that join letters stay: some scripts need them.)
pub(crate) fn clean(text: &str) -> Result<(), String> {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c,
                '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
    };
    match text.chars().find(|c| is_hidden(*c)) {
        Some(c) if c.is_control() => {
            Err("expected no line breaks or other control characters".to_owned())
        }
        Some(c) => Err(format!(
            "expected no invisible characters, and found U+{:04X}",
            u32::from(c)
        )),
        None => Ok(()),
    }
}

/// The matchers of `matchers` in canonical form. Not kept as typed, so that what
/// is shown is what was understood.
pub(crate) fn matchers(issues: &mut Issues, texts: &[String]) -> Vec<String> {
    match matcher::parse_all(texts) {
        Ok(matchers) => matchers.iter().map(ToString::to_string).collect(),
        Err(invalid) => {
            for InvalidMatcher { index, error } in invalid {
                let field = match error {
                    MatcherError::TooMany { .. } => "matchers".to_owned(),
                    _ => format!("matchers[{index}]"),
                };
                issues.add(field, error.to_string());
            }
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_made_of_the_version_it_was_asked_of() {
        let (was, is) = (json!({"name": "a"}), json!({"name": "b"}));
        assert_ne!(etag(&was), etag(&is));
        assert_eq!(etag(&is), etag(&is.clone()));
        assert_eq!(etag(&is).len(), 18);
        let seen = |tags: &[&Value]| Expected::OneOf(tags.iter().map(|tag| etag(tag)).collect());
        for good in [None, Some(Expected::Any), Some(seen(&[&was, &is]))] {
            assert!(
                Expected::check(good.as_ref(), &is).is_ok(),
                "{good:?} would do"
            );
        }
        for bad in [seen(&[&was]), seen(&[])] {
            match Expected::check(Some(&bad), &is) {
                Err(ChangeError::PreconditionFailed { current }) => assert_eq!(current, is),
                other => panic!("{bad:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn names_are_trimmed_and_bounded_in_characters() {
        assert_eq!(name("  值班 Ops "), Ok("值班 Ops".to_owned()));
        assert!(name(&"值".repeat(100)).is_ok());
        assert!(name("محمد علی").is_ok() && name("क्\u{200D}ष").is_ok());
        for bad in [
            "",
            " \u{3000} ",
            &"值".repeat(101),
            "a\nb",
            "a\0b",
            // It would be shown as "admin".
            "\u{202E}nimda",
            "a\u{2066}b",
            "a\u{200F}",
            "\u{200B}",
            "a\u{2028}b",
        ] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_issue_is_named() {
        let mut issues = Issues::default();
        assert_eq!(issues.take("a", Err::<i64, _>("no number".to_owned())), 0);
        assert_eq!(issues.take("b", Ok(7)), 7);
        issues.add("c[1]", "too late");
        let error = issues.finish().map_err(|error| error.to_string());
        assert_eq!(error, Err("a: no number; c[1]: too late".to_owned()));
        assert!(Issues::default().finish().is_ok());
    }
}
