//! Why a change that a person asked for was not made.

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
    NotNow(String),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
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
    if text.chars().any(char::is_control) {
        return Err("expected no line breaks or other control characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded_in_characters() {
        assert_eq!(name("  值班 Ops "), Ok("值班 Ops".to_owned()));
        assert!(name(&"值".repeat(100)).is_ok());
        for bad in ["", " \u{3000} ", &"值".repeat(101), "a\nb", "a\0b"] {
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
