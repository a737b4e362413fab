//! What is wrong with a matcher.

/// A matcher that cannot be read; the message is for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// Something else was expected there.
    #[error("at character {position}: expected {expected}")]
    Syntax {
        /// In characters, from 1.
        position: usize,
        /// In words.
        expected: &'static str,
    },
    /// Not a regular expression.
    #[error("not a regular expression: {reason}")]
    Regex {
        /// What the compiler says of it, in one line.
        reason: String,
    },
    /// A regular expression that would take too much memory.
    #[error("the regular expression is too large; use fewer classes or smaller repetitions")]
    RegexTooLarge,
    /// Regular expressions that would take too much memory together.
    #[error(
        "the regular expressions are too large together; use fewer, or make their repetitions smaller"
    )]
    RegexesTooLarge,
    /// More text than one matcher may have.
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
        // Several lines that draw the expression and point into it; the last one says it.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        Self::Regex {
            reason: last.trim_start_matches("error: ").to_owned(),
        }
    }
}
