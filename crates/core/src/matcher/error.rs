//! Errors of the matcher parser.

/// An invalid matcher; the message is for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// Unexpected input.
    #[error("at character {position}: expected {expected}")]
    Syntax {
        /// In characters, from 1.
        position: usize,
        /// Description of the expected input.
        expected: &'static str,
    },
    /// Not a valid regular expression.
    #[error("not a regular expression: {reason}")]
    Regex {
        /// Message of the regex compiler, in one line.
        reason: String,
    },
    /// A regular expression that would take too much memory.
    #[error("the regular expression is too large; use fewer classes or smaller repetitions")]
    RegexTooLarge,
    /// Regular expressions that together would take too much memory.
    #[error(
        "the regular expressions are too large together; use fewer, or make their repetitions smaller"
    )]
    RegexesTooLarge,
    /// Longer than one matcher may be.
    #[error("a matcher may have at most {limit} bytes")]
    TooLong {
        /// See [`super::MAX_LENGTH`].
        limit: usize,
    },
    /// More matchers than a list may have.
    #[error("a list may have at most {limit} matchers")]
    TooMany {
        /// See [`super::MAX_MATCHERS`].
        limit: usize,
    },
}

impl MatcherError {
    pub(super) fn syntax(error: &impl ToString) -> Self {
        // The error has several lines that point into the expression; the last one is the message.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        Self::Regex {
            reason: last.trim_start_matches("error: ").to_owned(),
        }
    }
}
