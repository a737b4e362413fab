//! Errors of user changes, and the check of the version that a change is based on.

use serde_json::Value;
use tocsin_core::matcher::{self, InvalidMatcher, MatcherError};
use tocsin_storage::StorageError;

/// An invalid field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldIssue {
    /// The field as the API names it, such as `email` or `matchers[0]`.
    pub field: String,
    /// The problem and the expected value, as a sentence.
    pub message: String,
}

impl FieldIssue {
    /// Creates an issue for one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Reason why a change failed. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Invalid fields; all of them are listed.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldIssue>),
    /// The fields are valid, but they refer to rows that do not exist (any more), or
    /// omit rows that do.
    #[error("{}", list(.0))]
    StaleReference(Vec<FieldIssue>),
    /// The fields have the right form, but their values are not accepted, such as a
    /// weak password or fields that exclude each other.
    #[error("{}", list(.0))]
    Unprocessable(Vec<FieldIssue>),
    /// The object does not exist.
    #[error("there is no {what} {id}")]
    NotFound {
        /// Kind of object, as shown to users.
        what: &'static str,
        /// Its ID.
        id: i64,
    },
    /// Another object refers to it.
    #[error("{detail}")]
    InUse {
        /// The objects that refer to it and the way to resolve this, as a sentence.
        detail: String,
        /// Names of the objects that refer to it.
        users: Vec<String>,
    },
    /// A unique value is used by another object.
    #[error("{field}: {message}")]
    Conflict {
        /// Name of the field.
        field: &'static str,
        /// The object that uses the value, as a sentence.
        message: String,
    },
    /// The current state of the object does not allow the change.
    #[error("{0}")]
    InvalidState(String),
    /// The object is no longer at the version that the change is based on.
    #[error("it was changed by another user")]
    PreconditionFailed {
        /// Current snapshot of the object, without secrets.
        current: Value,
    },
    /// The idempotency key was used for a different request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// Too many passwords are being hashed; a retry soon is worthwhile.
    #[error("too many passwords are being hashed")]
    Busy,
    /// Error from the database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The versions that a change may be based on (`If-Match`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Any version.
    Any,
    /// One of these entity tags (see [`etag`]).
    OneOf(Vec<String>),
}

impl Expected {
    /// Checks the current version. Call this in the transaction that makes the change.
    /// `None`: the request has no condition.
    ///
    /// # Errors
    /// [`ChangeError::PreconditionFailed`].
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

/// Version of a snapshot: a strong entity tag (RFC 9110, 8.8.3), including its quotes.
/// Equal snapshots have equal tags.
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

/// Collects all issues of a request, so that a user sees them at once.
#[derive(Debug, Default)]
pub(crate) struct Issues(Vec<FieldIssue>);

impl Issues {
    /// Adds an issue.
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldIssue::new(field, message));
    }

    /// Returns the checked value; on an error adds an issue and returns the default
    /// value.
    pub(crate) fn take<T: Default>(&mut self, field: &str, checked: Result<T, String>) -> T {
        checked.unwrap_or_else(|message| {
            self.add(field, message);
            T::default()
        })
    }

    /// Returns the issues as an error, if any. `unprocessable` holds issues of valid
    /// values that are not accepted ([`ChangeError::Unprocessable`]).
    pub(crate) fn finish_with(mut self, unprocessable: Self) -> Result<(), ChangeError> {
        if self.0.is_empty() && !unprocessable.0.is_empty() {
            return Err(ChangeError::Unprocessable(unprocessable.0));
        }
        if !self.0.is_empty() {
            self.0.extend(unprocessable.0);
        }
        self.finish()
    }

    /// Returns the issues as an error, if any.
    pub(crate) fn finish(self) -> Result<(), ChangeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ChangeError::Invalid(self.0))
        }
    }
}

/// Checks a display name: trimmed, 1 to 100 characters, on one line.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if !(1..=100).contains(&text.chars().count()) {
        return Err("expected 1 to 100 characters".to_owned());
    }
    clean(text)?;
    Ok(text.to_owned())
}

/// Rejects characters that are invisible or make a string look like another one:
/// control characters, bidirectional controls and zero-width characters. (Joiners are
/// allowed: some scripts need them.)
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

/// Parses matchers and returns them in canonical form, so that the pages show them as
/// they were understood.
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
    fn change_requires_the_expected_version() {
        let (old, new) = (json!({"name": "a"}), json!({"name": "b"}));
        assert_ne!(etag(&old), etag(&new));
        assert_eq!(etag(&new), etag(&new.clone()));
        assert_eq!(etag(&new).len(), 18);
        let one_of = |tags: &[&Value]| Expected::OneOf(tags.iter().map(|tag| etag(tag)).collect());
        for good in [None, Some(Expected::Any), Some(one_of(&[&old, &new]))] {
            assert!(
                Expected::check(good.as_ref(), &new).is_ok(),
                "{good:?} is accepted"
            );
        }
        for bad in [one_of(&[&old]), one_of(&[])] {
            match Expected::check(Some(&bad), &new) {
                Err(ChangeError::PreconditionFailed { current }) => assert_eq!(current, new),
                other => panic!("{bad:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn names_are_trimmed_and_limited_in_characters() {
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
    fn all_issues_are_listed() {
        let mut issues = Issues::default();
        assert_eq!(issues.take("a", Err::<i64, _>("no number".to_owned())), 0);
        assert_eq!(issues.take("b", Ok(7)), 7);
        issues.add("c[1]", "too late");
        let error = issues.finish().map_err(|error| error.to_string());
        assert_eq!(error, Err("a: no number; c[1]: too late".to_owned()));
        assert!(Issues::default().finish().is_ok());
    }
}
