//! Lists of matchers, with a common size limit.

use super::parse::{Reader, parse};
use super::{Matcher, MatcherError, expression};

/// Maximum number of matchers in a list, a route or a request.
pub const MAX_MATCHERS: usize = 32;

/// An invalid matcher in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMatcher {
    /// Index in the list, from 0.
    pub index: usize,
    /// The error.
    pub error: MatcherError,
}

/// Collects matchers one by one, up to the limits on number and size.
#[derive(Debug, Default)]
struct Bounded {
    matchers: Vec<Matcher>,
    size: usize,
}

impl Bounded {
    fn has_room(&self) -> Result<(), MatcherError> {
        match self.matchers.len() < MAX_MATCHERS {
            true => Ok(()),
            false => Err(MatcherError::TooMany {
                limit: MAX_MATCHERS,
            }),
        }
    }

    fn push(&mut self, matcher: Matcher) -> Result<(), MatcherError> {
        self.size += matcher.size();
        if self.size > expression::MAX_SIZE {
            return Err(MatcherError::RegexesTooLarge);
        }
        self.matchers.push(matcher);
        Ok(())
    }
}

/// Parses matchers given separately, each as [`parse()`] does.
///
/// # Errors
///
/// All invalid matchers; after the first one beyond a limit the rest is not compiled.
pub fn parse_all<T: AsRef<str>>(texts: &[T]) -> Result<Vec<Matcher>, Vec<InvalidMatcher>> {
    if texts.len() > MAX_MATCHERS {
        return Err(vec![InvalidMatcher {
            index: MAX_MATCHERS,
            error: MatcherError::TooMany {
                limit: MAX_MATCHERS,
            },
        }]);
    }
    let mut list = Bounded::default();
    let mut invalid = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let parsed = parse(text.as_ref());
        if let Err(error) = parsed.and_then(|matcher| list.push(matcher)) {
            let is_too_much = matches!(
                error,
                MatcherError::RegexTooLarge | MatcherError::RegexesTooLarge
            );
            invalid.push(InvalidMatcher { index, error });
            if is_too_much {
                break;
            }
        }
    }
    match invalid.is_empty() {
        true => Ok(list.matchers),
        false => Err(invalid),
    }
}

/// Parses matchers separated by commas, with or without braces around them: `{a="b",c=~"d"}`. An
/// empty string or `{}` is an empty list. A trailing comma is allowed.
///
/// # Errors
///
/// [`MatcherError`] with the position and the expected input.
pub fn parse_list(text: &str) -> Result<Vec<Matcher>, MatcherError> {
    let mut reader = Reader::of_list(text)?;
    let mut list = Bounded::default();
    while !reader.is_at_end() {
        list.has_room()?;
        list.push(reader.matcher()?)?;
        reader.comma_or_end()?;
    }
    Ok(list.matchers)
}
